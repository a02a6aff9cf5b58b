import type { RunEvent, RunHandle } from "../../run/driver.ts";
import { supervise } from "../../run/supervisor.ts";
import type { OpenTask } from "../../store/tasks/open-task.ts";
import type { CodexInstallation } from "../../task/state/run.ts";
import type { StopCause } from "../../task/state/task-event.ts";
import type { Runs } from "../runs.ts";
import { type ActiveRun, createActiveRuns } from "./active-runs.ts";
import { createRunEnds, type RunEndsDeps } from "./run-ends.ts";
import { createRunStarts, type RunStartsDeps } from "./run-starts.ts";

export interface RunControlDeps extends RunStartsDeps, RunEndsDeps {
  readonly stopGraceMs: () => number;
  /** A run has done something. */
  readonly onRunEvent: (run: ActiveRun, event: RunEvent) => void;
}

/**
 * Begins runs (run-starts.ts), watches and stops them (here), and takes them in (run-ends.ts), one per task at a time (active-runs.ts).
 * What goes wrong with one of them, in our own code too, ends that task's run and nothing else.
 */
export function createRunControl(deps: RunControlDeps): Runs {
  const { table, surroundings, evidence, log } = deps;
  const runs = createActiveRuns(deps);
  const ends = createRunEnds(deps, runs);
  const starts = createRunStarts(deps, runs, ends, (run, handle) => watch(run, handle));
  let isHeld = false;

  const graceMs = (cause: StopCause): number => (cause === "output" ? 0 : deps.stopGraceMs()); // Else it would go on writing.

  const watch = (run: ActiveRun, handle: RunHandle<unknown>): void => {
    const task = runs.taskOf(run);
    if (task === undefined) {
      handle.detach();
      return;
    }
    const { kind } = run;
    run.takesSlot = true;
    run.supervised = supervise(handle, kind.limits(task), surroundings, {
      noticed(event) {
        evidence.noticed(run, event);
        kind.noticed(run, event);
        run.tracker.noticed(event);
        deps.onRunEvent(run, event);
      },
      overdue: (cause) => stop(run.task, cause, kind.overdueWords(task, cause)),
      exited(exitCode) {
        // A turn that is to be verified keeps its place for that; and what failed may meet every task alike, which is not known yet.
        run.takesSlot = exitCode !== 0 || (kind === deps.turns && task.spec.verifyCommand !== undefined);
        deps.wake();
      },
      ended() {
        evidence.over(run); // Before its end is journaled: what it left in the inbox outlives it.
        void ends.takeIn(run, handle, () => starts.takeUp(run));
      },
      interrupted(error) {
        if (!deps.faults.isPassing(error)) return false;
        log("follow-delayed", { task: run.task, run: run.run, reason: String(error) });
        run.supervised = undefined;
        runs.later(run, 0, () => starts.takeUp(run));
        return true;
      },
      failed: (error) => void ends.endAndSpoil(run, error),
      log: (event, error) => log(event, { task: run.task, run: run.run, reason: String(error) }),
    });
    if (task.state.kind === "stopping") run.supervised.stop(graceMs(task.state.cause)); // It was asked for while it began.
  };

  const adopt = (task: OpenTask): void => starts.takeUp(runs.enter(task));

  const stop = (id: string, cause: StopCause, detail?: string): void => {
    const task = table.get(id);
    if (task === undefined) return;
    const after = table.step(id, { kind: "stop", cause, detail });
    if (after.state !== task.state) log("stop", { task: id, session: task.sessionKey, cause });
    const run = runs.get(id);
    if (after.state.kind === "stopping") {
      if (run === undefined) adopt(after);
      else if (run.supervised !== undefined) run.supervised.stop(graceMs(after.state.cause));
      else run.tryNow?.();
    } else if (run !== undefined && run.supervised === undefined && (after.state.kind === "ended" || isHeld))
      runs.leave(run);
  };

  /** What cannot be journaled just now is asked again, so that one run never keeps the others from being asked. */
  const askToStop = (id: string, cause: StopCause, attempt = 0): void => {
    try {
      if (runs.get(id) !== undefined) stop(id, cause);
    } catch (error) {
      log("stop-delayed", { task: id, cause, reason: String(error) });
      const run = runs.get(id);
      if (run !== undefined) runs.later(run, attempt, () => askToStop(id, cause, attempt + 1));
    }
  };

  return {
    start(task: OpenTask, codex: CodexInstallation) {
      if (isHeld || runs.get(task.id) !== undefined) return;
      void starts.begin(runs.enter(task), task, codex);
    },
    adopt,
    stop,
    stopAll(cause) {
      isHeld = true;
      for (const { task } of runs.all()) askToStop(task, cause);
    },
    isActive: (id) => runs.get(id) !== undefined,
    progress: (id) => runs.get(id)?.tracker.progress(),
    get activeCount() {
      return runs.all().filter(({ takesSlot }) => takesSlot).length;
    },
    close() {
      for (const run of runs.all()) run.supervised?.detach();
      runs.clear();
    },
  };
}
