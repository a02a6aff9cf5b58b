import type { RunEvent, RunHandle, RunKey, RunLease } from "../../run/driver.ts";
import type { RunLimits } from "../../run/supervisor.ts";
import type { OpenTask } from "../../store/tasks/open-task.ts";
import type { CodexInstallation } from "../../task/state/run.ts";
import type { StopCause } from "../../task/state/task-event.ts";

/** How runs of one kind are begun and taken in. Decides nothing: the state machine does. */
export interface KindOfRun<Outcome> {
  /**
   * Starts the next run of a task. `isWanted` is to be asked after each wait. Resolves with `undefined` where it was not started: the
   * task's state says why, or the next tick tries again.
   *
   * @param failedTries how often in a row no process could be made for a verify command
   * @throws CoordinatorError `CODEX` where no process could be made; then the task waits for its next run
   */
  begin(
    task: OpenTask,
    codex: CodexInstallation,
    isWanted: () => boolean,
    failedTries: number,
  ): Promise<RunHandle<Outcome> | undefined>;
  adopt(lease: RunLease): Promise<RunHandle<Outcome>>;
  /** As `Driver.seal`. */
  seal(run: RunKey): boolean;
  limits(task: OpenTask): RunLimits;
  /** Says which limit a run has reached and what sets it; `undefined` where its outcome tells. */
  overdueWords(task: OpenTask, cause: StopCause): string | undefined;
  noticed(run: RunKey, event: RunEvent): void;
  /**
   * Takes in how a run ended: all that has to be waited for, and then one change of the table. It may be called again where it fails.
   * `isWanted` tells whether the run is still the task's own.
   */
  takeIn(task: OpenTask, outcome: Outcome, isWanted: () => boolean): Promise<void>;
  /** Ends a run that a fault of ours has spoiled; the task fails as after any other failed attempt. */
  spoil(task: OpenTask, reason: string): void;
}
