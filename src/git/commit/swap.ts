import { renameSync } from "node:fs";
import { faultPoint } from "../../base/fault-point.ts";
import { keepOpen } from "../../base/files/durable-file.ts";
import type { LockName, Locks } from "../gate/locks.ts";
import type { Forks, ProcessScan } from "../gate/process-scan.ts";
import type { IndexFile } from "../index/index-file.ts";
import type { IndexKnowledge } from "../index/index-knowledge.ts";
import { zeroId } from "../objects/object-format.ts";
import type { Refs } from "../repository/refs.ts";
import type { Repository } from "../repository/repository.ts";
import { describeLock, inspectRepository } from "../repository/repository-state.ts";
import type { CommitChain } from "./commit-chain.ts";
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
  | { readonly kind: "closed"; readonly reason: string };

/** Try again: something `changed` under our hands, or processes came that may be about to, or we were too slow. */
export interface Missed {
  readonly kind: "missed";
  readonly because: "changed" | "crowded" | "late";
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
function isAsPrepared({ repository, refs }: SwapParts, { chain, staging }: SwapInput): boolean {
  if (refs.tip() !== chain.base) return false;
  if (inspectRepository(repository, refs).kind !== (staging === undefined ? "ref-only" : "full")) return false;
  return staging?.files.stillAsSeen() ?? true;
}

/** The very last look, as short as can be because `index.lock` is held: nobody has written index or files, moved HEAD, or come. */
function lookAgain(parts: SwapParts, { staging }: SwapInput, forks: Forks): Missed | undefined {
  const { repository, refs, scan, index } = parts;
  if ((refs.headBranch() === repository.branch) !== (staging !== undefined)) return MISSED;
  if (staging !== undefined && (index.stamp() !== staging.indexStamp || !staging.files.untouched())) return MISSED;
  return scan.isStillClear(forks) ? undefined : CROWDED;
}

function moveAll(parts: SwapParts, input: SwapInput, moves: boolean): SwapResult {
  const { repository, locks, knowledge } = parts;
  const { staging } = input;
  let leftAlone: readonly string[] = [];
  if (staging !== undefined) {
    leftAlone = staging.files.apply();
    faultPoint("commit:swap-files");
    if (staging.indexPath !== undefined) {
      renameSync(staging.indexPath, repository.indexPath);
      knowledge.replaced(staging.indexChanges);
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
