import { taskRecord } from "../../publish/result-commit.ts";
import { PROGRESS_CHARACTERS_MAX, type RunProgress } from "../../run/run-progress.ts";
import type { KeptRecord } from "../../store/journal/journal-file.ts";
import type { OpenTask } from "../../store/tasks/open-task.ts";
import { PRIORITY_DEFAULT } from "../../task/file/task-file.ts";
import { isFinal } from "../../task/ledger/ledger.ts";
import type { ParsedTaskFile } from "../../task/records/parsed-task-file.ts";
import { asUsage } from "../../task/records/task-account.ts";
import type { TaskRecord } from "../../task/records/task-record.ts";
import { verificationFacts } from "../../task/records/verification-section.ts";
import { describeOrigin, requestedBy } from "../../task/rights/origin.ts";
import type { HoldView } from "../../task/schedule/hold.ts";
import type { ChangedFile, Usage } from "../../task/state/run.ts";
import { rowOf } from "../../task/state/state-row.ts";
import { oneLine } from "../../task/text/one-line.ts";

/** What a list shows of a task. Absent things are `null`. */
export interface TaskLine {
  readonly id: string;
  readonly sessionKey: string;
  readonly title: string;
  readonly status: string;
  /** Why a queued task does not run yet, as a sentence. */
  readonly hold: string | null;
  /** Until when at least, where that is known (UTC), and what would make it go, as a sentence. */
  readonly holdUntil: string | null;
  readonly holdRemedy: string | null;
  /** Why it ended, or waits for another run. */
  readonly reason: string | null;
  readonly acceptedAt: string | null;
  readonly startedAt: string | null;
  readonly endedAt: string | null;
}

/** What the run under way of a task does, as far as that was seen. Absent things are `null`. */
export interface ProgressView {
  readonly kind: "agent" | "verify";
  readonly startedAt: string;
  readonly lastEventAt: string | null;
  /** What was seen last, on one line. */
  readonly last: string | null;
  /** The command under way, on one line. */
  readonly command: string | null;
  readonly commandSince: string | null;
  /** Commands that have ended. */
  readonly commands: number;
  /** Tokens of this run until now, where codex has said. */
  readonly usage: Usage | null;
}

/** A task as every interface shows it: the JSON of its front matter and result, at the top level. Absent things are `null`. */
export interface TaskView extends TaskLine {
  readonly run: number;
  readonly attempts: number;
  readonly priority: number;
  readonly progress: ProgressView | null;
  readonly durationMs: number | null;
  /** Tokens of the last run alone. */
  readonly usage: Usage | null;
  /** Of all runs together. */
  readonly totalUsage: Usage | null;
  readonly totalDurationMs: number | null;
  /** Of the last run: its commands, and the files that differed after it. */
  readonly commands: number | null;
  readonly filesChanged: number | null;
  readonly codexVersion: string | null;
  /** The one that was used, as far as that is known. */
  readonly model: string | null;
  /** The name of that reason, where it is one of docs/spec-failures.md. */
  readonly failure: string | null;
  readonly thread: string | null;
  /** The final answer of the agent. */
  readonly result: string | null;
  /** How its last verification went: command, outcome, exit code, … (docs/spec-verify.md). */
  readonly verification: Readonly<Record<string, unknown>> | null;
  /** The task that goes on where this one has failed, and the one that this one goes on from. */
  readonly followUpTask: string | null;
  readonly parent: string | null;
  readonly parentRun: number | null;
  /** The way it came (`commit <id>`, `file`, `cli`, `http`, `agent`), and who asked. */
  readonly origin: string | null;
  readonly requestedBy: string | null;
  /** `by`: "patch" (the agent's own patches), "other" (a command, or someone at work meanwhile); `null` where that was not noted. */
  readonly changedFiles: readonly { readonly path: string; readonly change: string; readonly by: string | null }[];
  /** Where the task lies, or will lie, in the branch. */
  readonly path: string;
  /** Whether the branch holds the outcome. */
  readonly committed: boolean;
  readonly warnings: readonly string[];
}

/** All that is known of one task. Absent things are `null`. */
export interface TaskDetails extends TaskView {
  /** As it was asked for, without secrets. */
  readonly prompt: string | null;
  /** The end of what the last verification printed. */
  readonly verificationOutput: string | null;
  /** The commit of its outcome, where the journal still tells; the history of `path` tells of older ones. */
  readonly commit: string | null;
}

/**
 * Returns an open task as interfaces show it.
 *
 * @param records its journal; needed only where it has started, so that a long queue is shown from memory
 * @param hold why it does not run yet
 */
