import type { Log, Surroundings } from "../base/surroundings.ts";
import { isClaimed, type OpenTask } from "../store/tasks/open-task.ts";
import type { TaskTable } from "../store/tasks/task-table.ts";
import type { Pauses } from "../task/schedule/pause.ts";
import type { Conditions } from "../task/schedule/schedule.ts";
import type { CircuitBreaker } from "./circuit-breaker.ts";
import type { CodexAvailability } from "./codex-availability.ts";
import { createPostponedStarts, type PostponedStarts } from "./postponed-starts.ts";
import type { Runs } from "./runs.ts";
import type { TaskSchedule } from "./scheduled-tasks.ts";
import type { TickLoop } from "./tick-loop.ts";
import type { Workplaces } from "./workplaces.ts";

export interface TaskStartsDeps {
  readonly loop: Pick<TickLoop, "wake">;
  readonly table: TaskTable;
  readonly runs: Runs;
  readonly schedule: TaskSchedule;
  readonly workplaces: Pick<Workplaces, "choose">;
  /** Tasks whose state says that they are queued although a run of theirs is active; kept here, read by others. */
  readonly starting: Set<string>;
  /** As for `createPostponedStarts`; kept here, written by whoever begins runs. */
  readonly noRoom: Map<string, string>;
  readonly breaker: CircuitBreaker;
  readonly codex: CodexAvailability;
  /** Whether the verify command of a task could be run now, as far as the sandbox goes. */
  readonly mayVerify: (task: OpenTask) => boolean;
  readonly surroundings: Surroundings;
  readonly log: Log;
}

/** The part of a tick that begins runs. */
export interface TaskStarts {
  /** Looks which of the runs that were begun are over, or could not be begun. */
  reconcile(): void;
  /** Begins what may begin: these verifications while a worker is free, and then tasks. @param conditions as of each moment */
  dispatch(conditions: () => Conditions, verifications: readonly string[], workersFree: () => number): void;
  /** Ends a trial of the circuit breaker that is gone without a word: it was lost together with an earlier coordinator, or never began. */
  endLostTrial(): void;
  /** Tasks whose work has been done and waits to be verified. */
  awaitingVerification(pauses: Pauses): readonly string[];
  /** What could not be begun. */
  readonly postponed: Pick<PostponedStarts, "has" | "hold" | "momentaryCount">;
  stop(): void;
}

export function createTaskStarts(deps: TaskStartsDeps): TaskStarts {
  const { loop, table, runs, schedule, workplaces, starting, breaker, codex, log } = deps;
  const { now, after } = deps.surroundings;
  /** By task: the run that was begun last, until it is seen to be over. */
  const startedRuns = new Map<string, { readonly run: number; readonly goneBefore: number }>();
  const postponed = createPostponedStarts({ loop, table, schedule, noRoom: deps.noRoom, after });

  const endUnrunnable = (): void => {
    // One that another clone may have is recorded by the one that has it.
    const mayEnd = (id: string): boolean => {
      const task = table.get(id);
      return task !== undefined && isClaimed(task);
    };
    const find = () => schedule.unrunnable().filter(({ id }) => mayEnd(id));
    for (let found = find(); found.length > 0; found = find()) {
      for (const { id, reason } of found) {
        table.step(id, { kind: "unrunnable", reason });
        log("unrunnable", { task: id, reason });
      }
    }
  };

  const start = (id: string): boolean => {
    const task = table.get(id);
    if (task !== undefined) runs.start(task, codex.installation());
    return runs.isActive(id);
  };

  /** Begins a task whose turn has come; false where no other may begin now. */
  const startTask = (id: string, conditions: Conditions): boolean => {
    const state = breaker.state();
    // Under a half-open breaker one task goes first, if codex itself has nothing against it.
    if (state.kind === "half-open" && !codex.confirmed()) return false;
    const task = table.get(id);
    const run = task?.state.run ?? 0;
    if (state.kind === "half-open") breaker.tryOne({ task: id, run });
    if (task !== undefined) workplaces.choose(task, schedule.isSharedTaken(id, conditions));
    startedRuns.set(id, { run, goneBefore: postponed.goneCount });
    schedule.started(id, now());
    starting.add(id);
    if (start(id)) return true;
    breaker.ended({ task: id, run });
    starting.delete(id);
    if (table.get(id)?.state.kind === "queued") postponed.postpone(id, postponed.goneCount);
    return true;
  };

  return {
    reconcile() {
      for (const id of starting) {
        if (runs.isActive(id)) continue;
        starting.delete(id);
        const state = table.get(id)?.state;
        const started = startedRuns.get(id);
        if (state?.kind === "queued" && state.run === started?.run) postponed.postpone(id, started.goneBefore);
        else schedule.refresh(id);
        startedRuns.delete(id);
      }
    },
    dispatch(conditions, verifications, workersFree) {
      endUnrunnable();
      for (const id of verifications) if (workersFree() <= 0 || !start(id)) break;
      for (;;) {
        const current = conditions();
        const id = schedule.next(current);
        if (id === undefined) return;
        if (!schedule.isSettled(id)) continue; // It needs another place than it did: it is looked at again.
        if (!startTask(id, current)) return;
      }
    },
    endLostTrial() {
      const state = breaker.state();
      if (state.kind === "half-open" && state.trial !== undefined && !runs.isActive(state.trial.task))
        breaker.ended(state.trial);
    },
    awaitingVerification: (pauses) =>
      table.index
        .running()
        .filter((task) => task.state.kind === "verifying" && !runs.isActive(task.id))
        .filter((task) => pauses.of(task.sessionKey) === undefined && deps.mayVerify(task))
        .map(({ id }) => id),
    postponed,
    stop: postponed.stop,
  };
}
