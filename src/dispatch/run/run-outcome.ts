import { join } from "node:path";
import type { Log, Surroundings } from "../../base/surroundings.ts";
import { boundText, withoutSplitSecrets } from "../../run/codex/events/transcript-body.ts";
import type { AgentOutcome } from "../../run/driver.ts";
import type { ChangingRun } from "../../run/workplace/run-changes.ts";
import type { RunPlaces } from "../../run/workplace/run-places.ts";
import type { Workplace } from "../../run/workplace/workplace.ts";
import type { JournalRecord } from "../../store/journal/journal-record.ts";
import type { TaskJournal } from "../../store/journal/task-journal.ts";
import type { Sessions } from "../../store/sessions/session-store.ts";
import type { OpenTask, StartedRun } from "../../store/tasks/open-task.ts";
import type { SessionFact } from "../../task/session/session-fact.ts";
import type { SessionState } from "../../task/session/session-facts.ts";
import type { TranscriptBody, TranscriptEntry } from "../../task/session/transcript-entry.ts";
import {
  describeFailure,
  FAILURE_POLICIES,
  type Failure,
  failurePolicy,
  type OwnChoices,
  stopsAll,
} from "../../task/state/failure.ts";
import type { RunVerdict, Usage } from "../../task/state/run.ts";
import type { ExitVerdict, TaskEvent } from "../../task/state/task-event.ts";
import type { Keeper } from "../../task/text/kept-text.ts";
import { promptOfRun } from "./next-turn.ts";

export interface OutcomeDeps {
  readonly journal: TaskJournal;
  readonly sessions: Sessions;
  readonly workTree: Workplace;
  readonly places: Pick<RunPlaces, "after">;
  readonly keeper: Keeper;
  readonly surroundings: Surroundings;
  readonly log: Log;
}

/** What an ended run left behind. */
export interface RecordedRun {
  readonly record: JournalRecord & { readonly k: "run" };
  /** Milliseconds spent asking git what the run changed. */
  readonly changesMs: number;
}

/** Puts all that an ended run left behind into one record of the journal. */
export async function recordRun(deps: OutcomeDeps, task: OpenTask, outcome: AgentOutcome): Promise<RecordedRun> {
  const started = task.lastRun;
  if (started === undefined) throw new Error(`${task.id} has no run`);
  const { run, attempt, startedAtMs, resume } = started;
  const endedAtMs = deps.surroundings.now();
  const records = deps.journal.read(task.id);
  const { unsettled, ...changed } = await changesOf(deps, task, started, records, outcome);
  const verdict = unsettled === undefined ? outcome.verdict : withoutMerge(outcome.verdict, unsettled);
  const session = await deps.sessions.read(task.sessionKey);
  const entries = await entriesOf(deps.keeper, task.id, started, { ...outcome, verdict }, records);
  const record = {
    ...{ k: "run" as const, run, attempt, verdict, startedAtMs, endedAtMs },
    entries: await withoutSplitSecrets(entries, deps.keeper),
    facts: factsOf(task, verdict, session, endedAtMs),
    ...{ changedFiles: [], ...changed },
    usage: usageOf(verdict, session, resume),
  };
  // Here, in slices: what was kept once passes into the journal as it is.
  return { record: await deps.keeper.keepInSlices(record), changesMs: deps.surroundings.now() - endedAtMs };
}

/** A turn that was to settle a merge and has not is no success, whatever codex says. */
function withoutMerge(verdict: RunVerdict, detail: string): RunVerdict {
  if (verdict.outcome !== "succeeded") return verdict;
  return { ...verdict, outcome: "failed", failure: { kind: "mergeUnsettled", detail, untilMs: undefined } };
}

/** So many files are listed; the commit has them all. */
const CHANGED_FILES_MAX = 1_000;

/** @property unsettled why a merge is not settled that the run was to settle */
interface Changed extends Partial<Pick<JournalRecord & { readonly k: "run" }, "changedFiles" | "change">> {
  readonly unsettled?: string;
}

