import { rmSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { systemErrorCode } from "../../base/errors.ts";
import { faultPoint } from "../../base/fault-point.ts";
import { syncFolder } from "../../base/files/durable-file.ts";
import { worldFaultCode } from "../../base/world-fault.ts";
import type { CommitReport } from "../../task/records/commit-plan.ts";
import type { Blocker, Forks } from "../gate/process-scan.ts";
import { ObstacleError } from "../objects/tree-edit.ts";
import { GitError } from "../process/git-process.ts";
import { describeLock, inspectRepository, type RepositoryState } from "../repository/repository-state.ts";
import type { BranchView } from "./branch-view.ts";
import type { CommitChain, Signed } from "./commit-chain.ts";
import { findLeftBehind, type Refusal, type Staging, type StagingParts, settleAll } from "./staging.ts";
import { type Missed, readySwap, type SwapParts, type SwapResult } from "./swap.ts";
import { ElsewhereError } from "./work-tree.ts";

export interface BatchParts extends StagingParts, SwapParts {
  readonly view: BranchView;
  /** Who commits, and as whom: "Name <address>". */
  readonly identity: string;
  readonly author: string;
}

export type Outcome =
  | { readonly kind: "done"; readonly report: CommitReport }
  | Missed
  | { readonly kind: "closed"; readonly reason: string };

/** What is brought into the branch: commits that are made for it (own-commits.ts), or that are there already (move.ts). */
export interface BatchWork {
  /** Files (from the top of the work tree) that it is known to change. */
  readonly paths: readonly string[];
  /** Returns what there is to do on top of `base`; the objects may be named only. */
  build(base: string | undefined, signed: Signed): Promise<CommitChain>;
  /** Prepares index and work tree. */
  stage(chain: CommitChain): Promise<Staging | Refusal>;
  /** Writes down what is about to happen, before any of it can be seen. */
  intend(chain: CommitChain): Promise<void>;
  /** The branch has moved. */
  settle(chain: CommitChain): void | Promise<void>;
  /** Nothing more is asked of it. */
  end(): void;
}

/** One batch on its way into the branch. What was prepared is kept from attempt to attempt while it is still true. */
export interface Batch {
  attempt(signal: AbortSignal): Promise<Outcome>;
  /** Removes temporary files. */
  discard(): Promise<void>;
}

/**
 * Who has just slept is not interrupted at once. Without this rest the looks have used up our turn: on a machine with seven times the
 * work it can do, a quarter of the swaps were interrupted for 2 to 13 ms, and one in a hundred met a command of the user's.
 */
const REST_MS = 1;
/** Between two times that the locks are taken in vain. */
const APART_MS = 4;
/** From that rest to the point of no return. It grows with every swap that was too slow: a busy machine must not starve us. */
const LIMIT_MS = 0.6;
const LIMIT_PER_FILE_MS = 0.01;
const LIMIT_GROWTH = 1.2;
/** After so many looks that found any new process, only those that were just forked count … */
const LOOKS_ANY = 20;
/** … after so many that found one of these, those that stand elsewhere no longer count … */
const LOOKS_EVERYWHERE = 30;
/** … and after so many (some 150 ms) nothing counts but git itself: what forks without end in the work tree must not starve us. */
const LOOKS_IN_THE_TREE = 100;
/** All processes are looked at again after so many looks at the new ones. */
const LOOKS_PER_SCAN = 40;

const MISSED: Missed = { kind: "missed", because: "changed" };

function forksAfter(looks: number): Forks {
  if (looks < LOOKS_ANY) return "any";
  if (looks < LOOKS_EVERYWHERE) return "everywhere";
  return looks < LOOKS_IN_THE_TREE ? "in-the-tree" : "none";
}

export function createBatch(parts: BatchParts, work: BatchWork): Batch {
  const { repository, refs, store, locks, scan, index, view, memory } = parts;
  const paths = [...new Set([...memory.paths(), ...work.paths])];
  let signature = "";
  let chain: CommitChain | undefined;
  let staging: Staging | undefined;
  let isWritten = false;
  let blocker: number | undefined;
  let hasWaited = false;
  let looks = 0;
  let attempts = 0;
  let limitMs = LIMIT_MS;
  let indexMs = 0;

  async function dropStaging(): Promise<void> {
    const dropped = staging;
    staging = undefined;
    await dropped?.files.clear();
    if (dropped?.indexPath !== undefined) rmSync(dropped.indexPath, { force: true });
  }

  async function currentChain(): Promise<CommitChain> {
    const base = refs.tip();
    if (chain !== undefined && chain.base === base && isStored()) return chain;
    await dropStaging();
    view.builtOn(base);
    store.forget();
    isWritten = false;
    const time = `${Math.floor(parts.now() / 1_000)} +0000`;
    signature = `${parts.identity} ${time}`;
    chain = await work.build(base, { author: `${parts.author} ${time}`, committer: signature });
    return chain;
  }

  /** Nothing refers to the objects yet: after a wait, `git gc --prune=now` of the user's may have taken them away. */
  function isStored(): boolean {
    return !isWritten || store.hasFlushed();
  }

  /** Makes everything durable that the swap will make visible, and the note and the tokens by which a crash is understood. */
  async function writeObjects(made: CommitChain): Promise<void> {
    if (isWritten) return;
    const moved = made.tip === made.base ? undefined : made.tip;
    const intended = moved === undefined ? undefined : work.intend(made);
    await Promise.all([store.flush(), intended, locks.prepare(moved)]);
    faultPoint("commit:objects-written");
    isWritten = true;
  }

  async function currentStaging(of: CommitChain): Promise<Staging | Refusal> {
    if (staging !== undefined && index.stamp() === staging.indexStamp && staging.files.stillAsSeen()) return staging;
    await dropStaging();
    const next = await work.stage(of);
    if (!("refused" in next)) {
      staging = next;
      indexMs += next.indexMs;
    }
    return next;
  }

  /** Returns how much may be committed now, or why nothing may, looking at what is cheap to look at. */
  function look(): RepositoryState {
    const state = inspectRepository(repository, refs);
    if (state.kind === "closed") return state;
    // After a wait somebody's git is looked for first, and the one that ran before all others: a long wait costs next to nothing,
    // and nothing is prepared that its end would make worthless.
    const found = hasWaited ? scan.scan(blocker) : undefined;
    blocker = found?.pid;
    const reason = found?.what ?? (state.kind === "full" ? describeLock(locks.path("index"), parts.now()) : undefined);
    return reason === undefined ? state : { kind: "closed", reason };
  }

  async function attempt(signal: AbortSignal): Promise<Outcome> {
    const state = look();
    if (state.kind === "closed") {
      hasWaited = true;
      const made = chain ?? (await currentChain());
      return made.tip === made.base ? unmoved(made) : state;
    }
    if (state.kind === "full") parts.knowledge.prefetch(paths);
    const made = await currentChain();
    const preparing = prepare(made, state.kind === "full");
    preparing.catch(() => undefined); // It is awaited below.
    if (!hasWaited) scan.scanIfOld(); // While objects and index are on their way to the disk.
    const staged = await preparing;
    if (staged !== undefined && "refused" in staged) {
      hasWaited = true;
      return made.tip === made.base ? unmoved(made) : { kind: "closed", reason: staged.refused };
    }
    if (made.tip === made.base && staged?.indexPath === undefined) return unmoved(made);
    const result = await settleAndSwap(made, staged, signal);
    hasWaited = result.kind === "closed";
    return result.kind === "done" ? finish(made, result.leftAlone) : result;
  }

  async function prepare(made: CommitChain, isFull: boolean): Promise<Staging | Refusal | undefined> {
    if (isFull) return (await settleAll([currentStaging(made), writeObjects(made)]))[0];
    await dropStaging();
    const left = await findLeftBehind(parts, made);
    if (left !== undefined)
      return { refused: `${left} is left in the work tree of another branch: it would bar the way back` };
    await writeObjects(made);
    return undefined;
  }

  /** Looks until nothing is about to become git, and swaps. What was started since the scan is looked at before the rest: it may be much. */
  async function settleAndSwap(
    made: CommitChain,
    staged: Staging | undefined,
    signal: AbortSignal,
  ): Promise<SwapResult> {
    const ready = readySwap(parts, { chain: made, staging: staged, signature });
    if (ready === undefined) return MISSED;
    try {
      for (let round = 1; round <= LOOKS_PER_SCAN; round += 1) {
        const found = scan.look("none");
        if (typeof found === "object") return blockedBy(found);
        await delay(REST_MS, undefined, { signal });
        const forks = forksAfter(looks);
        const last = scan.look(forks);
        if (typeof last === "object") return blockedBy(last);
        if (last === "unsettled") {
          looks += 1;
          continue;
        }
        attempts += 1;
        const result = ready.run(forks, limitMs + LIMIT_PER_FILE_MS * (staged?.files.replaced.length ?? 0));
        if (result.kind !== "missed" || result.because === "changed") return result;
        if (result.because === "late") limitMs *= LIMIT_GROWTH;
        else looks += 1;
        await delay(APART_MS, undefined, { signal }); // Taken again at once, the locks would be held for a good part of the time.
      }
      return MISSED;
    } finally {
      ready.close();
    }
  }

  function blockedBy({ pid, what }: Blocker): SwapResult {
    blocker = pid;
    return { kind: "closed", reason: what };
  }

  /** The branch has moved. Makes that durable, and remembers it. */
  async function finish(made: CommitChain, failed: readonly string[]): Promise<Outcome> {
    if (made.tip !== made.base) await work.settle(made);
    const leftAlone = new Set([...(staging?.leftAlone ?? []), ...failed]);
    await dropStaging();
    // The index was renamed before the branch: one journal of a file system holds both. Where it does not, the next commit puts it right.
    await syncFolder(dirname(repository.branchPath));
    faultPoint("commit:done");
    return { kind: "done", report: toReport(made, [...leftAlone]) };
  }

  function unmoved(made: CommitChain): Outcome {
    return { kind: "done", report: toReport(made, []) };
  }

  function toReport(made: CommitChain, leftAlone: readonly string[]): CommitReport {
    const paths = leftAlone.map((path) => path.slice(repository.prefix.length));
    return {
      tip: made.tip ?? "",
      commits: made.commits,
      leftAlone: paths,
      indexMs,
      attempts,
      indexHeldMs: locks.indexHeldMs(),
    };
  }

  return {
    async attempt(signal) {
      try {
        return await attempt(signal);
      } catch (error) {
        if (error instanceof ObstacleError) {
          return {
            kind: "closed",
            reason: `the branch holds something else than a plain file of ours at ${error.message}`,
          };
        }
        await dropStaging();
        if (error instanceof GitError) return { kind: "closed", reason: error.message };
        if (error instanceof ElsewhereError) return MISSED;
        const code = systemErrorCode(error);
        if (code === undefined || code.startsWith("ERR_") || worldFaultCode(error) !== undefined) throw error;
        // A file or folder of ours was removed, or may not be written: everything is made again.
        isWritten = false;
        return { kind: "closed", reason: `cannot write a commit: ${error instanceof Error ? error.message : code}` };
      }
    },
    async discard() {
      await dropStaging();
      work.end();
    },
  };
}
