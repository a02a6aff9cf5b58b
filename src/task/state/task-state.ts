import type { TaskStatus } from "../ledger/ledger.ts";
import { assertNever } from "../text/assert-never.ts";
import { FAILURE_POLICIES } from "./failure.ts";
import { RETRY_LIMITS, type RetryLimits, retryDelayMs } from "./retry.ts";
import {
  again,
  type Counts,
  countsOf,
  ended,
  giveBack,
  type In,
  succeeded,
  type TaskState,
  toStopping,
  toVerifying,
} from "./state-change.ts";
import type { ExitVerdict, StopCause, TaskEvent } from "./task-event.ts";

export type { TaskState } from "./state-change.ts";

export interface TaskLimits extends RetryLimits {
  /** Attempts a task may use before a retryable failure is final. */
  readonly attemptsMax: number;
  /** A task that is lost more often than this in a row fails: it may be what kills its workers. */
  readonly vanishedMax: number;
  /** Verifications that may fail before that is final. */
  readonly verifyAttemptsMax: number;
}

export const TASK_LIMITS: TaskLimits = { ...RETRY_LIMITS, attemptsMax: 3, vanishedMax: 3, verifyAttemptsMax: 3 };

/** An event that cannot happen in this state: a bug of ours. */
class IllegalTransitionError extends Error {
  override readonly name: string = "IllegalTransitionError";
  constructor(state: TaskState, event: TaskEvent) {
    super(`a task that is ${state.kind} (run ${state.run}) cannot take the event "${event.kind}"`);
  }
}

/** Returns the state of a task that was just accepted. */
export function acceptedState(dueAtMs: number): TaskState & { readonly kind: "queued" } {
  return { kind: "queued", run: 1, attempts: 0, vanished: 0, dueAtMs };
}

/** Returns the status that the ledger and every interface show for `state`. */
export function statusOf(state: TaskState): TaskStatus {
  return state.kind === "ended" ? state.status : state.kind;
}

/**
 * Returns the state after `event`; the same object when the event changes nothing.
 *
 * @param random01 in [0, 1): spreads the delay before another attempt
 * @throws IllegalTransitionError
 */
export function step(state: TaskState, event: TaskEvent, nowMs: number, limits: TaskLimits, random01 = 0.5): TaskState {
  const context: StepContext = { nowMs, limits, random01 };
  switch (state.kind) {
    case "queued":
      return fromQueued(state, event, nowMs);
    case "running":
      return fromRunning(state, event, context);
    case "verifying":
      return fromVerifying(state, event, context);
    case "stopping":
      return fromStopping(state, event, context);
    case "ended":
      if (event.kind === "stop") return state; // The request came too late.
      throw new IllegalTransitionError(state, event);
    default:
      return assertNever(state);
  }
}

interface StepContext {
  readonly nowMs: number;
  readonly limits: TaskLimits;
  readonly random01: number;
}

/** What is said of a task that was stopped, by cause. */
export const STOP_WORDS: Readonly<Record<StopCause, string>> = {
  user: FAILURE_POLICIES.stopped.sentence,
  timeout: FAILURE_POLICIES.timedOut.sentence,
  stall: FAILURE_POLICIES.stalled.sentence,
  output: FAILURE_POLICIES.printedTooMuch.sentence,
  shutdown: "the coordinator shut down",
};

function stopWords({ cause, detail }: { readonly cause: StopCause; readonly detail?: string | undefined }): string {
  return detail === undefined ? STOP_WORDS[cause] : `${STOP_WORDS[cause]}: ${detail}`;
}

function fromQueued(state: In<"queued">, event: TaskEvent, nowMs: number): TaskState {
  switch (event.kind) {
    case "started":
      return { ...countsOf(state), kind: "running", attempts: state.attempts + 1, startedAtMs: nowMs };
    case "replaced":
      return state;
    case "takenOver":
      return event.run <= state.run ? state : { ...state, run: event.run };
    case "stop":
      return event.cause === "user" ? ended(state, "cancelled", stopWords(event), nowMs) : state;
    case "unrunnable":
      return ended(state, "failed", event.reason, nowMs);
    case "endedElsewhere":
      return ended(state, event.status, event.reason, nowMs);
    default:
      throw new IllegalTransitionError(state, event);
  }
}

function fromRunning(state: In<"running">, event: TaskEvent, context: StepContext): TaskState {
  switch (event.kind) {
    case "exited":
      return afterExit(state, event.verdict, context);
    case "vanished":
      return afterLoss(state, "the worker vanished", context);
    case "verifyStarted":
      return toVerifying({ ...state, vanished: 0 }, context.nowMs);
    case "stop":
      return toStopping(state, event, false);
    default:
      throw new IllegalTransitionError(state, event);
  }
}

function fromVerifying(state: In<"verifying">, event: TaskEvent, context: StepContext): TaskState {
  switch (event.kind) {
    case "verified":
      return afterVerify(state, event, context);
    case "vanished":
      return afterVerifyLoss(state, context);
    case "unbegun":
      return toVerifying(state, context.nowMs);
    case "stop":
      return toStopping(state, event, true);
    default:
      throw new IllegalTransitionError(state, event);
  }
}

/**
 * Whatever was asked for, a turn that was completed before it took effect counts. The exit code of a verify command does not: one that
 * is told to end may well exit with 0.
 */
