import type { PausedView } from "./views/present-pauses.ts";
import type { SessionView } from "./views/session-list.ts";
import type { TaskView } from "./views/task-view.ts";

/** How the coordinator is doing; what `GET /health` answers. */
export interface Health {
  readonly status: "ok" | "waiting";
  readonly version: string;
  readonly workspace: string;
  readonly branch: string;
  readonly pid: number;
  readonly startedAt: string;
  readonly tasks: { readonly queued: number; readonly running: number; readonly uncommitted: number };
  /** Why results are not being committed now, and since when (UTC). */
  readonly committer: { readonly reason: string; readonly since: string } | null;
  /** Why no task is started although some could be, since when, and until when at least where that is known (UTC). */
  readonly codex: { readonly reason: string; readonly since: string; readonly until: string | null } | null;
  /** What is paused, and since when (UTC); running tasks go on. */
  readonly paused: PausedView;
  /** Why no more tasks are accepted now, and since when (UTC). */
  readonly full: { readonly reason: string; readonly since: string } | null;
  /** What cannot be done because of the machine (a full disk, …), what helps, and since when (UTC); it goes on by itself. */
  readonly world: { readonly reason: string; readonly since: string } | null;
  /** Files in inbox/ that cannot become tasks. */
  readonly broken: readonly string[];
  /** A configuration that could not be read; the last good one is in force. */
  readonly configProblem: string | null;
  readonly draining: boolean;
}

/** What interfaces may ask of a running coordinator. */
export interface Coordinator {
  /**
   * Accepts a task given as the text of a task file; once this resolves, no crash loses it.
   *
   * @returns the task, and whether it was known before (its `id` had been given already)
   * @throws CoordinatorError `TASK_FILE` listing every problem; `QUEUE_FULL` when too many are open
   */
  submit(text: string): Promise<{ readonly task: TaskView; readonly known: boolean }>;
  /** Returns the task whose id contains `part`. @throws CoordinatorError `NOT_FOUND`, or `REFUSED` where several do */
  find(part: string): Promise<TaskView>;
  /** The named sessions, the most recently used one first. */
  sessions(): Promise<readonly SessionView[]>;
  /** @throws CoordinatorError `NOT_FOUND` */
  session(key: string): Promise<SessionView>;
  health(): Health;
}
