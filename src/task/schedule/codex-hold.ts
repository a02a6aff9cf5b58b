import { describeFailure, FAILURE_POLICIES, type Failure, type FailureKind } from "../state/failure.ts";
import { type RetryLimits, retryDelayMs } from "../state/retry.ts";

/** Why no task is started although codex is there: a usage limit, no login, a wrong configuration. Times are Unix ms. */
export interface CodexHold {
  readonly failure: FailureKind;
  /** One line for people. */
  readonly reason: string;
  readonly sinceMs: number;
  /** Nothing starts before; then one task goes first. */
  readonly untilMs: number;
  /** How many times one task went first and met the same end. */
  readonly checks: number;
  /** The run that goes first now. */
  readonly trial: TrialRun | undefined;
}

export interface TrialRun {
  readonly task: string;
  readonly run: number;
}

/**
 * Returns the hold after a run met `failure`, which stops all. Only the run that went first says that it is not over yet; another one,
 * that was under way when it began, adds nothing but a later time. It never ends at once, even when the clocks disagree.
 *
 * @param random01 in [0, 1)
 */
export function holdAfter(
  current: CodexHold | undefined,
  failure: Failure,
  from: TrialRun,
  nowMs: number,
  limits: RetryLimits,
  random01: number,
): CodexHold {
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

/** Tells whether `run` is the one that went first. */
export function isTrial(hold: CodexHold | undefined, run: TrialRun): boolean {
  return hold?.trial?.task === run.task && hold.trial.run === run.run;
}

/** What may be started under a hold. */
export type Admission =
  | { readonly kind: "nothing"; readonly problem: string; readonly untilMs: number | undefined }
  /** One task, to see whether it is over. */
  | { readonly kind: "one" }
  | { readonly kind: "all" };

/** Returns what may be started now. */
export function admission(hold: CodexHold | undefined, nowMs: number): Admission {
  if (hold === undefined) return { kind: "all" };
  if (hold.trial !== undefined)
    return {
      kind: "nothing",
      problem: `${hold.reason}; ${hold.trial.task} tries whether that is over`,
      untilMs: undefined,
    };
  return nowMs < hold.untilMs ? { kind: "nothing", problem: hold.reason, untilMs: hold.untilMs } : { kind: "one" };
}
