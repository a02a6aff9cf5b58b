import { rmSync } from "node:fs";
import { dirname } from "node:path";
import { systemErrorCode } from "../../base/errors.ts";
import { faultPoint } from "../../base/fault-point.ts";
import { syncFolder } from "../../base/files/durable-file.ts";
import { worldFaultCode } from "../../base/world-fault.ts";
import type { CommitReport } from "../../task/records/commit-plan.ts";
import { ObstacleError } from "../objects/tree-edit.ts";
import { GitError } from "../process/git-process.ts";
import { describeLock, inspectRepository, type RepositoryState } from "../repository/repository-state.ts";
import type { BranchView } from "./branch-view.ts";
import type { CommitChain, Signed } from "./commit-chain.ts";
import { ElsewhereError } from "./placement.ts";
import {
  findLeftBehind,
  type IndexStaging,
  type Refusal,
  type Staging,
  type StagingParts,
  settleAll,
} from "./staging.ts";
import { createSwapper, type Missed, readyPart, readySwap, type SwapParts, type SwapResult } from "./swap.ts";

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
  /** Prepares the index anew, which somebody else has written since `stage`; the files are as they were. `undefined`: all has to be. */
  stageIndex?(chain: CommitChain): Promise<IndexStaging | Refusal | undefined>;
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

const MISSED: Missed = { kind: "missed", because: "changed" };

export function createBatch(parts: BatchParts, work: BatchWork): Batch {
  const { repository, refs, store, locks, scan, index, view, memory } = parts;
  const paths = [...new Set([...memory.paths(), ...work.paths])];
  let signature = "";
  let chain: CommitChain | undefined;
  let staging: Staging | undefined;
  let isWritten = false;
  let blocker: number | undefined;
  let hasWaited = false;
  const swaps = createSwapper(scan);
  let indexMs = 0;
  /** Files of ours that are in place already; and those of them that the system would not let us change. */
  const placed = new Set<string>();
  let failed: string[] = [];

  async function dropStaging(): Promise<void> {
    const dropped = staging;
    staging = undefined;
    failed = [];
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

  /** Where somebody else has written the index alone, the files are kept: there may be many, and a user who adds files every moment. */
  async function keepFiles(of: CommitChain): Promise<Staging | Refusal | undefined> {
    if (staging === undefined || !staging.files.stillAsSeen()) return undefined;
    if (index.stamp() === staging.indexStamp) return staging;
    const next = await work.stageIndex?.(of);
    if (next === undefined || "refused" in next) return next;
    if (staging.indexPath !== undefined) rmSync(staging.indexPath, { force: true });
    staging = { ...staging, ...next };
    return staging;
  }

  async function currentStaging(of: CommitChain): Promise<Staging | Refusal> {
    const kept = await keepFiles(of);
    if (kept !== undefined) return kept;
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
    const result = await swapAll(made, staged, signal);
    hasWaited = result.kind === "closed";
    if (result.kind === "closed") blocker = result.pid ?? blocker;
    return result.kind === "done" ? finish(made, result.leftAlone) : result;
  }

  async function prepare(made: CommitChain, isFull: boolean): Promise<Staging | Refusal | undefined> {
    if (isFull) return (await settleAll([currentStaging(made), writeObjects(made)]))[0];
    await dropStaging();
    const left = await findLeftBehind(parts, made, placed);
    if (left !== undefined)
      return { refused: `${left} is left in the work tree of another branch: it would bar the way back` };
    await writeObjects(made);
    return undefined;
  }

  async function swapAll(made: CommitChain, staged: Staging | undefined, signal: AbortSignal): Promise<SwapResult> {
    const input = { chain: made, staging: staged, signature };
    const before = staged?.files.before ?? [];
    for (let part = before[0]; part !== undefined; part = before[0]) {
      const result = await swaps.run(readyPart(parts, input, part), part.replaced.length, signal);
      if (result.kind !== "done") return result;
      for (const path of part.paths) placed.add(path);
      failed.push(...result.leftAlone);
      before.shift();
    }
    const result = await swaps.run(readySwap(parts, input), staged?.files.replaced.length ?? 0, signal);
    return result.kind === "done" ? { ...result, leftAlone: [...failed, ...result.leftAlone] } : result;
  }

  /** The branch has moved. Makes that durable, and remembers it. */
  async function finish(made: CommitChain, unchanged: readonly string[]): Promise<Outcome> {
    if (made.tip !== made.base) await work.settle(made);
    const leftAlone = new Set([...(staging?.leftAlone ?? []), ...unchanged]);
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
      attempts: swaps.attempts(),
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
