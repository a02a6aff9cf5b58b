import { CoordinatorError } from "../../base/errors.ts";
import type { Log, Surroundings } from "../../base/surroundings.ts";
import type { WorldFaults } from "../../base/world-fault.ts";
import type { RunHandle, RunKey, RunLease, RunStore } from "../../run/driver.ts";
import { type SupervisedRun, supervise } from "../../run/supervisor.ts";
import type { SessionLocks } from "../../store/sessions/session-lock.ts";
import type { OpenTask } from "../../store/tasks/open-task.ts";
import type { TaskTable } from "../../store/tasks/task-table.ts";
import type { CodexInstallation } from "../../task/state/run.ts";
import type { StopCause } from "../../task/state/task-event.ts";
import type { TaskState } from "../../task/state/task-state.ts";
import type { CircuitBreaker } from "../circuit-breaker.ts";
import type { Runs } from "../runs.ts";
import type { KindOfRun } from "./kind-of-run.ts";
import type { RunEvidence } from "./run-evidence.ts";

export interface RunControlDeps {
  readonly table: TaskTable;
  readonly turns: KindOfRun<unknown>;
  readonly verifications: KindOfRun<unknown>;
  readonly store: Pick<RunStore, "stop">;
  readonly stopGraceMs: () => number;
  /** No process could be made. */
  readonly onCodexMissing: (reason: string) => void;
  readonly gate: Pick<CircuitBreaker, "ended">;
  readonly sessions: Pick<SessionLocks, "release">;
  readonly evidence: RunEvidence;
  readonly faults: Pick<WorldFaults, "isPassing">;
  readonly surroundings: Surroundings;
  readonly log: Log;
  /** Something happened that the next tick should see. */
  readonly wake: () => void;
}

interface ActiveRun extends RunKey {
  readonly sessionKey: string;
  readonly kind: KindOfRun<unknown>;
  /** Takes a worker slot: it is being prepared, or its process lives. */
  takesSlot: boolean;
  supervised: SupervisedRun | undefined;
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

/**
 * Begins runs, watches them and takes them in, one per task at a time. What goes wrong with one of them, in our own code too, ends
 * that task's run and nothing else.
 */
export function createRunControl(deps: RunControlDeps): Runs {
  const { table, surroundings, evidence, faults, log } = deps;
  const active = new Map<string, ActiveRun>();
  /** By task: how often in a row its verify command could not be begun. */
  const unbegun = new Map<string, number>();
  let isHeld = false;

  const isOwn = (run: ActiveRun): boolean => {
    const task = table.get(run.task);
    if (active.get(run.task) !== run || task === undefined || task.state.kind === "ended") return false;
    return leaseOf(task).run === run.run;
  };
  const enter = (task: OpenTask): ActiveRun => {
    const kind = isVerification(task.state) ? deps.verifications : deps.turns;
    const { task: id, run } = leaseOf(task);
    const entry = { task: id, run, sessionKey: task.sessionKey, kind, takesSlot: true, supervised: undefined };
    active.set(id, entry);
    return entry;
  };
  const noteBegun = (run: ActiveRun, startedAtMs: number, handle: Promise<RunHandle<unknown>>): void => {
    if (run.kind === deps.turns) evidence.begun({ task: run.task, run: run.run }, startedAtMs, handle);
  };
  const leave = (run: ActiveRun): void => {
    run.takesSlot = false;
    if (active.get(run.task) !== run) return;
    active.delete(run.task);
    if (table.get(run.task)?.state.kind !== "verifying") unbegun.delete(run.task);
    try {
      evidence.over(run);
      deps.gate.ended(run);
      deps.sessions.release(run);
    } catch (error) {
      log("internal-error", { task: run.task, run: run.run, reason: stackOf(error) });
    }
    deps.wake();
  };
  const later = (attempt: number, work: () => void): void => {
    surroundings.after(Math.min(RETRY_FIRST_MS * 2 ** attempt, RETRY_MAX_MS), work);
  };

  const spoil = (run: ActiveRun, error: unknown, attempt = 0): void => {
    const task = table.get(run.task);
    if (task === undefined || !isOwn(run)) {
      leave(run);
      return;
    }
    const reason = `internal error: ${error instanceof Error ? error.message : String(error)}`;
    if (attempt === 0) log("internal-error", { task: run.task, run: run.run, reason: stackOf(error) });
    try {
      run.kind.spoil(task, reason);
      leave(run);
    } catch (failure) {
      log("internal-error", { task: run.task, run: run.run, reason: stackOf(failure) });
      if (faults.isPassing(failure)) later(attempt, () => spoil(run, error, attempt + 1));
      else leave(run);
    }
  };

  /** As `spoil`, for a run that may be alive: nothing may begin beside it. */
  const endAndSpoil = async (run: ActiveRun, error: unknown, attempt = 0): Promise<void> => {
    try {
      if (isOwn(run)) await deps.store.stop(run, 0);
    } catch (failure) {
      log("stop-delayed", { task: run.task, run: run.run, reason: String(failure) });
      return later(attempt, () => void endAndSpoil(run, error, attempt + 1));
    }
    spoil(run, error);
  };

  /** Where the disk is full, say, it is tried again: what is on it stays there. */
  const takeIn = async (run: ActiveRun, handle: RunHandle<unknown>, attempt = 0): Promise<void> => {
    const task = table.get(run.task);
    if (task === undefined || !isOwn(run)) return leave(run);
    try {
      await run.kind.takeIn(task, await handle.outcome(), () => isOwn(run));
      leave(run);
    } catch (error) {
      if (!faults.isPassing(error)) return spoil(run, error);
      log("take-in-delayed", { task: run.task, run: run.run, reason: String(error) });
      later(attempt, () => void takeIn(run, handle, attempt + 1));
    }
  };

  const graceMs = (cause: StopCause): number => (cause === "output" ? 0 : deps.stopGraceMs()); // Else it would go on writing.

  const watch = (run: ActiveRun, handle: RunHandle<unknown>): void => {
    const task = table.get(run.task);
    if (task === undefined || !isOwn(run)) {
      handle.detach();
      return;
    }
    const { kind } = run;
    run.takesSlot = true;
    unbegun.delete(run.task);
    run.supervised = supervise(handle, kind.limits(task), surroundings, {
      noticed(event) {
        evidence.noticed(run, event);
        kind.noticed(run, event);
      },
      overdue: (cause) => stop(run.task, cause),
      exited(exitCode) {
        // A turn that is to be verified keeps its place for that; and what failed may meet every task alike, which is not known yet.
        run.takesSlot = exitCode !== 0 || (kind === deps.turns && task.spec.verifyCommand !== undefined);
        deps.wake();
      },
      ended() {
        evidence.over(run); // Before its end is journaled: what it left in the inbox outlives it.
        void takeIn(run, handle);
      },
      failed: (error) => spoil(run, error),
      log: (event, error) => log(event, { task: run.task, run: run.run, reason: String(error) }),
    });
    if (task.state.kind === "stopping") run.supervised.stop(graceMs(task.state.cause)); // It was asked for while it began.
  };

  /** Watches a run that was begun before. While the machine does not let it, it is tried again, and the run stays active. */
  const takeUp = (run: ActiveRun, attempt = 0): void => {
    const task = table.get(run.task);
    if (task === undefined || !isOwn(run)) {
      leave(run);
      return;
    }
    const adopted = run.kind.adopt(leaseOf(task));
    noteBegun(run, task.lastRun?.startedAtMs ?? 0, adopted);
    adopted.then(
      (handle) => watch(run, handle),
      (error: unknown) => {
        if (!faults.isPassing(error)) void endAndSpoil(run, error);
        else {
          log("adoption-delayed", { task: run.task, run: run.run, reason: String(error) });
          later(attempt, () => takeUp(run, attempt + 1));
        }
      },
    );
  };

  /** Brings a task whose run could not be begun to a state that is true: it may have been journaled, and even be alive. */
  const settle = (run: ActiveRun, attempt = 0): void => {
    const task = table.get(run.task);
    const isBegun = task !== undefined && isOwn(run) && task.state.kind !== "queued";
    try {
      if (isBegun && !run.kind.seal(run)) takeUp(run);
      else {
        if (isBegun) table.step(run.task, { kind: task.state.kind === "verifying" ? "unbegun" : "vanished" });
        leave(run);
      }
    } catch (error) {
      if (faults.isPassing(error)) {
        log("start-delayed", { task: run.task, run: run.run, reason: String(error) });
        later(attempt, () => settle(run, attempt + 1));
      } else void endAndSpoil(run, error);
    }
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
      later(times, () => settle(run));
    } else if (table.get(run.task)?.state.kind === "queued") spoil(run, error);
    else void endAndSpoil(run, error);
  };