/** In a worktree nobody else works: what its commit holds is the run's. Of a run that may not write nothing is asked. */
async function changesOf(
  { workTree, places }: OutcomeDeps,
  task: OpenTask,
  { run, startedAtMs, workplace, thread }: StartedRun,
  records: readonly JournalRecord[],
  { verdict, endedAtMs, patches }: AgentOutcome,
): Promise<Changed> {
  const turn = { ...turnOf(task), run, thread: verdict.threadId ?? thread };
  if (workplace?.kind !== "worktree") {
    const started = records.findLast((record) => record.k === "started" && record.run === run);
    if (started?.k !== "started" || started.before === undefined) return {};
    const ended = { ...turn, workdir: task.spec.workdir ?? ".", startedAtMs, endedAtMs, patches };
    const { change, files } = await workTree.changes.after(ended, started.before);
    return { change, changedFiles: files.slice(0, CHANGED_FILES_MAX) };
  }
  const found = await places.after(workplace, turn, endedAtMs, verdict.outcome === "succeeded");
  if (found === undefined) {
    const none = { branch: workplace.branch, commit: null, parent: null, tip: null, insertions: 0, deletions: 0 };
    const problem = `the worktree ${workplace.dir} is gone, and what the run wrote there with it`;
    return { change: { ...none, leftOut: [], held: null, problem } };
  }
  const { files, commit = null, held = null, unsettled, ...change } = found;
  const changedFiles = files.slice(0, CHANGED_FILES_MAX).map((file) => ({
    ...file,
    by: patches.get(join(workplace.dir, file.path)) === "written" ? ("patch" as const) : ("other" as const),
  }));
  const recorded = { ...change, commit, held };
  // Then the branch does not have it: the run's own ref alone does.
  return unsettled === undefined
    ? { change: recorded, changedFiles }
    : { change: { ...recorded, branch: null }, changedFiles, unsettled };
}

/** Returns what the commit of a task's run under way is the work of. */
export function turnOf({ id, sessionKey, spec, state, lastRun }: OpenTask): Omit<ChangingRun, "workdir"> {
  const thread = lastRun?.run === state.run ? lastRun.thread : undefined;
  return { session: sessionKey, title: spec.title, task: id, run: state.run, thread };
}

/**
 * Returns what the transcript says of a run, by line: the prompt (line 0) and what the agent was told besides, as the journal of the
 * run's start has it, what codex reported, and the end (one past the last line). Only the times depend on the coordinator that reads
 * it, so two of them write the same keys and bodies.
 */
async function entriesOf(
  keeper: Keeper,
  task: string,
  { run, attempt, startedAtMs }: StartedRun,
  { verdict, said, lineCount, endedAtMs }: AgentOutcome,
  records: readonly JournalRecord[],
): Promise<readonly TranscriptEntry[]> {
  const started = records.findLast((record) => record.k === "started" && record.run === run);
  const context = started?.k === "started" ? started.context : undefined;
  const entry = (line: number, timeMs: number, body: TranscriptBody, durationMs?: number): TranscriptEntry => {
    const time = new Date(timeMs).toISOString();
    const took = durationMs === undefined ? {} : { durationMs };
    return { v: 1, task, run, attempt, line, thread: verdict.threadId ?? null, time, ...took, body };
  };
  const reason = verdict.failure === undefined ? null : describeFailure(verdict.failure);
  return [
    entry(0, startedAtMs, { kind: "user", text: await boundText(keeper, promptOfRun(records)) }),
    ...(context === undefined ? [] : [entry(0, startedAtMs, { kind: "context", ...context })]),
    ...said.map(({ line, atMs, body, durationMs }) => entry(line, atMs, body, durationMs)),
    entry(lineCount + 1, endedAtMs, { kind: "end", outcome: verdict.outcome, reason }),
  ];
}

/** What the run adds to what is known of its session. */
function factsOf(task: OpenTask, verdict: RunVerdict, session: SessionState, nowMs: number): readonly SessionFact[] {
  const time = new Date(nowMs).toISOString();
  const found: Readonly<Record<string, unknown>>[] = [];
  if (!session.opened) found.push({ kind: "opened", key: task.sessionKey });
  if (verdict.threadId !== undefined && verdict.failure?.kind !== "threadMismatch") {
    if (verdict.threadId !== session.thread) found.push({ kind: "thread", thread: verdict.threadId, task: task.id });
    const total = threadTotal(verdict);
    if (total !== undefined) found.push({ kind: "usage", thread: verdict.threadId, total });
  }
  return found.map((fact, index) => ({
    v: 1,
    n: session.counter + 1 + index,
    time,
    ...fact,
    kind: String(fact.kind),
  }));
}

