import { statfs } from "node:fs/promises";
import { join } from "node:path";
import { faultPoint } from "../../base/fault-point.ts";
import type { ObjectFormat } from "../objects/object-format.ts";
import { GitError, runGit } from "../process/git-process.ts";
import { createGitShell } from "../process/git-shell.ts";
import type { ConfiguredPrograms } from "../repository/configured-programs.ts";
import type { KnownRepository } from "../repository/known-repositories.ts";
import { readLooseHead } from "../repository/refs.ts";
import {
  byText,
  type Candidates,
  chooseCandidates,
  isDiskFull,
  isTouchedSince,
  type LeftOut,
  type SnapshotLimits,
  SnapshotRefusedError,
} from "./candidates.ts";
import { withoutFiltered } from "./filtered-files.ts";
import {
  createIgnoreRules,
  IGNORE_FILE,
  type IgnoreRules,
  RULES_OF_THE_DISK,
  type RuleArguments,
  rulesIn,
} from "./ignore-rules.ts";
import { createListings, type Listing, type Listings } from "./listing.ts";
import {
  type FileWithSecrets,
  kindsIn,
  type ReadObject,
  type SecretsIn,
  secretsOf,
  withoutSecrets,
} from "./new-secrets.ts";
import { createObjectReaders } from "./object-readers.ts";
import { withOwnPaths } from "./own-paths.ts";
import { dropPrivateIndex, openPrivateIndex, type PrivateIndex } from "./private-index.ts";
import { listDirtySubmodules } from "./submodules.ts";
import { type FileChange, readChanges } from "./tree-changes.ts";
import { createTreeStore, type TreeStore } from "./tree-store.ts";

export interface SnapshotRequest {
  readonly repository: KnownRepository;
  /** Absolute: an index of ours for this work tree, kept between snapshots; never the user's. */
  readonly indexPath: string;
  /** Paths from the top that are the coordinator's own: a snapshot holds there what its first parent does. */
  readonly ours: readonly string[];
  /** The commit whose files of ours the snapshot holds; the first parent's unless given. */
  readonly oursFrom?: string | undefined;
  /** The first is the commit that the work tree is compared with; none before the first commit of a branch. */
  readonly parents: readonly string[];
  /** The commit whose ignore files count; `undefined`: those on the disk. */
  readonly rulesFrom: string | undefined;
  /** What the rules on the disk hide and those of `rulesFrom` do not is taken if it was touched since (Unix ms). */
  readonly hiddenSinceMs?: number;
  /** Without the trailer `Left-Out`, which is added to it. */
  readonly message: string;
  /** "Name <address>", each. */
  readonly author: string;
  readonly committer: string;
  /** Unix ms; of both. The same input gives the same id. */
  readonly atMs: number;
  readonly limits: SnapshotLimits;
  /** What was left out before and is still as it was then is left out again, without a word. */
  readonly leftOutBefore?: readonly Pick<LeftOut, "path" | "stamp">[];
  /** A file that holds a secret which the first parent has not there is taken and named, or left out and named. */
  readonly secrets: "take" | "leave-out";
}

/** `tree` is that of the whole work tree; `leftOut` what of it is not in there. */
export type Snapshot =
  | { readonly kind: "unchanged"; readonly tree: string; readonly leftOut: readonly LeftOut[] }
  | {
      readonly kind: "taken";
      readonly commit: string;
      readonly tree: string;
      /** Against the first parent. */
      readonly files: readonly FileChange[];
      readonly leftOut: readonly LeftOut[];
      /** Where there are any the commit must not leave this machine. */
      readonly secrets: readonly FileWithSecrets[];
    };

/** Takes snapshots of work trees, one at a time of each. */
export interface Snapshots {
  /**
   * Records how a work tree is now. Writes objects and an index of ours; moves no ref, and touches nothing of the user's. Where nothing
   * has changed since the last one, it costs one `git ls-files`.
   *
   * @throws SnapshotRefusedError where there is too much to record, or too little room; GitError, CoordinatorError `CONFIG`, the
   * system's errors
   */
  take(request: SnapshotRequest): Promise<Snapshot>;
  /** Returns the commit that HEAD names there; `undefined` where there is none yet. */
  head(repository: KnownRepository): Promise<string | undefined>;
}

export interface SnapshotsOptions {
  readonly programs: Pick<ConfiguredPrograms, "forListing">;
  readonly secretsIn: SecretsIn;
}

/** A listing that takes longer has compared many files that were touched and not changed. */
const SLOW_LISTING_MS = 500;
const SLOWER = 2;
/** The disk keeps so much more free than a snapshot needs. */
const FREE_BYTES_MIN = 64 * 1024 * 1024;
/** In the message of a commit. */
const LEFT_OUT_NAMED_MAX = 20;

