import { createHash } from "node:crypto";
import { mkdirSync, statSync } from "node:fs";
import { join, relative } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { LRUCache } from "lru-cache";
import { CoordinatorError } from "../../base/errors.ts";
import { readStamp } from "../../base/files/file-stamp.ts";
import type { Log } from "../../base/surroundings.ts";
import { createWorldFaults } from "../../base/world-fault.ts";
import type { CommitReport, CommitterWait } from "../../task/records/commit-plan.ts";
import type { Advance, Branch, Goal } from "../branch.ts";
import { createLocks, hasLiveOwner, removeLeftLocks } from "../gate/locks.ts";
import { createProcessScan } from "../gate/process-scan.ts";
import { createTemporaryFiles } from "../gate/temporary-files.ts";
import { createWaitPauses } from "../gate/wait-pauses.ts";
import { createIndexFile } from "../index/index-file.ts";
import { createIndexKnowledge } from "../index/index-knowledge.ts";
import { objectId } from "../objects/object-format.ts";
import { createObjectReader, type ObjectReader } from "../objects/object-reader.ts";
import { createObjectStore } from "../objects/object-store.ts";
import { createOwnPacks } from "../objects/own-packs.ts";
import { createTreeEditor } from "../objects/tree-edit.ts";
import { fromByteName, isFolder, isPlainFile } from "../objects/tree-format.ts";
import { authorFor, type IdentityOf, readIdentity } from "../repository/committer-identity.ts";
import { createConfiguredPrograms } from "../repository/configured-programs.ts";
import { createAuthorshipReader, findIntroduction, isCopy } from "../repository/history.ts";
import type { WorkTreePlace } from "../repository/read-work-tree.ts";
import { createRefs } from "../repository/refs.ts";
import { openRepository } from "../repository/repository.ts";
import { createBranchView } from "./branch-view.ts";
import { type Batch, type BatchWork, createBatch, type Outcome } from "./commit-batch.ts";
import { decode, type FileChange } from "./commit-chain.ts";
import { createCommittedMemory } from "./committed-memory.ts";
import { ApartError, type MoveParts, moveTo } from "./move.ts";
import { ownCommits } from "./own-commits.ts";
import { MoveRefusedError } from "./user-files.ts";
import { createWorkTree } from "./work-tree.ts";

export interface CommitterOptions {
  /** The work tree, which may be a linked one. */
  readonly place: Pick<WorkTreePlace, "topDir" | "gitDir">;
  /** Absolute; its top, or a folder inside it. */
  readonly workspaceDir: string;
  /** Absolute; for locks, temporary files and the note about our last commit. On the file system of the git directory. */
  readonly stateDir: string;
  /** Full name of the branch: "refs/heads/main". */
  readonly branch: string;
  /** Unix ms. */
  readonly now: () => number;
  readonly onNotice: (message: string) => void;
  /** "Name <address>" for the commits' author; `undefined`: codex-inbox, with the address of who commits. */
  readonly author?: string | undefined;
  /** `readIdentity` unless given. */
  readonly identityOf?: IdentityOf;
  /** A reader of this repository's objects, for the committer to close; one of its own unless given. */
  readonly objects?: ObjectReader;
  /** Git run by a process with `CODEX_INBOX_RUN=<ownMarker>…` in its environment is an agent of ours: it cannot write `.git`. */
  readonly ownMarker: string;
}

/** A command of git has read what it wants of the work tree by then; one that is still there has an editor open, or waits. */
const READING_MS = 5_000;
/** What the committer does, in the sentence that says what it cannot do. */
const COMMITTING = "commit results";
/** When nothing was committed for so long, packs are joined … */
const QUIET_MS = 2_000;
/** … and after so many batches in any case. */
const BATCHES_UNTIDIED_MAX = 200;
/** More than one move brings. */
const BROUGHT_MAX = 2_000;
/** After a miss, which another process's start caused. */
const MISS_PAUSE_MS = 1;

/**
 * Opens the branch for commits, and removes what a crash of ours left behind.
 *
 * @throws CoordinatorError `CONFIG` where this work tree or branch cannot be used
 */
