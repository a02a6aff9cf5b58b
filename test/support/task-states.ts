import type { ExitVerdict, StopCause, TaskEvent } from "../../src/task/state/task-event.ts";
import type { TaskLimits, TaskState } from "../../src/task/state/task-state.ts";

export const LIMITS: TaskLimits = {
  attemptsMax: 3,
  vanishedMax: 2,
  verifyAttemptsMax: 2,
  delayFirstMs: 1000,
  delayMaxMs: 60_000,
};
export const NOW = 1_000_000;

export type Of<Kind extends TaskState["kind"]> = TaskState & { readonly kind: Kind };

export const QUEUED: Of<"queued"> = { kind: "queued", run: 1, attempts: 0, vanished: 0, dueAtMs: 5 };
export const RUNNING: Of<"running"> = { kind: "running", run: 1, attempts: 1, vanished: 0, startedAtMs: 7 };
export const VERIFYING: Of<"verifying"> = { kind: "verifying", run: 2, attempts: 1, vanished: 0, startedAtMs: 8 };
export const ENDED: Of<"ended"> = {
  kind: "ended",
  run: 1,
  attempts: 1,
  vanished: 0,
  status: "failed",
  reason: "no",
  endedAtMs: 9,
};

export function stopping(cause: StopCause, change: Partial<Of<"stopping">> = {}): Of<"stopping"> {
  return {
    kind: "stopping",
    run: 1,
    attempts: 1,
    vanished: 0,
    cause,
    verify: false,
    mayRunAgain: cause !== "user",
    ...change,
  };
}

export function ended(
  status: Of<"ended">["status"],
  reason: string | undefined,
  change: Partial<Of<"ended">> = {},
): Of<"ended"> {
  return { kind: "ended", run: 1, attempts: 1, vanished: 0, status, reason, endedAtMs: NOW, ...change };
}

export function again(reason: string, change: Partial<Of<"queued">>): Of<"queued"> {
  return { kind: "queued", run: 2, attempts: 0, vanished: 0, dueAtMs: NOW, reason, ...change };
}

function exited(verdict: ExitVerdict): TaskEvent {
  return { kind: "exited", verdict };
}

export function failed(change: Partial<ExitVerdict & { kind: "failed" }> = {}): TaskEvent {
  return exited({ kind: "failed", retryable: true, reason: "no", retryAtMs: undefined, costsAttempt: true, ...change });
}

export const STARTED: TaskEvent = { kind: "started" };
export const SUCCEEDED = exited({ kind: "succeeded" });
export const INTERRUPTED = exited({ kind: "interrupted" });
export const VANISHED: TaskEvent = { kind: "vanished" };
export const REPLACED: TaskEvent = { kind: "replaced" };
export const CODEX_MISSING = exited({ kind: "codexMissing", reason: "not found" });
export const HELD = exited({ kind: "held", reason: "usage limit reached" });
export const THREAD_LOST = exited({ kind: "threadLost", reason: "no rollout found" });
export const ENDED_ELSEWHERE: TaskEvent = { kind: "endedElsewhere", status: "cancelled", reason: "not wanted" };
export const DOOMED: TaskEvent = { kind: "unrunnable", reason: "never" };
export const VERIFY_STARTED: TaskEvent = { kind: "verifyStarted" };
export const PASSED: TaskEvent = { kind: "verified", outcome: "passed", reason: "" };
export const NOT_PASSED: TaskEvent = { kind: "verified", outcome: "failed", reason: "2 tests failed" };
export const NO_COMMAND: TaskEvent = { kind: "verified", outcome: "unavailable", reason: "no such command" };
export const STOP = (cause: StopCause): TaskEvent => ({ kind: "stop", cause });

/** Half of the random part: three quarters of the full delay. */
export const FIRST_DELAY_MS = 750;

/** One row of a table of transitions. */
export interface Case {
  readonly name: string;
  readonly from: TaskState;
  readonly event: TaskEvent;
  readonly to: TaskState;
}
