import type { RunProgress } from "../run/run-progress.ts";
import type { OpenTask } from "../store/tasks/open-task.ts";
import type { CodexInstallation } from "../task/state/run.ts";
import type { StopCause } from "../task/state/task-event.ts";

/**
 * The runs under way, as the dispatcher sees them: agents' turns and verify commands alike. No call waits. What a run reports (its
 * thread, its end) is written to the task table when it is known, and asks for a tick.
 */
export interface Runs {
  /** Begins the next run of a task that is queued, or that is verifying and has no process. Takes a worker slot at once. */
  start(task: OpenTask, codex: CodexInstallation): void;
  /** Goes on with a run that an earlier coordinator started. */
  adopt(task: OpenTask): void;
  /** Asks for the end of a task's run; the first cause wins. One that is still being prepared never starts. */
  stop(id: string, cause: StopCause, detail?: string): void;
  /** Asks for the end of every run. */
  stopAll(cause: StopCause): void;
  /** Tells whether a run of this task is being prepared, lives, or is being taken in. */
  isActive(id: string): boolean;
  /** What the run of this task does that is under way, as far as that was seen. */
  progress(id: string): RunProgress | undefined;
  /** Slots taken: from `start` until the process of the run has ended; of one that failed or is to be verified, until that is taken in. */
  readonly activeCount: number;
  /** Lets go of the runs without ending them. */
  close(): void;
}