export function createSnapshots({ programs, secretsIn }: SnapshotsOptions): Snapshots {
  /** By index: what is asked of it now. */
  const turns = new Map<string, Turns>();
  const readers = createObjectReaders();
  const git = createGitShell();
  const takeOnce = async (request: SnapshotRequest, list: ListAsked): Promise<Snapshot> => {
    const { repository, parents, ours, oursFrom, indexPath } = request;
    const environment = await programs.forListing(repository);
    const read = readers.of(repository);
    const store = createTreeStore(join(repository.commonDir, "objects"), await formatOf(request), read);
    const parentTree = parents[0] === undefined ? store.emptyTree : await store.treeOf(parents[0]);
    const begin = (): Promise<string> => storedCodeTree(store, parentTree, ours);
    const index = await openPrivateIndex({ repository, path: indexPath, environment, begin });
    const before = await index.tree();
    const rules = createIgnoreRules(repository, index, read);
    const listing = await listByRules(list, request, index, rules, store, before);
    const { add, remove, leftOut } = await choose(request, listing, environment, read);
    const paths = add.map(({ path }) => path);
    if (add.length + remove.length > 0) {
      await requireRoom(repository, add);
      for (const refused of await index.update(paths, remove)) leftOut.push({ ...refused, bytes: 0, stamp: "" });
    }
    if (paths.length > 0) faultPoint("turn:files-taken");
    leftOut.push(...(await listDirtySubmodules(repository, index, programs.forListing)));
    const codeTree = await index.tree();
    if (![...paths, ...remove].some(isIgnoreFile)) rules.same(codeTree, before);
    index.save(rules.known);
    const oursTree = oursFrom === undefined ? parentTree : await store.treeOf(oursFrom);
    const tree = (await withOwnPaths(store, codeTree, oursTree, ours)) ?? store.emptyTree;
    leftOut.sort((one, other) => byText(one.path, other.path));
    if (parents.length < 2 && tree === parentTree) return { kind: "unchanged", tree, leftOut };
    await store.store(tree);
    const commit = await store.writeCommit(commitText(request, tree, await namedWithout(leftOut)));
    const files = await readChanges(repository, parentTree, tree);
    const found = await secretsOf(files, secretsIn, read);
    // What is held must be in no later commit: the next index begins with what is committed.
    if (found.length > 0) dropPrivateIndex(indexPath);
    return { kind: "taken", commit, tree, files, leftOut, secrets: found };
  };

  /** What a commit's message says was left out: no name that holds a secret. */
  const namedWithout = async (leftOut: readonly LeftOut[]): Promise<readonly LeftOut[]> => {
    const named: LeftOut[] = [];
    for (const [at, file] of leftOut.entries()) {
      const isSafe = at >= LEFT_OUT_NAMED_MAX || (await kindsIn(secretsIn, file.path)).length === 0;
      named.push(isSafe ? file : { ...file, path: "a file whose name holds what looks like a secret" });
    }
    return named;
  };

  const choose = async (
    { repository, limits, leftOutBefore = [], secrets, parents }: SnapshotRequest,
    listing: Listing,
    environment: Readonly<Record<string, string>>,
    read: ReadObject,
  ): Promise<Candidates & { readonly leftOut: LeftOut[] }> => {
    const unchanged = new Map(leftOutBefore.map(({ path, stamp }) => [path, stamp]));
    const { topDir } = repository;
    const fitting = await chooseCandidates(topDir, listing, limits, unchanged);
    const all = await withoutFiltered(fitting, repository, environment);
    const chosen = secrets === "take" ? all : await withoutSecrets(all, topDir, parents[0], secretsIn, read);
    return { ...chosen, leftOut: [...chosen.leftOut] };
  };

  /** An index of ours that cannot be used any more is made again, once. */
  const take = async (request: SnapshotRequest, list: ListAsked): Promise<Snapshot> => {
    try {
      return await takeOnce(request, list);
    } catch (error) {
      if (isDiskFull(error)) throw new SnapshotRefusedError("the disk is full", "ENOSPC");
      if (!(error instanceof GitError)) throw error;
      dropPrivateIndex(request.indexPath);
      return takeOnce(request, list);
    }
  };

  return {
    head: async (repository) => readLooseHead(repository) ?? (await readers.of(repository)("HEAD^{commit}"))?.id,
    take(request) {
      const askedAtMs = performance.now();
      const own = turns.get(request.indexPath) ?? { last: Promise.resolve(), listings: createListings(git) };
      turns.set(request.indexPath, own);
      const list: ListAsked = (...what) => own.listings.list(...what, askedAtMs);
      const taken = own.last.then(() => take(request, list));
      const settled = taken.then(
        () => undefined,
        () => undefined,
      );
      own.last = settled;
      void settled.then(() => {
        if (own.last === settled) turns.delete(request.indexPath);
      });
      return taken;
    },
  };
}

