import type { Branch } from "../git/branch.ts";
import type { KeptRecord } from "../store/journal/journal-file.ts";
import type { FreshThread, JournalRecord } from "../store/journal/journal-record.ts";
import type { OpenTask } from "../store/tasks/open-task.ts";
import { firstRunOf } from "../task/claims/claim.ts";
import { errorFilePath, isErrorFile } from "../task/file/error-file.ts";
import { parseDropText } from "../task/file/task-file.ts";
import { isFinal } from "../task/ledger/ledger.ts";
import {
  removedFilesCommitMessage,
  supersededCommitMessage,
  taskCommitMessage,
} from "../task/records/commit-message.ts";
import type { CommitPlan, FileEdit } from "../task/records/commit-plan.ts";
import { taskChange } from "../task/records/task-file/change-section.ts";
import { type ParsedTaskFile, parseTaskFile } from "../task/records/task-file/parsed-task-file.ts";
import { accountOf, type RunShare, sumUsage } from "../task/records/task-file/task-account.ts";
import { renderTaskFile, type TaskRecord } from "../task/records/task-file/task-record.ts";
import {
  rotatedTranscriptPath,
  sessionFactsPath,
  sessionFolder,
  transcriptPath,
} from "../task/records/workspace-paths.ts";
import { accountFact, type TaskShare } from "../task/session/session-account.ts";
import type { SessionFact } from "../task/session/session-fact.ts";
import { appendFacts } from "../task/session/session-facts.ts";
import {
  appendEntries,
  newEntries,
  rotateTranscript,
  TRANSCRIPT_ROTATE_BYTES,
  withoutLines,
} from "../task/session/transcript.ts";
import { FAILURE_POLICIES, type FailureKind } from "../task/state/failure.ts";
import { asKept, asKeptText, type Keeper, type Kept, type KeptText } from "../task/text/kept-text.ts";
import { nextSequence } from "./ledger-commit.ts";

/** What the results of one batch have in common. */
export interface ResultBatch {
  readonly clone: string;
  /** What it takes out of sessions' transcripts already; added to. */
  readonly rotated: Map<string, KeptText>;
  readonly keeper: Pick<Keeper, "keepName">;
}

/**
 * Returns the commit of one finished task, without its ledger rows: its file, the session's facts and transcript, and the end of
 * its drop where the branch still has it. Applied to a branch that holds all of it, nothing changes.
 *
 */
export async function buildResultCommit(
  branch: Pick<Branch, "readText" | "listFolder" | "hashBlob">,
  task: OpenTask,
  records: readonly KeptRecord[],
  { clone, rotated, keeper }: ResultBatch,
): Promise<CommitPlan> {
  const record = taskRecord(task, records);
  const runs = records.filter((line) => line.k === "run");
  const entries = records.flatMap((line) => (line.k === "run" || line.k === "verify" ? line.entries : []));
  const facts = [...runs.flatMap((run) => run.facts), ...asKept(shareFacts(task, runs, clone))];
  const { superseded } = task;
  const edits: FileEdit[] = superseded === undefined ? [taskFileEdit(record, task)] : [];
  if (facts.length > 0)
    edits.push({ path: sessionFactsPath(record.sessionKey), apply: (current) => appendFacts(current, facts) });
  if (entries.length > 0) edits.push(...(await transcriptEdits(branch, record.sessionKey, entries, clone, rotated)));
  if (superseded !== undefined)
    return { label: task.id, message: supersededCommitMessage(record, asKept(superseded)), edits };
  const drop = dropEdits(branch, task);
  const paths = drop.map(({ path }) => path);
  // A drop that was staged is committed by its user's next commit, also behind the result.
  const aside = { paths, message: removedFilesCommitMessage(paths.map(keeper.keepName)) };
  return { label: task.id, message: taskCommitMessage(record), edits: [...edits, ...drop], aside };
}

/** What the task adds to the account of its session. */
function shareFacts(
  task: OpenTask,
  runs: readonly (JournalRecord & { readonly k: "run" })[],
  clone: string,
): readonly SessionFact[] {
  const share = shareOfTask(task, runs, clone);
  // Behind those of its runs; all are numbers of the session's own, so the order of its tasks is theirs.
  const n = Math.max(1, ...runs.flatMap(({ facts }) => facts.map((fact) => fact.n)));
  return share === undefined ? [] : [accountFact(share, n)];
}

