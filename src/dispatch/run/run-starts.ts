import { CoordinatorError } from "../../base/errors.ts";
import type { RunHandle } from "../../run/driver.ts";
import type { OpenTask } from "../../store/tasks/open-task.ts";
import type { CodexInstallation } from "../../task/state/run.ts";
import { type ActiveRun, type ActiveRuns, type ActiveRunsDeps, leaseOf } from "./active-runs.ts";
import type { RunEnds } from "./run-ends.ts";

export interface RunStartsDeps extends ActiveRunsDeps {
  /** No process could be made. */
  readonly onCodexMissing: (reason: string) => void;
}

/** How runs become watched ones: begun anew, or taken up where an earlier coordinator, or a start that failed half-way, has begun them. */
export interface RunStarts {
  /** Begins the next run of a task. */
  begin(run: ActiveRun, task: OpenTask, codex: CodexInstallation): Promise<void>;
  /** Watches a run that was begun before. While the machine does not let it, it is tried again, and the run stays active. */
  takeUp(run: ActiveRun): void;
}

/** @param watch is given each run that has a process, or has had one */
export function createRunStarts(
  deps: RunStartsDeps,
  runs: ActiveRuns,
  ends: RunEnds,
  watch: (run: ActiveRun, handle: RunHandle<unknown>) => void,
): RunStarts {
  const { table, surroundings, evidence, faults, log } = deps;
  /** By task: how often in a row its verify command could not be begun. */
  const unbegun = new Map<string, number>();

  const follow = (run: ActiveRun, handle: RunHandle<unknown>): void => {
    unbegun.delete(run.task);
    watch(run, handle);
  };
  const noteBegun = (run: ActiveRun, startedAtMs: number, handle: Promise<RunHandle<unknown>>): void => {
    if (run.kind === deps.turns) evidence.begun({ task: run.task, run: run.run }, startedAtMs, handle);
  };
  const leave = (run: ActiveRun): void => {
    runs.leave(run);
    if (table.get(run.task)?.state.kind !== "verifying") unbegun.delete(run.task);
  };

  const begin = async (run: ActiveRun, task: OpenTask, codex: CodexInstallation): Promise<void> => {
    try {
      const isWanted = (): boolean => runs.taskOf(run)?.state.kind === task.state.kind;
      const handle = await run.kind.begin(task, codex, isWanted, unbegun.get(run.task) ?? 0);
      if (handle !== undefined) {
        noteBegun(run, surroundings.now(), Promise.resolve(handle));
        return follow(run, handle);
      }
      leave(run);
      endUnbegun(task.id);
    } catch (error) {
      couldNotBegin(run, error);
    }
  };

  /** A verification that was told to end while it was prepared has to be sealed before its task goes on. */
  const endUnbegun = (id: string): void => {
    const task = table.get(id);
    if (task?.state.kind === "stopping" && runs.get(id) === undefined) takeUp(runs.enter(task));
  };

  const couldNotBegin = (run: ActiveRun, error: unknown): void => {
    const isCodex = error instanceof CoordinatorError && error.code === "CODEX";
    const isVerify = run.kind === deps.verifications;
    if (isCodex) deps.onCodexMissing(error.message);
    if (isCodex && !isVerify) settle(run);
    else if (isCodex || faults.isPassing(error)) {
      log("start-delayed", { task: run.task, run: run.run, reason: String(error) });
      run.takesSlot = false;
      const times = isVerify ? (unbegun.get(run.task) ?? 0) : 0;
      if (isVerify) unbegun.set(run.task, times + 1);
      runs.later(run, times, () => settle(run));
    } else if (table.get(run.task)?.state.kind === "queued") ends.spoil(run, error);
    else void ends.endAndSpoil(run, error);
  };

  /** Brings a task whose run could not be begun to a state that is true: it may have been journaled, and even be alive. */
  const settle = (run: ActiveRun, attempt = 0): void => {
    const task = runs.taskOf(run);
    const isBegun = task !== undefined && task.state.kind !== "queued";
    if (isBegun && faults.isHomeAway()) {
      runs.later(run, attempt, () => settle(run));
      return;
    }
    try {
      if (isBegun && !run.kind.seal(run)) takeUp(run);
      else {
        if (isBegun) table.step(run.task, { kind: task.state.kind === "verifying" ? "unbegun" : "vanished" });
        leave(run);
      }
    } catch (error) {
      if (faults.isPassing(error)) {
        log("start-delayed", { task: run.task, run: run.run, reason: String(error) });
        runs.later(run, attempt, () => settle(run, attempt + 1));
      } else void ends.endAndSpoil(run, error);
    }
  };

  const takeUp = (run: ActiveRun, attempt = 0): void => {
    const task = runs.taskOf(run);
    if (task === undefined) {
      leave(run);
      return;
    }
    const adopted = run.kind.adopt(leaseOf(task));
    noteBegun(run, task.lastRun?.startedAtMs ?? 0, adopted);
    adopted.then(
      (handle) => follow(run, handle),
      (error: unknown) => {
        if (!faults.isPassing(error)) void ends.endAndSpoil(run, error);
        else {
          log("adoption-delayed", { task: run.task, run: run.run, reason: String(error) });
          runs.later(run, attempt, () => takeUp(run, attempt + 1));
        }
      },
    );
  };

  return { begin, takeUp: (run) => takeUp(run) };
}
