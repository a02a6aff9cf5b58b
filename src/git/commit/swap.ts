import { renameSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { faultPoint } from "../../base/fault-point.ts";
import { keepOpen } from "../../base/files/durable-file.ts";
import type { LockName, Locks } from "../gate/locks.ts";
import type { Blocker, Forks, ProcessScan } from "../gate/process-scan.ts";
import type { IndexFile } from "../index/index-file.ts";
import type { IndexKnowledge } from "../index/index-knowledge.ts";
import { zeroId } from "../objects/object-format.ts";
import type { Refs } from "../repository/refs.ts";
import type { Repository } from "../repository/repository.ts";
import { describeLock, inspectRepository } from "../repository/repository-state.ts";
import type { CommitChain } from "./commit-chain.ts";
import type { Placement } from "./placement.ts";
import type { Staging } from "./staging.ts";

export interface SwapParts {
  readonly repository: Repository;
  readonly refs: Refs;
  readonly locks: Locks;
  readonly scan: ProcessScan;
  readonly index: IndexFile;
  readonly knowledge: IndexKnowledge;
  readonly now: () => number;
}

export interface SwapInput {
  readonly chain: CommitChain;
  /** `undefined`: HEAD is elsewhere, only the branch moves. */
  readonly staging: Staging | undefined;
  readonly signature: string;
}

export type SwapResult =
  | { readonly kind: "done"; readonly leftAlone: readonly string[] }
  | Missed
  /** `pid`: of whose git. */
  | { readonly kind: "closed"; readonly reason: string; readonly pid?: number };

/** Try again: something `changed` under our hands, or processes came that may be about to, or we were too slow. */
export interface Missed {
  readonly kind: "missed";
  readonly because: "changed" | "crowded" | "late";
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

function forksAfter(looks: number): Forks {
  if (looks < LOOKS_ANY) return "any";
  if (looks < LOOKS_EVERYWHERE) return "everywhere";
  return looks < LOOKS_IN_THE_TREE ? "in-the-tree" : "none";
}

const MISSED: Missed = { kind: "missed", because: "changed" };
const CROWDED: Missed = { kind: "missed", because: "crowded" };
const LATE: Missed = { kind: "missed", because: "late" };

/** A swap that is about to happen. */
export interface ReadySwap {
  /**
   * Moves work tree, index and branch together, under git's locks, after a last look. Synchronous and without a process: for some
   * 0.3 ms a user's git command would find `index.lock`.
   *
   * @param forks which processes forbid it that are not git yet
   * @param limitMs how long it may take up to the point of no return. Longer means that other programs had their turn meanwhile, and
   *   will soon have it again: better miss than be interrupted while the lock is held
   * @throws ElsewhereError before anything was moved
   */
  run(forks: Forks, limitMs: number): SwapResult;
  close(): void;
}

/** Does ahead what can be done ahead, or returns `undefined` where something has changed since everything was prepared. */
export function readySwap(parts: SwapParts, input: SwapInput): ReadySwap | undefined {
  const { staging } = input;
  if (!isAsPrepared(parts, input)) return undefined;
  const { branchPath, indexPath } = parts.repository;
  const indexAndFiles = staging === undefined ? [] : [indexPath, ...staging.files.replaced];
  return {
    close: keepOpen([branchPath, ...indexAndFiles]),
    run: (forks, limitMs) => swap(parts, input, forks, performance.now() + limitMs),
  };
}

/**
 * The same for files of ours that come before the rest: nothing but they is put in place, and nothing is locked. Whoever begins just then
 * sees them as changes of the user's, of which each is what the branch is about to hold.
 */
export function readyPart(parts: SwapParts, input: SwapInput, part: Placement): ReadySwap | undefined {
  if (!isAsPrepared(parts, input, part)) return undefined;
  return {
    close: keepOpen(part.replaced),
    run(forks) {
      const missed = lookAgain(parts, input, forks, part);
      if (missed !== undefined) return missed;
      const leftAlone = part.apply();
      faultPoint("commit:swap-files");
      return { kind: "done", leftAlone };
    },
  };
}

/** The order: files, index, branch. Who reads the new branch reads the new index too, so nobody commits the old one on top of it. */
function swap(parts: SwapParts, input: SwapInput, forks: Forks, deadlineMs: number): SwapResult {
  const { locks } = parts;
  const { chain, staging } = input;
  const moves = chain.tip !== chain.base;
  // HEAD before the branch, as `git commit` takes them: two who lock in one order never wait for each other.
  const wanted: LockName[] = [];
  if (moves && staging !== undefined) wanted.push("head");
  if (moves) wanted.push("branch");
  try {
    const held = takeAll(parts, wanted);
    if (held !== undefined) return held;
    faultPoint("commit:ref-locked");
    if (parts.refs.tip() !== chain.base) return MISSED;
    if (staging !== undefined) {
      const closed = takeAll(parts, ["index"]);
      if (closed !== undefined) return closed;
    }
    faultPoint("commit:index-locked");
    const missed = lookAgain(parts, input, forks) ?? (performance.now() > deadlineMs ? LATE : undefined);
    return missed ?? moveAll(parts, input, moves);
  } finally {
    for (const name of ["index", "branch", "head"] as const) locks.release(name);
  }
}

function takeAll({ locks, now }: SwapParts, names: readonly LockName[]): SwapResult | undefined {
  for (const name of names) {
    if (locks.take(name)) continue;
    const path = locks.path(name);
    return { kind: "closed", reason: describeLock(path, now()) ?? `somebody held ${path}` };
  }
  return undefined;
}

/** Tells whether branch, HEAD and files are what everything was prepared for. */
function isAsPrepared(
  { repository, refs }: SwapParts,
  { chain, staging }: SwapInput,
  files: Placement | undefined = staging?.files,
): boolean {
  if (refs.tip() !== chain.base) return false;
  if (inspectRepository(repository, refs).kind !== (staging === undefined ? "ref-only" : "full")) return false;
  return files?.stillAsSeen() ?? true;
}

/** The very last look, as short as can be because `index.lock` is held: nobody has written index or files, moved HEAD, or come. */
function lookAgain(
  parts: SwapParts,
  { staging }: SwapInput,
  forks: Forks,
  files: Placement | undefined = staging?.files,
): Missed | undefined {
  const { repository, refs, scan, index } = parts;
  if ((refs.headBranch() === repository.branch) !== (staging !== undefined)) return MISSED;
  if (index.stamp() !== (staging?.indexStamp ?? index.stamp()) || files?.untouched() === false) return MISSED;
  return scan.isStillClear(forks) ? undefined : CROWDED;
}

function moveAll(parts: SwapParts, input: SwapInput, moves: boolean): SwapResult {
  const { repository, locks, knowledge } = parts;
  const { staging } = input;
  let leftAlone: readonly string[] = [];
  let indexStamp: string | undefined;
  if (staging !== undefined) {
    leftAlone = staging.files.apply();
    faultPoint("commit:swap-files");
    if (staging.indexPath !== undefined) {
      renameSync(staging.indexPath, repository.indexPath);
      indexStamp = parts.index.stamp(); // Nobody else can have written it by now.
    }
    faultPoint("commit:swap-index");
  }
  if (moves) {
    locks.moveIntoPlace("branch");
    faultPoint("commit:swap-ref");
    locks.release("head");
  }
  faultPoint("commit:swap-unlock");
  locks.release("index");
  if (staging !== undefined && indexStamp !== undefined) knowledge.replaced(staging.indexChanges, indexStamp);
  if (moves) logMove(parts, input);
  return { kind: "done", leftAlone };
}

/** Outside the locks: a user's command that starts now takes longer to its own line than we to ours. */
function logMove({ repository, refs }: SwapParts, { chain, staging, signature }: SwapInput): void {
  const none = zeroId(repository.objectFormat);
  refs.appendReflogs({
    before: chain.base ?? none,
    after: chain.tip ?? none,
    signature,
    message: `codex-inbox: ${chain.lastSubject}`,
    headToo: staging !== undefined,
  });
}

/** Looks until nothing is about to become git, and swaps: one for all attempts of a batch. */
export interface Swapper {
  /**
   * @param ready `undefined`: something has changed since everything was prepared
   * @param replaced how many files are looked at under the lock
   */
  run(ready: ReadySwap | undefined, replaced: number, signal: AbortSignal): Promise<SwapResult>;
  /** Returns how often the locks were taken. */
  attempts(): number;
}

export function createSwapper(scan: ProcessScan): Swapper {
  let [looks, attempts, limitMs] = [0, 0, LIMIT_MS];
  return {
    attempts: () => attempts,
    async run(ready, replaced, signal) {
      if (ready === undefined) return MISSED;
      try {
        for (let round = 1; round <= LOOKS_PER_SCAN; round += 1) {
          // What was started since the scan is looked at before the rest: it may be much.
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
          const result = ready.run(forks, limitMs + LIMIT_PER_FILE_MS * replaced);
          if (result.kind !== "missed" || result.because === "changed") return result;
          if (result.because === "late") limitMs *= LIMIT_GROWTH;
          else looks += 1;
          await delay(APART_MS, undefined, { signal }); // Taken again at once, the locks would be held for a good part of the time.
        }
        return MISSED;
      } finally {
        ready.close();
      }
    },
  };
}

function blockedBy({ pid, what }: Blocker): SwapResult {
  return { kind: "closed", reason: what, pid };
}