/** What is done with one index: one thing after the other. */
interface Turns {
  last: Promise<void>;
  readonly listings: Listings;
}

/** Lists for a request that was made at a certain time. */
type ListAsked = (
  repository: KnownRepository,
  index: PrivateIndex,
  rules: RuleArguments,
  ours: readonly string[],
) => Promise<Listing>;

/** Returns the tree that the index begins with: that of the first parent, without the coordinator's own files. */
async function storedCodeTree(store: TreeStore, tree: string, ours: readonly string[]): Promise<string> {
  const code = (await withOwnPaths(store, tree, undefined, ours)) ?? store.write(new Map());
  await store.store(code);
  return code;
}

/** Lists by the rules that count and, where an ignore file has changed since, by those on the disk as well. */
async function listByRules(
  ask: ListAsked,
  { repository, ours, rulesFrom: commit, hiddenSinceMs = 0 }: SnapshotRequest,
  index: PrivateIndex,
  rules: IgnoreRules,
  store: TreeStore,
  before: string,
): Promise<Listing> {
  const list = async (args: RuleArguments): Promise<Listing> => {
    const startedMs = performance.now();
    const listing = await ask(repository, index, args, ours);
    const tookMs = Math.round(performance.now() - startedMs);
    // Of many files, or of a busy machine, that is no sign: not again until it takes longer still.
    if (tookMs > Math.max(SLOW_LISTING_MS, SLOWER * index.usualMs) && !(await index.refresh())) index.usualMs = tookMs;
    return listing;
  };
  if (commit === undefined) return list(RULES_OF_THE_DISK);
  const codeTree = (await withOwnPaths(store, await store.treeOf(commit), undefined, ours)) ?? store.emptyTree;
  const file = await rules.of(codeTree);
  const listing = await list(rulesIn(file));
  const isSame =
    file === (await rules.of(before)) &&
    ![...listing.modified, ...listing.deleted, ...listing.untracked].some(isIgnoreFile);
  if (isSame) return listing;
  const shown = await list(RULES_OF_THE_DISK);
  const visible = new Set(shown.untracked);
  const hidden = listing.untracked.filter(
    (path) => !visible.has(path) && isTouchedSince(repository.topDir, path, hiddenSinceMs),
  );
  return { ...shown, untracked: [...shown.untracked, ...hidden] };
}

async function requireRoom({ commonDir }: KnownRepository, add: readonly { readonly bytes: number }[]): Promise<void> {
  const { bavail, bsize } = await statfs(commonDir);
  const needed = add.reduce((sum, { bytes }) => sum + bytes, FREE_BYTES_MIN);
  if (bavail * bsize >= needed) return;
  const free = `${Math.floor((bavail * bsize) / 1024 / 1024)} MB`;
  throw new SnapshotRefusedError(
    `the disk of ${commonDir} has ${free} free, ${Math.ceil(needed / 1024 / 1024)} MB are needed`,
  );
}

function commitText(
  { parents, author, committer, atMs, message }: SnapshotRequest,
  tree: string,
  leftOut: readonly LeftOut[],
): Buffer {
  const time = `${Math.floor(atMs / 1_000)} +0000`;
  const named = leftOut.slice(0, LEFT_OUT_NAMED_MAX).map(({ path, why }) => `Left-Out: ${oneLine(path)} (${why})`);
  const more = leftOut.length > named.length ? [`Left-Out: ${leftOut.length - named.length} more`] : [];
  const text = [message.replaceAll("\0", "").trimEnd(), ...named, ...more].join("\n");
  const lines = parents.map((parent) => `parent ${parent}\n`).join("");
  return Buffer.from(`tree ${tree}\n${lines}author ${author} ${time}\ncommitter ${committer} ${time}\n\n${text}\n`);
}

function oneLine(path: string): string {
  return /[\p{Cc}"]/u.test(path) ? JSON.stringify(path) : path;
}

async function formatOf({ repository, parents }: SnapshotRequest): Promise<ObjectFormat> {
  if (parents[0] !== undefined) return parents[0].length === 64 ? "sha256" : "sha1";
  const { stdout } = await runGit(repository, ["rev-parse", "--show-object-format"]);
  return stdout.toString("latin1").trim() === "sha256" ? "sha256" : "sha1";
}

function isIgnoreFile(path: string): boolean {
  return path === IGNORE_FILE || path.endsWith(`/${IGNORE_FILE}`);
}
