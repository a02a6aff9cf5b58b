import type { Log, Surroundings } from "../../base/surroundings.ts";
import type { WorldFaults } from "../../base/world-fault.ts";
import type { RunKey, RunLease } from "../../run/driver.ts";
import { createProgressTracker, type ProgressTracker } from "../../run/run-progress.ts";
import type { SupervisedRun } from "../../run/supervisor.ts";
import type { SessionLocks } from "../../store/sessions/session-lock.ts";
import type { OpenTask } from "../../store/tasks/open-task.ts";
import type { TaskTable } from "../../store/tasks/task-table.ts";
import type { TaskState } from "../../task/state/task-state.ts";
import type { CircuitBreaker } from "../circuit-breaker.ts";
import type { KindOfRun } from "./kind-of-run.ts";
import type { RunEvidence } from "./run-evidence.ts";

/** A run that is being prepared, lives, or is being taken in. */
export interface ActiveRun extends RunKey {
  readonly sessionKey: string;
  readonly kind: KindOfRun<unknown>;
  readonly tracker: ProgressTracker;
  /** Takes a worker slot: it is being prepared, or its process lives. */
  takesSlot: boolean;
  supervised: SupervisedRun | undefined;
  /** Does at once what is to be tried again later. */
  tryNow: (() => void) | undefined;
}

export interface ActiveRunsDeps {
  readonly table: TaskTable;
  readonly turns: KindOfRun<unknown>;
  readonly verifications: KindOfRun<unknown>;
  readonly gate: Pick<CircuitBreaker, "ended">;
  readonly sessions: Pick<SessionLocks, "release">;
  readonly evidence: RunEvidence;
  readonly faults: Pick<WorldFaults, "isPassing" | "isHomeAway">;
  readonly surroundings: Surroundings;
  readonly log: Log;
  /** Something happened that the next tick should see. */
  readonly wake: () => void;
}

/** The runs that are active, one per task at a time. */
export interface ActiveRuns {
  get(task: string): ActiveRun | undefined;
  all(): readonly ActiveRun[];
  /** The task's run becomes active. */
  enter(task: OpenTask): ActiveRun;
  /** Nothing more happens to the run: the task may have another one. */
  leave(run: ActiveRun): void;
  /** Returns the task of a run that is still its own; `undefined` where it is over for the task, or another one is active. */
  taskOf(run: ActiveRun): OpenTask | undefined;
  /** Does `work` later, the more so the more attempts were made; a stop of the run does it at once. Waits while our own folder is away. */
  later(run: ActiveRun, attempt: number, work: () => void): void;
  clear(): void;
}

/** A moment in which the disk is full or there are no file descriptors left passes; until then it is tried again, ever later. */
const RETRY_FIRST_MS = 1_000;
const RETRY_MAX_MS = 30_000;

/** Tells whether the run of a state is that of its verify command. */
export function isVerification(state: TaskState): boolean {
  return state.kind === "verifying" || (state.kind === "stopping" && state.verify);
}

/** Returns the run of a task that is under way, or, of a task that waits, the one that comes next. */
export function leaseOf({ id: task, state, lastRun }: OpenTask): RunLease {
  const own = isVerification(state) || state.kind === "queued" || lastRun === undefined;
  return own ? { task, run: state.run, resume: undefined } : { task, run: lastRun.run, resume: lastRun.resume };
}

export function createActiveRuns(deps: ActiveRunsDeps): ActiveRuns {
  const { table, surroundings, evidence, faults, log } = deps;
  const active = new Map<string, ActiveRun>();

  const later = (run: ActiveRun, attempt: number, work: () => void): void => {
    const attend = (): void => {
      cancel();
      run.tryNow = undefined;
      if (faults.isHomeAway()) later(run, attempt, work);
      else work();
    };
    const cancel = surroundings.after(Math.min(RETRY_FIRST_MS * 2 ** attempt, RETRY_MAX_MS), attend);
    run.tryNow = attend;
  };

  return {
    get: (task) => active.get(task),
    all: () => [...active.values()],
    enter(task) {
      const kind = isVerification(task.state) ? deps.verifications : deps.turns;
      const { task: id, run } = leaseOf(task);
      const { sessionKey } = task;
      const tracker = createProgressTracker();
      const entry = {
        ...{ task: id, run, sessionKey, kind, tracker, takesSlot: true, supervised: undefined, tryNow: undefined },
      };
      active.set(id, entry);
      return entry;
    },
    leave(run) {
      run.takesSlot = false;
      if (active.get(run.task) !== run) return;
      active.delete(run.task);
      try {
        evidence.over(run);
        deps.gate.ended(run);
        deps.sessions.release(run);
      } catch (error) {
        log("internal-error", { task: run.task, run: run.run, reason: stackOf(error) });
      }
      deps.wake();
    },
    taskOf(run) {
      const task = table.get(run.task);
      if (active.get(run.task) !== run || task === undefined || task.state.kind === "ended") return undefined;
      return leaseOf(task).run === run.run ? task : undefined;
    },
    later,
    clear: () => active.clear(),
  };
}

/** Returns what a fault of ours is logged with. */
export function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
