import { rmSync } from "node:fs";
import { CoordinatorError } from "../base/errors.ts";
import { mayFail } from "../base/fault-point.ts";
import { readBoundedText, SMALL_FILE_BYTES_MAX } from "../base/files/read-bounded.ts";
import { writeFileAtomic } from "../base/files/write-file-atomic.ts";
import type { Log, Surroundings } from "../base/surroundings.ts";
import {
  type BreakerState,
  breakerState,
  isTrial,
  type Outage,
  outageAfter,
  type TrialRun,
} from "../task/schedule/breaker.ts";
import { FAILURE_POLICIES, type Failure } from "../task/state/failure.ts";
import type { RetryLimits } from "../task/state/retry.ts";

export interface CircuitBreakerDeps {
  /** `codex-hold.json`: an outage outlives a restart. */
  readonly path: string;
  /** Changes when what codex works with was changed (its configuration, its login, our settings): then it is tried at once. */
  readonly stamp: () => string;
  readonly limits: () => RetryLimits;
  readonly surroundings: Surroundings;
  readonly log: Log;
}

/**
 * Starts nothing while every task would meet the same end (open), lets one task try when that may be over (half-open), and then all
 * (closed).
 */
export interface CircuitBreaker {
  /** The state now; looks whether what codex works with was changed. */
  state(): BreakerState;
  /** The outage for as long as nothing may be started because of it. */
  outage(): Outage | undefined;
  /** A run met a failure that stops all: opens the breaker, durably when it returns. */
  trip(failure: Failure, run: TrialRun): void;
  /** This run is the trial of a half-open breaker. */
  tryOne(run: TrialRun): void;
  /** The model has answered this run: if it was the trial, the breaker is closed. */
  succeeded(run: TrialRun): void;
  /** This run has ended, whatever came of it: if it was the trial and nothing was learned, another one may try. */
  ended(run: TrialRun): void;
  /** Makes an open breaker half-open, because a person says so. Returns what it was open for. */
  tryNow(): Outage | undefined;
  /** When it was last closed, Unix ms. */
  closedAtMs(): number | undefined;
}

/** Opens the breaker as the last coordinator left it. What a person may have fixed meanwhile is tried at once; a limit is not. */
export function openCircuitBreaker(deps: CircuitBreakerDeps): CircuitBreaker {
  const { now, random } = deps.surroundings;
  let current = readOutage(deps.path);
  let stamp = current === undefined ? "" : deps.stamp();
  let closedAtMs: number | undefined;
  if (current !== undefined && FAILURE_POLICIES[current.failure].remedy === "hold")
    current = { ...current, untilMs: now() };

  const keep = (outage: Outage): void => {
    mayFail("state-file");
    writeFileAtomic(deps.path, `${JSON.stringify({ v: 1, ...outage, trial: outage.trial ?? null })}\n`, 0o600);
    current = outage;
  };
  const look = (): Outage | undefined => {
    if (current === undefined || current.trial !== undefined) return current;
    const seen = deps.stamp();
    if (seen !== stamp) {
      stamp = seen;
      if (current.untilMs > now()) keep({ ...current, untilMs: now() });
    }
    return current;
  };

  return {
    state: () => breakerState(look(), now()),
    outage() {
      const outage = look();
      return outage?.trial !== undefined || (outage?.untilMs ?? 0) > now() ? outage : undefined;
    },
    trip(failure, run) {
      keep(outageAfter(current, failure, run, now(), deps.limits(), random()));
      stamp = deps.stamp();
      deps.log("breaker-open", {
        ...{ task: run.task, failure: failure.kind, reason: current?.reason },
        until: current === undefined ? undefined : new Date(current.untilMs).toISOString(),
      });
    },
    tryOne(run) {
      if (current === undefined) return;
      keep({ ...current, trial: run });
      deps.log("breaker-half-open", { task: run.task, run: run.run });
    },
    succeeded(run) {
      if (!isTrial(current, run)) return;
      rmSync(deps.path, { force: true });
      current = undefined;
      closedAtMs = now();
      deps.log("breaker-closed", { task: run.task, run: run.run });
    },
    ended(run) {
      if (current !== undefined && isTrial(current, run)) keep({ ...current, trial: undefined });
    },
    tryNow() {
      const outage = current;
      if (outage === undefined || outage.trial !== undefined || outage.untilMs <= now()) return undefined;
      keep({ ...outage, untilMs: now() });
      return outage;
    },
    closedAtMs: () => closedAtMs,
  };
}

/** Returns the outage that the file tells of; `undefined` where there is none, or none that can be read: then codex says it again. */
export function readOutage(path: string): Outage | undefined {
  let raw: Readonly<Record<string, unknown>> | null;
  try {
    raw = JSON.parse(readBoundedText(path, SMALL_FILE_BYTES_MAX) ?? "null");
  } catch (error) {
    if (error instanceof CoordinatorError || error instanceof SyntaxError) return undefined;
    throw error;
  }
  if (raw?.v !== 1 || typeof raw.failure !== "string" || !Object.hasOwn(FAILURE_POLICIES, raw.failure))
    return undefined;
  const { reason, sinceMs, untilMs, checks } = raw;
  if (typeof reason !== "string" || ![sinceMs, untilMs, checks].every((value) => typeof value === "number"))
    return undefined;
  return { ...(raw as unknown as Outage), trial: (raw.trial as TrialRun | null) ?? undefined };
}