export function presentOpen(
  task: OpenTask,
  records: readonly KeptRecord[],
  hold?: HoldView,
  progress?: RunProgress,
): TaskView {
  const record = records.length === 0 ? unstarted(task) : taskRecord(task, records);
  const { state } = task;
  const held = state.kind === "queued" ? hold : undefined;
  const waits = state.kind === "queued" ? (hold?.reason ?? state.reason) : undefined;
  return {
    id: task.id,
    sessionKey: task.sessionKey,
    title: task.spec.title,
    status: rowOf(state).status,
    hold: waits ?? null,
    holdUntil: isoOrNull(held?.untilMs),
    holdRemedy: held?.remedy ?? null,
    progress: presentProgress(task, progress),
    run: state.run,
    attempts: state.attempts,
    priority: task.spec.priority,
    acceptedAt: record.acceptedAt,
    startedAt: record.startedAt ?? null,
    endedAt: record.endedAt ?? null,
    durationMs: record.durationMs ?? null,
    usage: record.usage ?? null,
    totalUsage: record.account?.totalUsage ?? null,
    totalDurationMs: record.account?.totalDurationMs ?? null,
    commands: record.account?.commands ?? null,
    filesChanged: record.account?.filesChanged ?? null,
    codexVersion: record.codexVersion ?? null,
    model: record.model ?? null,
    reason: record.reason ?? null,
    failure: record.failure ?? null,
    thread: task.lastRun?.thread ?? null,
    result: state.kind === "ended" ? (record.lastMessage ?? "") : null,
    verification: record.verification === undefined ? null : verificationFacts(record.verification),
    followUpTask: record.followUpTask ?? null,
    parent: task.spec.parent ?? null,
    parentRun: task.droppedBy?.run ?? null,
    origin: describeOrigin(task.origin),
    requestedBy: requestedBy(task.origin),
    changedFiles: record.changedFiles.map(presentChange),
    path: task.path,
    committed: false,
    warnings: record.warnings,
  };
}

/** A run that was not seen yet has begun all the same. */
function presentProgress({ state, lastRun, spec }: OpenTask, progress: RunProgress | undefined): ProgressView | null {
  if (state.kind === "queued" || state.kind === "ended") return null;
  const isVerify = state.kind === "verifying" || (state.kind === "stopping" && state.verify);
  const startedAtMs = isVerify && "startedAtMs" in state ? state.startedAtMs : lastRun?.startedAtMs;
  const startedAt = new Date(startedAtMs ?? 0).toISOString();
  const { command = null, commandSince = null } = isVerify
    ? { command: oneLine(spec.verifyCommand ?? "", PROGRESS_CHARACTERS_MAX), commandSince: startedAt }
    : { command: progress?.command?.text, commandSince: isoOrNull(progress?.command?.sinceMs) };
  return {
    ...{ kind: isVerify ? "verify" : "agent", startedAt, command, commandSince },
    lastEventAt: isoOrNull(progress?.lastAtMs),
    last: progress?.last ?? null,
    commands: progress?.commands ?? 0,
    usage: progress?.usage ?? null,
  };
}

function isoOrNull(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString();
}

/** Tells whether showing a task takes more than what memory holds of it. */
export function needsJournal({ state, lastRun }: OpenTask): boolean {
  return lastRun !== undefined || state.kind !== "queued";
}

function unstarted(task: OpenTask): Partial<TaskRecord> & Pick<TaskRecord, "acceptedAt" | "changedFiles" | "warnings"> {
  return {
    acceptedAt: new Date(task.acceptedAtMs).toISOString(),
    ...(task.state.kind === "ended" && {
      endedAt: new Date(task.state.endedAtMs).toISOString(),
      reason: task.state.reason,
    }),
    model: task.spec.model,
    changedFiles: [],
    warnings: task.warnings,
  };
}

/** Returns a task that no journal of this clone holds, as its committed file tells it. One that is still open belongs to another clone. */
export function presentTaskFile(file: ParsedTaskFile, path: string): TaskView {
  const { frontMatter, result } = file;
  return {
    id: file.id,
    sessionKey: file.sessionKey,
    title: file.title,
    status: file.status,
    hold: isFinal(file.status)
      ? null
      : `accepted by another clone (${textOrNull(frontMatter.acceptedBy) ?? "unknown"})`,
    ...{ holdUntil: null, holdRemedy: null, progress: null },
    run: numberOrNull(frontMatter.run) ?? 1,
    attempts: numberOrNull(frontMatter.attempts) ?? 0,
    priority: numberOrNull(frontMatter.priority) ?? PRIORITY_DEFAULT,
    acceptedAt: textOrNull(frontMatter.acceptedAt),
    startedAt: textOrNull(frontMatter.startedAt),
    endedAt: textOrNull(frontMatter.endedAt),
    durationMs: numberOrNull(frontMatter.durationMs),
    usage: asUsage(frontMatter.usage) ?? null,
    totalUsage: asUsage(frontMatter.totalUsage) ?? null,
    totalDurationMs: numberOrNull(frontMatter.totalDurationMs),
    commands: numberOrNull(frontMatter.commands),
    filesChanged: numberOrNull(frontMatter.filesChanged),
    codexVersion: textOrNull(frontMatter.codexVersion),
    model: textOrNull(frontMatter.model),
    reason: result?.reason ?? null,
    failure: textOrNull(frontMatter.failure),
    thread: textOrNull(frontMatter.thread),
    result: result?.lastMessage ?? null,
    verification: objectOrNull(frontMatter.verification),
    followUpTask: textOrNull(frontMatter.followUpTask),
    parent: textOrNull(frontMatter.parent),
    parentRun: numberOrNull(frontMatter.parentRun),
    origin: textOrNull(frontMatter.origin),
    requestedBy: textOrNull(frontMatter.requestedBy),
    changedFiles: (result?.changedFiles ?? []).map(presentChange),
    path,
    committed: true,
    warnings: [],
  };
}

function presentChange({ path, change, by }: ChangedFile): TaskView["changedFiles"][number] {
  return { path, change, by: by ?? null };
}

function numberOrNull(value: unknown): number | null {
  return typeof value === "number" ? value : null;
}

function objectOrNull(value: unknown): Readonly<Record<string, unknown>> | null {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : null;
}

function textOrNull(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}
