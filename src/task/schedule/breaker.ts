import { describeFailure, FAILURE_POLICIES, type Failure, type FailureKind } from "../state/failure.ts";
import { type RetryLimits, retryDelayMs } from "../state/retry.ts";

/** What every task would meet alike although codex is there: a usage limit, no login, a wrong configuration. Times are Unix ms. */
export interface Outage {
  readonly failure: FailureKind;
  /** One line for people. */
  readonly reason: string;
  readonly sinceMs: number;
  /** The breaker is open until then, and half-open from then on. */
  readonly untilMs: number;
  /** How many times one task tried and met the same end. */
  readonly checks: number;
  /** The run that tries now. */
  readonly trial: TrialRun | undefined;
}

export interface TrialRun {
  readonly task: string;
  readonly run: number;
}

/**
 * Returns the outage after a run met `failure`, which trips the breaker. Only the trial says that it is not over yet; another run, which
 * was under way when it began, adds nothing but a later time. It never ends at once, even when the clocks disagree.
 *
 * @param random01 in [0, 1)
 */
export function outageAfter(
  current: Outage | undefined,
  failure: Failure,
  from: TrialRun,
  nowMs: number,
  limits: RetryLimits,
  random01: number,
): Outage {
  const wasTrial = isTrial(current, from);
  const checks = current === undefined ? 0 : current.checks + (wasTrial ? 1 : 0);
  const soonMs = nowMs + retryDelayMs(checks + 1, limits, random01);
  const named = FAILURE_POLICIES[failure.kind].remedy === "park" ? (failure.untilMs ?? 0) : 0;
  const before = current === undefined || wasTrial ? 0 : current.untilMs;
  return {
    failure: failure.kind,
    reason: describeFailure(failure),
    sinceMs: current?.sinceMs ?? nowMs,
    untilMs: Math.max(named, soonMs, before),
    checks,
    trial: wasTrial ? undefined : current?.trial,
  };
}

/** Tells whether `run` is the trial. */
export function isTrial(outage: Outage | undefined, run: TrialRun): boolean {
  return outage?.trial?.task === run.task && outage.trial.run === run.run;
}

/** What may be started. */
export type BreakerState =
  /** Everything. */
  | { readonly kind: "closed" }
  /** Nothing until then. */
  | { readonly kind: "open"; readonly problem: string; readonly untilMs: number }
  /** One task, to see whether the outage is over; with a `trial` under way nothing more. */
  | { readonly kind: "half-open"; readonly problem: string; readonly trial: TrialRun | undefined };

/** Returns the state of the breaker now. */
export function breakerState(outage: Outage | undefined, nowMs: number): BreakerState {
  if (outage === undefined) return { kind: "closed" };
  const { reason, trial, untilMs } = outage;
  if (trial !== undefined)
    return { kind: "half-open", problem: `${reason}; ${trial.task} tries whether that is over`, trial };
  return nowMs < untilMs
    ? { kind: "open", problem: reason, untilMs }
    : { kind: "half-open", problem: reason, trial: undefined };
}

/** Returns why nothing may be started now; `undefined` where something may. */
export function breakerHold(
  outage: Outage | undefined,
  nowMs: number,
): { readonly problem: string; readonly untilMs: number | undefined } | undefined {
  const state = breakerState(outage, nowMs);
  if (state.kind === "open") return { problem: state.problem, untilMs: state.untilMs };
  if (state.kind === "half-open" && state.trial !== undefined) return { problem: state.problem, untilMs: undefined };
  return undefined;
}
