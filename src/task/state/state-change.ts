import type { FinalStatus } from "../ledger/ledger.ts";
import type { StopCause } from "./task-event.ts";

/**
 * The life of one task, as data. Pure: no clock, no I/O, no chance of its own.
 *
 *   queued     started → running         stop by the user, unrunnable, endedElsewhere → ended
 *   running    exited → ended, or queued again      verifyStarted → verifying
 *              vanished → queued again, or ended    stop → stopping
 *   verifying  verified → ended, or queued again    vanished → verifying again, or ended
 *              unbegun → verifying again            stop → stopping
 *   stopping   exited, verified, vanished → ended, or queued or verifying again    verifyStarted → verifying, or ended
 *   ended      final
 *
 * Invariants: `ended` is final; `run` never decreases; a stop is a request and an exit is a fact, so a live process is never `ended`.
 */
export type TaskState =
  /** Waits to run. `reason` says why it is here again; absent before its first run. */
  | (Counts & { readonly kind: "queued"; readonly dueAtMs: number; readonly reason?: string | undefined })
  | (Counts & { readonly kind: "running"; readonly startedAtMs: number })
  /** The verify command runs, or is to be started again; it has a run number of its own. */
  | (Counts & { readonly kind: "verifying"; readonly startedAtMs: number })
  /**
   * The process, of the agent or of the verify command, was told to end and may still live. The first cause says why it ended;
   * a user who asks later only takes `mayRunAgain` away.
   */
  | (Counts & {
      readonly kind: "stopping";
      readonly cause: StopCause;
      readonly detail?: string | undefined;
      readonly verify: boolean;
      readonly mayRunAgain: boolean;
    })
  | (Counts & {
      readonly kind: "ended";
      readonly status: FinalStatus;
      readonly reason: string | undefined;
      readonly endedAtMs: number;
    });

export interface Counts {
  /** Number of the current run, from 1. Every re-queue and every verify run takes the next one. */
  readonly run: number;
  /** Attempts used, the running one included. What is not the task's fault (a crash, a shutdown, a usage limit) uses none. */
  readonly attempts: number;
  /** Runs in a row that were lost without a verdict. */
  readonly vanished: number;
  /** Verifications that did not pass; absent: none. */
  readonly verifyFailures?: number | undefined;
}

/** The states of one kind. */
export type In<Kind extends TaskState["kind"]> = TaskState & { readonly kind: Kind };

/** Returns the state of a task whose process is told to end. */
export function toStopping(
  counts: Counts,
  { cause, detail }: { readonly cause: StopCause; readonly detail?: string | undefined },
  verify: boolean,
): TaskState {
  const why = { cause, ...(detail === undefined ? {} : { detail }) };
  return { ...countsOf(counts), kind: "stopping", ...why, verify, mayRunAgain: cause !== "user" };
}

/** Returns the state of a task whose verify command is to run, under the next run number. */
export function toVerifying(counts: Counts, startedAtMs: number): TaskState {
  return { ...countsOf(counts), kind: "verifying", run: counts.run + 1, startedAtMs };
}

/** Returns the state of a task that is to run again. */
export function again(counts: Counts, dueAtMs: number, reason: string): TaskState {
  return { ...countsOf(counts), kind: "queued", run: counts.run + 1, dueAtMs, reason };
}

/** Returns the end of a task that succeeded. */
export function succeeded(counts: Counts, nowMs: number): TaskState {
  return ended({ ...countsOf(counts), vanished: 0 }, "succeeded", undefined, nowMs);
}

/** Returns the end of a task. */
export function ended(counts: Counts, status: FinalStatus, reason: string | undefined, endedAtMs: number): TaskState {
  return { ...countsOf(counts), kind: "ended", status, reason, endedAtMs };
}

/** Returns the counts without the attempt that was used last: it was not the task's doing. */
export function giveBack(counts: Counts): Counts {
  return { ...countsOf(counts), attempts: Math.max(counts.attempts - 1, 0) };
}

/** Returns what is counted of a task, without the rest of its state. */
export function countsOf({ run, attempts, vanished, verifyFailures }: Counts): Counts {
  return { run, attempts, vanished, ...(verifyFailures === undefined ? {} : { verifyFailures }) };
}
