import { constants } from "node:os";
import type { RunVerdict } from "../task/run.ts";
import { claimedAtMs, readClaim } from "./claim.ts";
import { type ExitRecord, readExitRecord } from "./exit-record.ts";
import { isPassing, isThreadMissing, oneLine, readStderr } from "./failure-reason.ts";
import { readIfThere, runPaths } from "./run-directory.ts";
import { type RunSummary, summarizeRun } from "./run-summary.ts";

/** Above this a shell reports a signal; codex itself uses 0, 1, 2 and 101 (codex 0.169.0). */
const SIGNAL_BASE = 128;
/** A shell's words for "cannot be executed" and "not found". */
const NOT_RUNNABLE: readonly number[] = [126, 127];
const RUST_PANIC = 101;

type Judgement = Pick<RunVerdict, "outcome" | "reason" | "retryable">;

const SUCCEEDED: Judgement = { outcome: "succeeded", reason: undefined, retryable: false };

/**
 * Says how a run ended, from its files alone; for a run that has ended. The end of the turn decides, then the exit code:
 * `error` events are mostly notices of retries, and exit 0 alone proves nothing. A completed turn is a success whatever came
 * after it (codex could not write its copy of the answer, was stopped a moment too late): run again, it would act twice.
 *
 * @param asked the thread that was to be resumed
 */
export function judgeRun(runDir: string, asked: string | undefined): RunVerdict {
  const summary = summarizeRun(runDir);
  const record = readExitRecord(runDir);
  const claimed = claimedAtMs(runDir);
  const wrongThread = asked !== undefined && summary.threadId !== undefined && summary.threadId !== asked;
  const judgement = wrongThread ? openedAnother(asked, summary.threadId) : judge(runDir, summary, record);
  return {
    ...judgement,
    threadId: summary.threadId,
    lastMessage: judgement.outcome === "succeeded" ? (summary.lastMessage ?? readLastMessage(runDir)) : "",
    usageTotal: summary.usageTotal,
    wrongThread,
    threadMissing: asked !== undefined && summary.threadId === undefined && isThreadMissing(judgement.reason ?? ""),
    codexMissing: summary.threadId === undefined && NOT_RUNNABLE.includes(record?.exitCode ?? 0),
    commandCount: summary.commandCount,
    durationMs:
      record === undefined || claimed === undefined ? undefined : Math.max(0, Math.round(record.endedAtMs - claimed)),
  };
}

function judge(runDir: string, { turnEnd, threadId }: RunSummary, record: ExitRecord | undefined): Judgement {
  if (turnEnd?.kind === "completed") return SUCCEEDED;
  if (turnEnd?.kind === "failed") {
    const reason = oneLine(turnEnd.message) || "the turn failed without a message";
    return { outcome: "failed", reason, retryable: isPassing(turnEnd.message) };
  }
  if (record === undefined) return withoutRecord(runDir);
  const { error, reason: said } = readStderr(runPaths(runDir).stderr);
  const { exitCode } = record;
  if (exitCode > SIGNAL_BASE) {
    return {
      outcome: "interrupted",
      reason: `codex was ended by ${signalName(exitCode - SIGNAL_BASE)}`,
      retryable: true,
    };
  }
  if (NOT_RUNNABLE.includes(exitCode))
    return { outcome: "failed", reason: `codex could not be run: ${said ?? `exit ${exitCode}`}`, retryable: true };
  if (exitCode === RUST_PANIC)
    return { outcome: "failed", reason: `codex crashed: ${said ?? "exit 101"}`, retryable: true };
  // SIGINT makes codex exit with 1 and says nothing; a refused prompt says why.
  if (exitCode === 1 && threadId !== undefined && error === undefined) {
    return { outcome: "interrupted", reason: "codex was interrupted before the end of its turn", retryable: true };
  }
  const reason = said ?? `codex ended with exit ${exitCode} and without a turn`;
  return { outcome: "failed", reason, retryable: isPassing(reason) };
}

/** The worker was killed, or the machine went down. */
function withoutRecord(runDir: string): Judgement {
  const claim = readClaim(runDir);
  const neverStarted = claim === undefined || claim.kind === "sealed";
  const reason = neverStarted ? "the run never started" : "the worker is gone and left no record of how the run ended";
  return { outcome: "vanished", reason, retryable: true };
}

function openedAnother(asked: string, got: string | undefined): Judgement {
  return { outcome: "failed", reason: `codex opened thread ${got} instead of ${asked}`, retryable: false };
}

function readLastMessage(runDir: string): string {
  return readIfThere(runPaths(runDir).lastMessage) ?? "";
}

function signalName(number: number): string {
  return Object.entries(constants.signals).find(([, value]) => value === number)?.[0] ?? `signal ${number}`;
}
