import type { RunHandle, RunStore } from "../../run/driver.ts";
import { type ActiveRun, type ActiveRuns, type ActiveRunsDeps, stackOf } from "./active-runs.ts";

export interface RunEndsDeps extends Pick<ActiveRunsDeps, "faults" | "log"> {
  readonly store: Pick<RunStore, "stop">;
}

/** How runs are taken in when they have ended. */
export interface RunEnds {
  /**
   * Takes in what a run has left behind. Where the disk is full, say, that is tried again: what is on it stays there.
   *
   * @param followAnew follows the run from its beginning: our own folder was away, and something of it may not have been read
   */
  takeIn(run: ActiveRun, handle: RunHandle<unknown>, followAnew: () => void): Promise<void>;
  /** Ends a run that a fault of ours has spoiled, and that no process is left of. */
  spoil(run: ActiveRun, error: unknown): void;
  /** As `spoil`, for a run that may be alive: nothing may begin beside it. */
  endAndSpoil(run: ActiveRun, error: unknown): Promise<void>;
}

export function createRunEnds({ store, faults, log }: RunEndsDeps, runs: ActiveRuns): RunEnds {
  const spoil = (run: ActiveRun, error: unknown, attempt = 0): void => {
    const task = runs.taskOf(run);
    if (task === undefined) {
      runs.leave(run);
      return;
    }
    const reason = `internal error: ${error instanceof Error ? error.message : String(error)}`;
    if (attempt === 0) log("internal-error", { task: run.task, run: run.run, reason: stackOf(error) });
    try {
      run.kind.spoil(task, reason);
      runs.leave(run);
    } catch (failure) {
      log("internal-error", { task: run.task, run: run.run, reason: stackOf(failure) });
      if (faults.isPassing(failure)) runs.later(run, attempt, () => spoil(run, error, attempt + 1));
      else runs.leave(run);
    }
  };

  const endAndSpoil = async (run: ActiveRun, error: unknown, attempt = 0): Promise<void> => {
    const again = (): void => runs.later(run, attempt, () => void endAndSpoil(run, error, attempt + 1));
    if (faults.isHomeAway()) return again();
    try {
      if (runs.taskOf(run) !== undefined) await store.stop(run, 0);
    } catch (failure) {
      log("stop-delayed", { task: run.task, run: run.run, reason: String(failure) });
      return again();
    }
    spoil(run, error);
  };

  const takeIn = async (
    run: ActiveRun,
    handle: RunHandle<unknown>,
    followAnew: () => void,
    attempt = 0,
  ): Promise<void> => {
    const task = runs.taskOf(run);
    if (task === undefined) return runs.leave(run);
    if (faults.isHomeAway()) return runs.later(run, attempt, followAnew);
    try {
      await run.kind.takeIn(task, await handle.outcome(), () => runs.taskOf(run) !== undefined);
      runs.leave(run);
    } catch (error) {
      if (!faults.isPassing(error)) return spoil(run, error);
      log("take-in-delayed", { task: run.task, run: run.run, reason: String(error) });
      const again = (): void => void takeIn(run, handle, followAnew, attempt + 1);
      runs.later(run, attempt, faults.isHomeAway() ? followAnew : again);
    }
  };

  return { takeIn, spoil, endAndSpoil };
}