export async function openCommitter(options: CommitterOptions): Promise<Branch> {
  const parts = await openParts(options);
  const { repository, refs, trees, view, knowledge } = parts;
  const closing = new AbortController();
  let tail: Promise<unknown> = Promise.resolve();
  let wait: CommitterWait | undefined;
  /** Files that moves have put into the work tree, and how they were then. */
  const brought = new LRUCache<string, string>({ max: BROUGHT_MAX });
  const tell: Log = (_event, { reason }) => {
    if (typeof reason === "string") options.onNotice(reason);
  };
  const faults = createWorldFaults({ now: options.now }, tell, options.stateDir);

  /** What the machine cannot do just now is tried again. */
  async function attempt(batch: Batch, signal: AbortSignal): Promise<Outcome> {
    try {
      const outcome = await batch.attempt(signal);
      faults.clear(COMMITTING);
      return outcome;
    } catch (error) {
      parts.temporary.clear();
      const retryMs = faults.note(COMMITTING, error);
      if (retryMs === undefined) throw error;
      const fault = faults.current();
      if (fault !== undefined) wait = { ...fault, sinceMs: wait?.sinceMs ?? fault.sinceMs };
      await delay(retryMs, undefined, { signal });
      return { kind: "missed", because: "changed" };
    }
  }

  async function run(work: BatchWork, signal: AbortSignal): Promise<CommitReport> {
    const batch = createBatch(parts, work);
    const pauses = createWaitPauses(() => performance.now());
    try {
      for (;;) {
        if (signal.aborted) throw new DOMException("the commit was given up", "AbortError");
        const outcome = await attempt(batch, signal);
        if (outcome.kind === "done") {
          committed();
          return outcome.report;
        }
        if (outcome.kind === "closed") {
          wait = { reason: outcome.reason, sinceMs: wait?.sinceMs ?? options.now() };
          await delay(pauses.next(outcome.reason), undefined, { signal });
        } else await delay(MISS_PAUSE_MS, undefined, { signal });
      }
    } finally {
      wait = undefined;
      await batch.discard();
    }
  }

  let untidied = 0;
  let tidying: Promise<void> | undefined;
  const quiet = createTimer(() => tidy());

  function tidy(): void {
    if (closing.signal.aborted || tidying !== undefined) return;
    untidied = 0;
    tidying = parts.store
      .tidy(closing.signal)
      // What could not be joined now is joined another time; until then it is only many files.
      .catch((error: unknown) => options.onNotice(`packs were not joined: ${String(error)}`))
      .finally(() => {
        tidying = undefined;
      });
  }

  function committed(): void {
    untidied += 1;
    if (untidied >= BATCHES_UNTIDIED_MAX) tidy();
    else quiet.restart(QUIET_MS);
  }

  const entryAt = (path: string) => trees.find(view.tree, repository.prefix + path);

  function inTurn(work: BatchWork, signal: AbortSignal): Promise<CommitReport> {
    const either = AbortSignal.any([signal, closing.signal]);
    const result = tail.then(() => run(work, either));
    tail = result.catch(() => undefined);
    return result;
  }

  /** What a write changes. The time of its last change does not count: a second name of it is removed a moment later. */
  const stampOf = (path: string): string => {
    const stamp = readStamp(join(repository.topDir, path));
    return stamp === undefined ? "" : `${stamp.inode}:${stamp.sizeBytes}:${stamp.modifiedMs}`;
  };

  async function advance(to: string | Goal, signal: AbortSignal): Promise<Advance> {
    let moved = false;
    const onMoved = (changes: readonly FileChange[]): void => {
      moved = true;
      for (const { path, after } of changes) if (after !== undefined) brought.set(path, stampOf(path));
    };
    try {
      const { tip, leftAlone, indexHeldMs } = await inTurn(moveTo(parts, to, onMoved), signal);
      return moved ? { kind: "moved", tip, leftAlone, indexHeldMs } : { kind: "there" };
    } catch (error) {
      if (error instanceof ApartError) return { kind: "apart" };
      if (error instanceof MoveRefusedError) return { kind: "in-the-way", why: error.message, paths: error.paths };
      throw error;
    }
  }

  return {
    commit: (plans, signal) => inTurn(ownCommits(parts, plans), signal),
    advance,
    waiting: () => wait,
    refresh: () => view.refresh(),
    seenTo: (unseen) => view.seenTo(unseen),
    async readText(path) {
      const entry = await entryAt(path);
      if (entry === undefined || !isPlainFile(entry)) return undefined;
      return decode(await parts.store.read(entry.id, "blob"));
    },
    async blobAt(path) {
      const entry = await entryAt(path);
      return entry !== undefined && isPlainFile(entry) ? entry.id : undefined;
    },
    async listFolder(path) {
      const entry = await entryAt(path);
      if (entry === undefined || !isFolder(entry)) return [];
      const entries = [...(await trees.read(entry.id))].filter(([, child]) => isFolder(child) || isPlainFile(child));
      return entries.map(([name, child]) => ({ name: fromByteName(name), kind: isFolder(child) ? "folder" : "file" }));
    },
    treeId: async (path) => (await entryAt(path))?.id,
    headIsOurs: async () => refs.headBranch() === repository.branch,
    isWhole(path) {
      const full = repository.prefix + path;
      return brought.has(full) && brought.get(full) === stampOf(full);
    },
    isUserAtGit() {
      const lock = readStamp(parts.locks.path("index"));
      const isFresh = lock !== undefined && options.now() - lock.modifiedMs < READING_MS;
      return isFresh || parts.scan.anyBeganWithin(READING_MS);
    },
    async indexEntries(folder) {
      const entries = await knowledge.below((repository.prefix + folder).replace(/\/$/, ""));
      if (repository.prefix === "") return entries;
      return new Map([...entries].map(([path, id]) => [path.slice(repository.prefix.length), id]));
    },
    introducedBy: async (path) =>
      view.tip === undefined ? undefined : findIntroduction(repository, view.tip, repository.prefix + path),
    isRewritten: async (path) => view.tip !== undefined && isCopy(repository, view.tip, repository.prefix + path),
    authorship: createAuthorshipReader(repository, options.onNotice),
    hashBlob: (bytes) => objectId(repository.objectFormat, "blob", bytes),
    async close() {
      closing.abort();
      quiet.stop();
      await tail;
      await tidying;
      parts.locks.close();
      parts.store.close();
    },
  };
}