/** The running total of the thread: a completed turn tells it, of another one it stands in the thread's own file. */
function threadTotal({ usageTotal, account }: RunVerdict): Usage | undefined {
  return usageTotal ?? account?.threadUsage;
}

/**
 * What this run used alone. Codex notes it with the thread; where it did not, it is the difference of the thread's running totals.
 * `null` where the total before is not known either: the thread is not this session's.
 */
function usageOf(verdict: RunVerdict, session: SessionState, resumed: string | undefined): Usage | null {
  if (verdict.account?.usage !== undefined) return verdict.account.usage;
  const total = threadTotal(verdict);
  const thread = verdict.threadId;
  if (total === undefined || thread === undefined) return null;
  const before = session.usages.get(thread);
  if (before === undefined) return thread === resumed && thread !== session.thread ? null : total;
  return {
    inputTokens: Math.max(0, total.inputTokens - before.inputTokens),
    cachedInputTokens: Math.max(0, total.cachedInputTokens - before.cachedInputTokens),
    outputTokens: Math.max(0, total.outputTokens - before.outputTokens),
    reasoningOutputTokens: Math.max(0, total.reasoningOutputTokens - before.reasoningOutputTokens),
  };
}

/**
 * Returns what the state machine is told of a verdict.
 *
 * @param waitUntilMs when a task whose thread is in use should ask again
 */
export function exitVerdict(verdict: RunVerdict, own: OwnChoices, waitUntilMs: number): ExitVerdict {
  if (verdict.outcome === "interrupted") return { kind: "interrupted" };
  const { failure } = verdict;
  if (failure === undefined) return { kind: "succeeded" };
  if (failure.kind === "codexUnavailable" || failure.kind === "sandboxUnavailable")
    return { kind: "codexMissing", reason: describeFailure(failure) };
  const policy = failurePolicy(failure.kind, own);
  const { remedy, costsAttempt } = policy;
  const reason = describeFailure(failure);
  if (stopsAll(policy)) return { kind: "held", reason };
  if (remedy === "freshThread") return { kind: "threadLost", reason };
  const retryAtMs = remedy === "wait" ? waitUntilMs : failure.untilMs;
  return { kind: "failed", retryable: remedy !== "fail", reason, retryAtMs, costsAttempt };
}

/**
 * Returns what a task decides for itself.
 *
 * @param openedAtMs when other tasks last got through
 */
export function ownChoices(
  { spec, lastRun }: OpenTask,
  earlier: readonly JournalRecord[],
  failure: Failure | undefined,
  openedAtMs: number | undefined,
): OwnChoices {
  const before = earlier.findLast((record) => record.k === "run" && record.verdict.failure?.kind === failure?.kind);
  return {
    model: spec.model !== undefined || spec.oss || spec.codexConfig.length > 0,
    thread: typeof spec.resume === "string",
    resumed: lastRun?.resume !== undefined,
    alone: failure !== undefined && before?.k === "run" && before.endedAtMs < (openedAtMs ?? 0),
  };
}

/** Returns the threads of a task's runs that it cannot go on in, and why: codex does not have them, or they are full. */
export function lostThreads(records: readonly JournalRecord[]): ReadonlyMap<string, string> {
  const lost = new Map<string, string>();
  let asked: string | null = null;
  for (const record of records) {
    if (record.k === "started") asked = record.resume;
    const failure = record.k === "run" ? record.verdict.failure : undefined;
    if (failure === undefined || record.k !== "run") continue;
    const thread = failure.kind === "contextWindow" ? (record.verdict.threadId ?? asked) : asked;
    if (thread !== null && FAILURE_POLICIES[failure.kind].remedy === "freshThread")
      lost.set(thread, describeFailure(failure));
  }
  return lost;
}

/** Returns how many runs of a task, the last ones in a row, found their thread in use. */
export function busyRuns(records: readonly JournalRecord[]): number {
  const kinds = records.flatMap((record) => (record.k === "run" ? [record.verdict.failure?.kind] : []));
  return kinds.length - 1 - kinds.findLastIndex((kind) => kind !== "threadBusy");
}

/** Returns what the end of a run is to a task's state: where there is a verify command, that has the last word. */
export function endOfRun(verdict: ExitVerdict, { verifyCommand }: OpenTask["spec"]): TaskEvent {
  return verdict.kind === "succeeded" && verifyCommand !== undefined
    ? { kind: "verifyStarted" }
    : { kind: "exited", verdict };
}