function fromStopping(state: In<"stopping">, event: TaskEvent, context: StepContext): TaskState {
  switch (event.kind) {
    case "stop":
      return event.cause === "user" && state.mayRunAgain ? { ...state, mayRunAgain: false } : state;
    case "exited":
      return event.verdict.kind === "succeeded" ? succeeded(state, context.nowMs) : afterStop(state, context);
    case "verifyStarted":
      return state.mayRunAgain
        ? toVerifying({ ...state, vanished: 0 }, context.nowMs)
        : ended({ ...countsOf(state), vanished: 0 }, "cancelled", STOP_WORDS.user, context.nowMs);
    case "verified":
      return afterStop(state, context, event.reason);
    case "vanished": {
      // Without a word of what failed there is nothing that an agent could mend: the command has to say it again.
      const isLost = state.verify && state.mayRunAgain && state.cause !== "shutdown";
      return isLost ? afterVerifyLoss(state, context) : afterStop(state, context);
    }
    default:
      throw new IllegalTransitionError(state, event);
  }
}

function afterStop(state: In<"stopping">, context: StepContext, verifyReason?: string): TaskState {
  const counts = { ...countsOf(state), vanished: 0 };
  const reason = stopWords(state);
  switch (state.cause) {
    case "user":
      return ended(counts, "cancelled", reason, context.nowMs);
    case "timeout":
    case "stall":
    case "output":
      if (state.verify) return afterNotPassed(counts, verifyReason ?? reason, context, state.mayRunAgain);
      return state.mayRunAgain ? afterFailure(counts, reason, context) : ended(counts, "failed", reason, context.nowMs);
    case "shutdown":
      if (!state.mayRunAgain) return ended(counts, "cancelled", STOP_WORDS.user, context.nowMs);
      // The agent's finished work must not be done again: then it is the verify command that comes again.
      return state.verify ? toVerifying(counts, context.nowMs) : again(giveBack(counts), context.nowMs, reason);
    default:
      return assertNever(state.cause);
  }
}

function afterExit(state: In<"running">, verdict: ExitVerdict, context: StepContext): TaskState {
  switch (verdict.kind) {
    case "succeeded":
      return succeeded(state, context.nowMs);
    case "interrupted": // By nobody we know of, so it is counted like a lost run: it must not go on for ever.
      return afterLoss(state, "the run was interrupted", context);
    case "codexMissing":
      return afterLoss(state, verdict.reason, context);
    case "threadLost":
      return again(giveBack(state), context.nowMs, verdict.reason);
    case "held":
      return again(giveBack({ ...countsOf(state), vanished: 0 }), context.nowMs, verdict.reason);
    case "failed": {
      const seen = { ...countsOf(state), vanished: 0 };
      if (!verdict.retryable) return ended(seen, "failed", verdict.reason, context.nowMs);
      if (verdict.costsAttempt) return afterFailure(seen, verdict.reason, context, verdict.retryAtMs);
      // Never at once, even when the clocks disagree about the time.
      const soonMs = context.nowMs + retryDelayMs(1, context.limits, context.random01);
      return again(giveBack(seen), Math.max(verdict.retryAtMs ?? 0, soonMs), verdict.reason);
    }
    default:
      return assertNever(verdict);
  }
}

function afterVerify(
  state: In<"verifying">,
  event: TaskEvent & { readonly kind: "verified" },
  context: StepContext,
): TaskState {
  const counts = { ...countsOf(state), vanished: 0 };
  switch (event.outcome) {
    case "passed":
      return succeeded(state, context.nowMs);
    case "failed":
    case "stopped": // By nobody we know of.
      return afterNotPassed(counts, event.reason, context, true);
    case "unavailable":
      return ended(counts, "failed", event.reason, context.nowMs);
    default:
      return assertNever(event.outcome);
  }
}

/** The agent goes on at once, and that uses no attempt: those are for runs that fail. */
function afterNotPassed(
  counts: Counts,
  reason: string,
  { nowMs, limits }: StepContext,
  mayRunAgain: boolean,
): TaskState {
  const seen = { ...counts, verifyFailures: (counts.verifyFailures ?? 0) + 1 };
  if (!mayRunAgain || seen.verifyFailures >= limits.verifyAttemptsMax) return ended(seen, "failed", reason, nowMs);
  return again(giveBack(seen), nowMs, reason);
}

function afterFailure(
  counts: Counts,
  reason: string,
  { nowMs, limits, random01 }: StepContext,
  notBeforeMs = 0,
): TaskState {
  if (counts.attempts >= limits.attemptsMax) return ended(counts, "failed", reason, nowMs);
  return again(counts, Math.max(notBeforeMs, nowMs + retryDelayMs(counts.attempts, limits, random01)), reason);
}

/** The agent's work is done: only the command runs again. */
function afterVerifyLoss(state: In<"verifying" | "stopping">, context: StepContext): TaskState {
  const vanished = state.vanished + 1;
  if (vanished > context.limits.vanishedMax) return lost(state, "the verify command vanished", vanished, context);
  return toVerifying({ ...countsOf(state), vanished }, context.nowMs);
}

/** The first loss in a row is made good at once (a restart of the machine), the next ones ever later. */
function afterLoss(state: In<"running">, reason: string, context: StepContext): TaskState {
  const { nowMs, limits, random01 } = context;
  const vanished = state.vanished + 1;
  if (vanished > limits.vanishedMax) return lost(state, reason, vanished, context);
  const delayMs = vanished === 1 ? 0 : retryDelayMs(vanished - 1, limits, random01);
  return again({ ...giveBack(state), vanished }, nowMs + delayMs, reason);
}

function lost(counts: Counts, reason: string, vanished: number, { nowMs }: StepContext): TaskState {
  return ended({ ...counts, vanished }, "failed", `${reason} ${vanished} times in a row`, nowMs);
}