/** Returns what an ended task adds to the account of its session. */
export function shareOfTask(
  { id, state }: OpenTask,
  runs: readonly (JournalRecord & { readonly k: "run" })[],
  clone: string,
): TaskShare | undefined {
  if (state.kind !== "ended") return undefined;
  const shares = runs.map(runShare);
  return {
    ...{ clone, task: id, status: state.status, runs: runs.length },
    usage: sumUsage(shares.map(({ usage }) => usage)),
    durationMs: shares.reduce((sum, { durationMs }) => sum + durationMs, 0),
    commands: shares.reduce((sum, { commands }) => sum + commands, 0),
    endedAt: new Date(state.endedAtMs).toISOString(),
    died: state.status === "failed" && state.vanished > 0,
  };
}

/** Returns the edits that take a task's drop, and what was said of it while it was broken, out of the branch. */
export function dropEdits(branch: Pick<Branch, "hashBlob">, task: Pick<OpenTask, "source">): readonly FileEdit[] {
  const { source } = task;
  if (source === undefined) return [];
  const removal = removalEdit(branch, source.path, source.blob);
  return source.tracked === "untracked" ? [removal] : [removal, errorFileRemoval(source.path)];
}

function errorFileRemoval(dropPath: string): FileEdit {
  return {
    path: asKeptText(errorFilePath(dropPath)),
    apply: (current) => (current !== undefined && isErrorFile(current) ? "absent" : "unchanged"),
  };
}

/** Returns the edit that removes `path` where it has exactly this content. It writes no path: the branch has it. */
export function removalEdit(branch: Pick<Branch, "hashBlob">, path: string, blob: string): FileEdit {
  return {
    path: asKeptText(path),
    apply: (current) =>
      current !== undefined && branch.hashBlob(Buffer.from(current)) === blob ? "absent" : "unchanged",
  };
}

/** A result that stands in the branch stays as it is: the user may have edited it there. One of a clone that this one took over from does not. */
function taskFileEdit(record: Kept<TaskRecord>, task: OpenTask): FileEdit {
  const content = renderTaskFile(record);
  return {
    path: asKeptText(task.path),
    apply: (current) => {
      const there = current === undefined ? undefined : parseTaskFile(current);
      if (there?.id !== task.id || !isFinal(there.status)) return content;
      const late = lateResult(there, task);
      return late === undefined ? "unchanged" : renderTaskFile({ ...record, warnings: [...record.warnings, late] });
    },
  };
}

/** What is said of a result that came after this clone had taken the task over; `undefined` where it is none. */
function lateResult({ frontMatter, status }: ParsedTaskFile, { claim }: OpenTask): KeptText | undefined {
  const { run, acceptedBy } = frontMatter;
  if (claim === undefined || typeof run !== "number" || run >= firstRunOf(claim.generation)) return undefined;
  const clone = typeof acceptedBy === "string" && /^[0-9a-z]{6}$/.test(acceptedBy) ? acceptedBy : "another clone";
  return asKeptText(
    `a result of run ${run} (${status}, clone ${clone}) is superseded: the task had been taken over (generation ${claim.generation})`,
  );
}

/**
 * A batch that is made again after a crash finds its own entries in the branch. Then it must change nothing, so a full transcript is
 * only moved away where there is something to add; and what is in the closed file is not written once more.
 */
async function transcriptEdits(
  branch: Pick<Branch, "readText" | "listFolder">,
  sessionKey: KeptText,
  entries: Parameters<typeof appendEntries>[1],
  clone: string,
  rotated: Map<string, KeptText>,
): Promise<readonly FileEdit[]> {
  const text = (await branch.readText(transcriptPath(sessionKey))) ?? "";
  const fresh = newEntries(text, entries);
  const edits: FileEdit[] = [];
  const rotation = fresh.length === 0 ? undefined : rotateTranscript(text, TRANSCRIPT_ROTATE_BYTES);
  if (rotation !== undefined && !rotated.has(sessionKey)) {
    rotated.set(sessionKey, rotation.moved);
    const sequence = await nextSequence(branch, `${sessionFolder(sessionKey)}/transcript`, clone);
    edits.push({
      path: rotatedTranscriptPath(sessionKey, clone, sequence),
      apply: (current) => (current === undefined ? rotation.moved : "unchanged"),
    });
  }
  const moved = rotated.get(sessionKey);
  const added = moved === undefined ? entries : fresh;
  edits.push({
    path: transcriptPath(sessionKey),
    apply: (current) => {
      const kept = moved === undefined || current === undefined ? "unchanged" : withoutLines(current, moved);
      const appended = appendEntries(kept === "unchanged" ? current : kept, added);
      return appended === "unchanged" ? kept : appended;
    },
  });
  return edits;
}

