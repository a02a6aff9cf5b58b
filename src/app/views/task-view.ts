import { isFinal } from "../../task/ledger/ledger.ts";
import { parseChanges, type TaskChange } from "../../task/records/task-file/change-section.ts";
import type { ParsedTaskFile } from "../../task/records/task-file/parsed-task-file.ts";
import { asUsage } from "../../task/records/task-file/task-account.ts";
import { PRIORITY_DEFAULT } from "../../task/spec/task-spec.ts";
import type { ChangedFile, Usage } from "../../task/state/run.ts";

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
  /** Who changed it last while it was queued, and the way: `ada (http)`. */
  readonly editedBy: string | null;
  /** `by`: "patch" (the agent's own patches), "other" (a command, or someone at work meanwhile); `null` where that was not noted. */
  readonly changedFiles: readonly { readonly path: string; readonly change: string; readonly by: string | null }[];
  /** The commits of what its runs have changed, in their order; `GET /tasks/:id/diff` shows them. */
  readonly changes: readonly TaskChange[];
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
  /** Where its last run works, or has, and why, while this clone's journal tells; it is decided when a run begins. */
  readonly workplace: WorkplaceView | null;
}

/** Where a task works: the checkout that all share, or a worktree of its session. */
export interface WorkplaceView {
  readonly kind: "shared" | "worktree";
  /** Of a worktree that is there: its branch, without `refs/heads/`, and its top. */
  readonly branch: string | null;
  readonly dir: string | null;
  /** From 50 on a task gets a worktree; what the score is made of. */
  readonly score: number;
  readonly terms: readonly { readonly name: string; readonly points: number; readonly why: string }[];
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
    editedBy: textOrNull(frontMatter.editedBy),
    changedFiles: (result?.changedFiles ?? []).map(presentChange),
    changes: parseChanges(frontMatter.changes),
    path,
    committed: true,
    warnings: [],
  };
}

/** Returns a changed file as interfaces show it. */
export function presentChange({ path, change, by }: ChangedFile): TaskView["changedFiles"][number] {
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
