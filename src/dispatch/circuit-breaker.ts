import { rmSync } from "node:fs";
import { CoordinatorError } from "../base/errors.ts";
import { readBoundedText, SMALL_FILE_BYTES_MAX } from "../base/read-bounded.ts";
import type { Log, Surroundings } from "../base/surroundings.ts";
import { writeFileAtomic } from "../base/write-file-atomic.ts";
import {
  type Admission,
  admission,
  type CodexHold,
  holdAfter,
  isTrial,
  type TrialRun,
} from "../task/schedule/codex-hold.ts";
import { FAILURE_POLICIES, type Failure } from "../task/state/failure.ts";
import type { RetryLimits } from "../task/state/retry.ts";

export interface CircuitBreakerDeps {
  /** `codex-hold.json`: a hold outlives a restart. */
  readonly path: string;
  /** Changes when what codex works with was changed (its configuration, its login, our settings): then it is tried at once. */
  readonly stamp: () => string;
  readonly limits: () => RetryLimits;
  readonly surroundings: Surroundings;
  readonly log: Log;
}

/** Holds all tasks back while every one of them would meet the same end, and lets one go first when that may be over. */
export interface CircuitBreaker {
  /** The hold in force, looked at anew. */
  hold(): CodexHold | undefined;
  admission(): Admission;
  /** A run met a failure that stops all; durable when it returns. */
  close(failure: Failure, run: TrialRun): void;
  /** This run goes first. */
  begin(run: TrialRun): void;
  /** The model has answered this run: if it went first, the others follow. */
  answered(run: TrialRun): void;
  /** This run has ended, whatever came of it. */
  over(run: TrialRun): void;
  /** When a hold was last found to be over, Unix ms. */
  openedAtMs(): number | undefined;
}

/** Opens the gate as the last coordinator left it. What a person may have fixed meanwhile is tried at once; a limit is not. */
export function openCircuitBreaker(deps: CircuitBreakerDeps): CircuitBreaker {
  const { now, random } = deps.surroundings;
  let current = readCodexHold(deps.path);
  let stamp = current === undefined ? "" : deps.stamp();
  let openedAtMs: number | undefined;
  if (current !== undefined && FAILURE_POLICIES[current.failure].remedy === "hold")
    current = { ...current, untilMs: now() };

  const keep = (hold: CodexHold): void => {
    writeFileAtomic(deps.path, `${JSON.stringify({ v: 1, ...hold, trial: hold.trial ?? null })}\n`, 0o600);
    current = hold;
  };
  const look = (): CodexHold | undefined => {
    if (current === undefined || current.trial !== undefined) return current;
    const seen = deps.stamp();
    if (seen !== stamp) {
      stamp = seen;
      if (current.untilMs > now()) keep({ ...current, untilMs: now() });
    }
    return current;
  };

  return {
    hold: look,
    admission: () => admission(look(), now()),
    close(failure, run) {
      keep(holdAfter(current, failure, run, now(), deps.limits(), random()));
      stamp = deps.stamp();
      deps.log("codex-hold", {
        ...{ task: run.task, failure: failure.kind, reason: current?.reason },
        until: current === undefined ? undefined : new Date(current.untilMs).toISOString(),
      });
    },
    begin(run) {
      if (current === undefined) return;
      keep({ ...current, trial: run });
      deps.log("codex-trial", { task: run.task, run: run.run });
    },
    answered(run) {
      if (!isTrial(current, run)) return;
      rmSync(deps.path, { force: true });
      current = undefined;
      openedAtMs = now();
      deps.log("codex-open", { task: run.task, run: run.run });
    },
    over(run) {
      if (current !== undefined && isTrial(current, run)) keep({ ...current, trial: undefined });
    },
    openedAtMs: () => openedAtMs,
  };
}

/** Returns the hold that the file tells of; `undefined` where there is none, or none that can be read: then codex says it again. */
export function readCodexHold(path: string): CodexHold | undefined {
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
  return { ...(raw as unknown as CodexHold), trial: (raw.trial as TrialRun | null) ?? undefined };
}