async function openParts(options: CommitterOptions): Promise<MoveParts> {
  const { stateDir, place, now } = options;
  const repository = await openRepository(place, options.workspaceDir, options.branch);
  mkdirSync(stateDir, { recursive: true });
  if (statSync(stateDir).dev !== statSync(repository.gitDir).dev) {
    const message = `${stateDir} must lie on the file system of ${repository.gitDir}: locks and the index are moved between them`;
    throw new CoordinatorError("CONFIG", message);
  }
  for (const path of removeLeftLocks(repository, stateDir))
    options.onNotice(`removed a lock that a crash left behind: ${path}`);
  const { objectFormat, objectsDir, gitDir } = repository;
  const temporary = createTemporaryFiles(repository, stateDir);
  const owner = createHash("sha256").update(relative(repository.commonDir, stateDir)).digest("hex").slice(0, 12);
  const packs = createOwnPacks({ objectsDir, commonDir: repository.commonDir, format: objectFormat, owner });
  if (!hasLiveOwner(stateDir)) packs.clean();
  const identity = await (options.identityOf ?? readIdentity)(repository);
  const objects = options.objects ?? createObjectReader({ gitDir });
  const store = createObjectStore({ objects, objectsDir, format: objectFormat, packs });
  const refs = createRefs(repository);
  const memory = createCommittedMemory(stateDir, options.branch);
  const index = createIndexFile(repository, temporary);
  return {
    repository,
    refs,
    store,
    memory,
    index,
    now,
    temporary,
    ...{ identity, author: options.author ?? authorFor(identity) },
    programs: createConfiguredPrograms(),
    trees: createTreeEditor(store, objectFormat),
    knowledge: createIndexKnowledge(index),
    workTree: createWorkTree(repository, temporary, (content) => objectId(objectFormat, "blob", content)),
    locks: createLocks(repository, stateDir),
    scan: createProcessScan(repository, options.ownMarker),
    view: createBranchView(repository, refs, store, memory),
  };
}

/** A timer that does not keep our process alive. */
function createTimer(onEnd: () => void): { restart(ms: number): void; stop(): void } {
  let timer: NodeJS.Timeout | undefined;
  return {
    restart(ms) {
      clearTimeout(timer);
      timer = setTimeout(onEnd, ms).unref();
    },
    stop: () => clearTimeout(timer),
  };
}
