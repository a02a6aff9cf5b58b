import { statSync } from "node:fs";
import { answerProblem } from "../../task/state/answer-shape.ts";
import type { Failure, FailureKind } from "../../task/state/failure.ts";
import type { RunVerdict } from "../../task/state/run.ts";
import type { Keeper } from "../../task/text/kept-text.ts";
import { readSmall } from "../worker/bounded-file.ts";
import { claimedAtMs, readClaim } from "../worker/claim.ts";
import { type ExitRecord, readExitRecord, signalOf } from "../worker/exit-record.ts";
import { readRunCommand, runPaths } from "../worker/run-directory.ts";
import type { RunSummary } from "./events/run-record.ts";
import { classifyRefusal, classifyTurn } from "./failure/classify.ts";
import { oneLine, readStderr } from "./failure/failure-reason.ts";
import { type Rollouts, readErrorInfo } from "./failure/rollout.ts";
import { readRunAccount } from "./failure/rollout-account.ts";

/** A shell's words for "cannot be executed" and "not found". */
const NOT_RUNNABLE: readonly number[] = [126, 127];
const RUST_PANIC = 101;

export interface JudgeDeps {
  readonly rollouts: Rollouts;
  readonly keeper: Keeper;
}

type Judgement = Pick<RunVerdict, "outcome" | "failure">;

const SUCCEEDED: Judgement = { outcome: "succeeded", failure: undefined };

/** Of an answer, kept for good; a longer one loses its middle. */
const ANSWER_BYTES_MAX = 1_048_576;

/**
 * Says how a run ended, from its events, its other files and its thread's; for a run that has ended. The end of the turn decides, then the exit code:
 * `error` events are mostly notices of retries, and exit 0 alone proves nothing. A completed turn is a success whatever came
 * after it (codex could not write its copy of the answer, was stopped a moment too late): run again, it would act twice. Only where
 * the sandbox let no command begin, nothing was done, whatever the answer says.
 *
 * @param asked the thread that was to be resumed
 * @param deps codex's threads; where it has none, a failed turn is told by its message alone. Secrets are taken out before a text is
 * cut to its length
 */
export async function judgeRun(
  runDir: string,
  summary: RunSummary,
  asked: string | undefined,
  { rollouts, keeper }: JudgeDeps,
): Promise<RunVerdict> {
  const record = readExitRecord(runDir);
  const claimed = claimedAtMs(runDir);
  const wrongThread = asked !== undefined && summary.threadId !== undefined && summary.threadId !== asked;
  const judgement = wrongThread
    ? failed("threadMismatch", `${summary.threadId} instead of ${asked}`)
    : await judge(runDir, summary, record, { rollouts, keeper });
  const account =
    summary.threadId === undefined || claimed === undefined
      ? undefined
      : await readRunAccount(rollouts, summary.threadId, claimed);
  const hasAnswer = summary.turnEnd?.kind === "completed" && !wrongThread;
  return {
    ...judgement,
    ...(account === undefined ? {} : { account }),
    threadId: summary.threadId,
    lastMessage: hasAnswer
      ? await keeper.keepExcerpt(await keeper.keepInSlices(answerOf(runDir, summary)), ANSWER_BYTES_MAX)
      : "",
    usageTotal: summary.usageTotal,
    commandCount: summary.commandCount,
    durationMs:
      record === undefined || claimed === undefined ? undefined : Math.max(0, Math.round(record.endedAtMs - claimed)),
  };
}

async function judge(
  runDir: string,
  summary: RunSummary,
  record: ExitRecord | undefined,
  { rollouts, keeper }: JudgeDeps,
): Promise<Judgement> {
  const { turnEnd, threadId } = summary;
  if (turnEnd?.kind === "completed" && summary.brokenSandbox !== undefined && isSandboxed(runDir))
    return failed("sandboxUnavailable", oneLine(await keeper.keepInSlices(summary.brokenSandbox)));
  if (turnEnd?.kind === "completed") return judgeAnswer(runDir, summary, keeper);
  if (turnEnd?.kind === "failed")
    return judgeTurn(runDir, await keeper.keepInSlices(turnEnd.message), threadId, record, rollouts);
  if (record === undefined) return withoutRecord(runDir);
  const { error, reason: said } = readStderr(runPaths(runDir).stderr, keeper);
  const { exitCode } = record;
  const signal = signalOf(exitCode); // Codex itself uses 0, 1, 2 and 101 (codex 0.169.0).
  if (signal !== undefined) return { outcome: "interrupted", failure: because("killed", `by ${signal}`) };
  if (NOT_RUNNABLE.includes(exitCode)) return failed("codexUnavailable", said ?? `exit ${exitCode}`);
  if (exitCode === RUST_PANIC) return failed("crashed", said ?? "exit 101");
  // SIGINT makes codex exit with 1 and says nothing; a refused prompt says why.
  if (exitCode === 1 && threadId !== undefined && error === undefined) {
    return { outcome: "interrupted", failure: because("killed", "before the end of its turn") };
  }
  if (exitCode === 0) {
    const isThere = statSync(runPaths(runDir).events, { throwIfNoEntry: false })?.isFile() === true;
    return failed("outputUnusable", isThere ? (said ?? "exit 0") : "the events of the run are gone, or no plain file");
  }
  return { outcome: "failed", failure: classifyRefusal(said ?? `exit ${exitCode}, without a word`, exitCode) };
}

/** Without a sandbox what a command prints is its own. */
function isSandboxed(runDir: string): boolean {
  return readRunCommand(runDir)?.command.includes("danger-full-access") !== true;
}

/** A turn that was completed is a success, unless its answer was asked for in a shape that it does not have. */
function judgeAnswer(runDir: string, summary: RunSummary, keeper: Keeper): Judgement {
  const schema = readSmall(runPaths(runDir).outputSchema);
  const problem = schema === undefined ? undefined : answerProblem(answerOf(runDir, summary), schema);
  return problem === undefined ? SUCCEEDED : failed("outputUnusable", oneLine(keeper.keep(problem)));
}

async function judgeTurn(
  runDir: string,
  message: string,
  threadId: string | undefined,
  record: ExitRecord | undefined,
  rollouts: Rollouts,
): Promise<Judgement> {
  const startedAtMs = claimedAtMs(runDir) ?? 0;
  const info = threadId === undefined ? undefined : await readErrorInfo(rollouts, threadId, startedAtMs);
  // Never the present: whoever judges a run long after its end must read the same time into "try again at 3:28 PM".
  const failedAtMs =
    record?.endedAtMs ?? statSync(runPaths(runDir).events, { throwIfNoEntry: false })?.mtimeMs ?? startedAtMs;
  return { outcome: "failed", failure: classifyTurn(message, info, Math.round(failedAtMs)) };
}

/** The worker was killed, or the machine went down. */
function withoutRecord(runDir: string): Judgement {
  const claim = readClaim(runDir);
  const neverStarted = claim === undefined || claim.kind === "sealed";
  return {
    outcome: "vanished",
    failure: because("vanished", neverStarted ? "it never started" : "it left no record of how the run ended"),
  };
}

function failed(kind: FailureKind, detail: string): Judgement {
  return { outcome: "failed", failure: because(kind, detail) };
}

function because(kind: FailureKind, detail: string): Failure {
  return { kind, detail, untilMs: undefined };
}

function answerOf(runDir: string, { lastMessage }: RunSummary): string {
  return lastMessage ?? readSmall(runPaths(runDir).lastMessage, 8 * ANSWER_BYTES_MAX) ?? "";
}
