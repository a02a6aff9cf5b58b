import type { VerifyRecord } from "../../store/journal/journal-record.ts";
import type { OpenTask } from "../../store/tasks/open-task.ts";
import type { TranscriptEntry } from "../../task/session/transcript-entry.ts";
import type { TaskEvent } from "../../task/state/task-event.ts";
import {
  judgeVerification,
  type Verification,
  type VerifyFacts,
  verificationReason,
} from "../../task/state/verification.ts";

/** What an ended verification left behind. */
export interface Verified {
  readonly event: TaskEvent;
  /** `undefined` where it left nothing: then it has to be made again. */
  readonly record: VerifyRecord | undefined;
  /** It did not pass, and the task ends with that. */
  readonly finalFailure: Verification | undefined;
}

/** Returns what is journaled of an ended verification, and what the state machine is told of it. */
export function verified(
  task: OpenTask,
  facts: VerifyFacts,
  context: {
    readonly timeoutMs: number;
    readonly startedAtMs: number;
    readonly endedAtMs: number;
    readonly attemptsMax: number;
  },
): Verified {
  const { state } = task;
  const command = task.spec.verifyCommand;
  if (command === undefined) throw new Error(`${task.id} has no verify command`);
  const attempt = (state.verifyFailures ?? 0) + 1;
  const cause = state.kind === "stopping" ? state.cause : undefined;
  const verification = judgeVerification(facts, { ...context, command, cause, attempt });
  if (verification === undefined) return { event: { kind: "vanished" }, record: undefined, finalFailure: undefined };
  const { startedAtMs = context.startedAtMs, endedAtMs = context.endedAtMs } = facts;
  const record: VerifyRecord = {
    ...{ k: "verify", run: state.run, verification, startedAtMs, endedAtMs },
    entries: [entryOf(task, verification, startedAtMs)],
  };
  const { outcome } = verification;
  // A user who has asked for the end of the task wants no other one in its place.
  const wanted = state.kind === "verifying" || (state.kind === "stopping" && state.mayRunAgain);
  const isFinal = outcome === "failed" && wanted && attempt >= context.attemptsMax;
  return {
    event: { kind: "verified", outcome, reason: verificationReason(verification) },
    record,
    finalFailure: isFinal ? verification : undefined,
  };
}

function entryOf(task: OpenTask, verification: Verification, startedAtMs: number): TranscriptEntry {
  const { command, outcome, what, exitCode, durationMs, output, outputBytes } = verification;
  return {
    v: 1,
    task: task.id,
    run: task.state.run,
    attempt: task.state.attempts,
    line: 0,
    thread: task.lastRun?.thread ?? null,
    time: new Date(startedAtMs).toISOString(),
    body: {
      ...{ kind: "verify", command, outcome, what, exitCode: exitCode ?? null },
      ...{ durationMs, output, outputBytes },
    },
  };
}