/** Returns all that is known of a task, as its file shows it: all of it from its journal, which holds kept text alone. */
export function taskRecord(task: OpenTask, records: readonly KeptRecord[]): Kept<TaskRecord> {
  const text = records.findLast((record) => record.k === "accepted" || record.k === "replaced");
  if (text === undefined) throw new Error(`the journal of ${task.id} is empty`);
  const parsed = parseDropText(text.text, text.folderKey ?? undefined);
  if (!parsed.ok) throw new Error(`${task.id} is no longer valid`);
  const started = records.filter((record) => record.k === "started");
  const runs = records.filter((record) => record.k === "run");
  const told = new Set(runs.map((record) => record.run));
  // An earlier run of which nothing is told was never begun: its coordinator died before its worker took it.
  const begun = started.filter((record) => record.run >= task.state.run || told.has(record.run));
  const run = runs.at(-1);
  const verify = records.findLast((record) => record.k === "verify");
  const followUp = records.findLast((record) => record.k === "follow-up");
  const { state } = task;
  const ended = state.kind === "ended" ? state : undefined;
  return asKept<TaskRecord>({
    id: task.id,
    sessionKey: task.sessionKey,
    spec: task.spec,
    prompt: parsed.prompt,
    warnings: [
      ...task.warnings,
      ...started.flatMap(({ fresh }) => (fresh === undefined ? [] : [freshWords(fresh)])),
      ...(followUp?.task === null ? [`no follow-up was filed: ${followUp.why}`] : []),
    ],
    status: ended?.status ?? "queued",
    attempts: state.attempts,
    run: state.run,
    thread: run?.verdict.failure?.kind === "threadMismatch" ? undefined : run?.verdict.threadId,
    source: task.source?.path,
    parentRun: task.droppedBy?.run,
    origin: task.arrival,
    editor: task.editor,
    acceptedAt: new Date(task.acceptedAtMs).toISOString(),
    startedAt: iso(begun[0]?.atMs),
    endedAt: iso(ended?.endedAtMs),
    durationMs: run === undefined ? undefined : run.endedAtMs - run.startedAtMs,
    workedMs: workedMs(records),
    reason: ended?.reason,
    failure: failureOf(state, run?.verdict.failure?.kind),
    lastMessage: run?.verdict.lastMessage ?? "",
    changedFiles: run?.changedFiles ?? [],
    changes: runs.flatMap(
      ({ run: number, changedFiles, change }) => taskChange(number, changedFiles.length, change) ?? [],
    ),
    usage: run?.usage ?? undefined,
    codexVersion: begun.at(-1)?.codex,
    account: accountOf(runs.map(runShare)),
    model: run?.verdict.account?.model ?? task.spec.model,
    verification: verify?.verification,
    followUpTask: followUp?.task ?? undefined,
    acceptedBy: task.clone,
  });
}

/** Returns what one run adds to the account of its task. */
export function runShare(run: JournalRecord & { readonly k: "run" }): RunShare {
  const { usage, verdict, changedFiles } = run;
  const durationMs = Math.max(0, run.endedAtMs - run.startedAtMs); // The clock may have been set back.
  return { usage, durationMs, commands: verdict.commandCount, filesChanged: changedFiles.length };
}

/** A clock that was set back takes nothing away. */
function workedMs(records: readonly KeptRecord[]): number | undefined {
  const runs = records.filter((record) => record.k === "run" || record.k === "verify");
  return runs.length === 0
    ? undefined
    : runs.reduce((sum, { startedAtMs, endedAtMs }) => sum + Math.max(0, endedAtMs - startedAtMs), 0);
}

function freshWords({ instead, why }: FreshThread): string {
  return `a fresh thread was begun instead of ${instead}: ${why}`;
}

/** Returns the name of the failure that ended a task: a stop of ours, or what its last run met. */
function failureOf(state: OpenTask["state"], last: FailureKind | undefined): FailureKind | undefined {
  if (state.kind !== "ended" || state.status === "succeeded") return undefined;
  const causes = [
    "stopped",
    "timedOut",
    "stalled",
    "printedTooMuch",
    "verification",
    "verifyUnavailable",
    ...(last === undefined ? [] : [last]),
  ] as const;
  return causes.find((kind) => state.reason?.startsWith(FAILURE_POLICIES[kind].sentence) === true);
}

function iso(timeMs: number | undefined): string | undefined {
  return timeMs === undefined ? undefined : new Date(timeMs).toISOString();
}