  const adopt = (task: OpenTask): void => takeUp(enter(task));

  const begin = async (run: ActiveRun, task: OpenTask, codex: CodexInstallation): Promise<void> => {
    try {
      const isWanted = (): boolean => isOwn(run) && table.get(task.id)?.state.kind === task.state.kind;
      const handle = await run.kind.begin(task, codex, isWanted);
      if (handle !== undefined) {
        noteBegun(run, surroundings.now(), Promise.resolve(handle));
        return watch(run, handle);
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
    if (task?.state.kind === "stopping" && !active.has(id)) adopt(task);
  };

  const stop = (id: string, cause: StopCause): void => {
    const task = table.get(id);
    if (task === undefined) return;
    const after = table.step(id, { kind: "stop", cause });
    if (after.state !== task.state) log("stop", { task: id, session: task.sessionKey, cause });
    const run = active.get(id);
    if (after.state.kind === "stopping") {
      if (run === undefined) adopt(after);
      else run.supervised?.stop(graceMs(after.state.cause));
    } else if (run !== undefined && run.supervised === undefined && (after.state.kind === "ended" || isHeld))
      leave(run);
  };

  /** What cannot be journaled just now is asked again, so that one run never keeps the others from being asked. */
  const askToStop = (id: string, cause: StopCause, attempt = 0): void => {
    try {
      if (active.has(id)) stop(id, cause);
    } catch (error) {
      log("stop-delayed", { task: id, cause, reason: String(error) });
      later(attempt, () => askToStop(id, cause, attempt + 1));
    }
  };

  return {
    start(task: OpenTask, codex: CodexInstallation) {
      if (isHeld || active.has(task.id)) return;
      void begin(enter(task), task, codex);
    },
    adopt,
    stop,
    stopAll(cause) {
      isHeld = true;
      for (const id of [...active.keys()]) askToStop(id, cause);
    },
    isActive: (id) => active.has(id),
    get activeCount() {
      return [...active.values()].filter(({ takesSlot }) => takesSlot).length;
    },
    close() {
      for (const run of active.values()) run.supervised?.detach();
      active.clear();
    },
  };
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
