import { taskRecord } from "../../publish/result-commit.ts";
import { PROGRESS_CHARACTERS_MAX, type RunProgress } from "../../run/run-progress.ts";
import type { KeptRecord } from "../../store/journal/journal-file.ts";
import type { OpenTask } from "../../store/tasks/open-task.ts";
import type { TaskRecord } from "../../task/records/task-file/task-record.ts";
import { verificationFacts } from "../../task/records/task-file/verification-section.ts";
import { describeOrigin, editedBy, requestedBy } from "../../task/rights/origin.ts";
import type { HoldView } from "../../task/schedule/hold.ts";
import { rowOf } from "../../task/state/state-row.ts";
import { oneLine } from "../../task/text/one-line.ts";
import { type ProgressView, presentChange, type TaskView } from "./task-view.ts";

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
    origin: describeOrigin(task.arrival),
    requestedBy: requestedBy(task.arrival),
    editedBy: task.editor === undefined ? null : editedBy(task.editor),
    changedFiles: record.changedFiles.map(presentChange),
    changes: record.changes,
    path: task.path,
    committed: !task.committed && records.at(-1)?.k === "committed", // Since memory was asked.
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

function unstarted(
  task: OpenTask,
): Partial<TaskRecord> & Pick<TaskRecord, "acceptedAt" | "changedFiles" | "changes" | "warnings"> {
  return {
    acceptedAt: new Date(task.acceptedAtMs).toISOString(),
    ...(task.state.kind === "ended" && {
      endedAt: new Date(task.state.endedAtMs).toISOString(),
      reason: task.state.reason,
    }),
    model: task.spec.model,
    changedFiles: [],
    changes: [],
    warnings: task.warnings,
  };
}
