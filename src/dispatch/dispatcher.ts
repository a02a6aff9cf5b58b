import { CoordinatorError } from "../base/errors.ts";
import type { Log, Surroundings } from "../base/surroundings.ts";
import type { InboxReconciler } from "../intake/inbox-reconciler.ts";
import type { BranchWatch } from "../publish/branch-watch.ts";
import type { CommitQueue } from "../publish/commit-queue.ts";
import type { CodexPort } from "../run/ports.ts";
import type { BranchLedger } from "../store/branch-ledger.ts";
import { awaitsIntakeCommit, type OpenTask } from "../store/open-task.ts";
import type { TaskTable } from "../store/task-table.ts";
import type { BreakerState } from "../task/schedule/breaker.ts";
import { NO_PAUSES, type Pauses } from "../task/schedule/pause.ts";
import { chooseStarts, type DependencyOutcome, type Schedule, type ScheduleInput } from "../task/schedule/schedule.ts";
import type { CodexInstallation } from "../task/state/run.ts";
import type { CircuitBreaker } from "./circuit-breaker.ts";
import type { Runs } from "./runs.ts";
import { dependencyOutcome, scheduledTasks } from "./scheduled-tasks.ts";
import type { StopRequests } from "./stop-requests.ts";

/** While codex cannot be used, it is asked again this often. */
const CODEX_CHECK_MS = 5_000;
/** A tick comes at least this often: stop requests of other processes, a branch moved by others and a changed clock are seen then. */
const TICK_MAX_MS = 1_000;

export interface DispatcherDeps {
  readonly table: TaskTable;
  readonly ledger: BranchLedger;
  readonly inbox: InboxReconciler;
  readonly runs: Runs;
  readonly commits: CommitQueue;
  readonly branch: BranchWatch;
  readonly stopRequests: StopRequests;
  readonly gate: CircuitBreaker;
  /** What is paused, looked at anew. */
  readonly pauses: () => Pauses;
  readonly codex: CodexPort;
  readonly installation: CodexInstallation;
  readonly maxWorkers: () => number;
  /** Looks whether the settings have changed. */
  readonly reloadConfig: () => void;
  /** Called between two ticks. */
  readonly afterTick: () => void;
  readonly surroundings: Surroundings;
  readonly log: Log;
}

/** The one owner of the state of all tasks. A tick reconciles, then dispatches; whatever happens only asks for a tick. */
export interface Dispatcher {
  /** Ticks until `stop`; rejects when a tick fails for a reason that is our own. */
  run(): Promise<void>;
  /** Asks for a tick soon. */
  wake(): void;
  /** Starts no more tasks. */
  drain(): void;
  /** Ends the loop after the tick under way. */
  stop(): void;
  /** Runs `work` between two ticks: nothing else touches the state meanwhile. */
  exclusively<Result>(work: () => Promise<Result>): Promise<Result>;
  readonly isDraining: boolean;
  /** The schedule as of the last tick. */
  schedule(): Schedule;
  /** Codex could not be run: nothing is started until it was looked for, and it is looked for until it is found. */
  doubtCodex(reason: string): void;
  /** What was paused at the last tick. */
  pauses(): Pauses;
  codexProblem(): { readonly reason: string; readonly sinceMs: number } | undefined;
  /** Nothing runs, nothing waits to be taken or committed; `held` tasks may be left. */
  isIdle(): boolean;
}

export function createDispatcher(deps: DispatcherDeps): Dispatcher {
  const { table, runs, commits, inbox, gate } = deps;
  const { now, after } = deps.surroundings;
  let schedule: Schedule = { start: [], held: new Map(), unrunnable: [], nextDueMs: undefined };
  let installation = deps.installation;
  let problem: { reason: string; sinceMs: number; checkAtMs: number } | undefined;
  let pauses = NO_PAUSES;
  let draining = false;
  let stopped = false;
  let turn: Promise<unknown> = Promise.resolve();
  let wanted = true;
  let wakeUp: () => void = () => undefined;
  const lastStarts = new Map<string, number>();
  const outcomes = new Map<string, DependencyOutcome>();

  const exclusively = <Result>(work: () => Promise<Result>): Promise<Result> => {
    const result = turn.then(work);
    turn = result.catch(() => undefined); // The caller hears of it; the next in line must not.
    return result;
  };

  const wake = (): void => {
    wanted = true;
    wakeUp();
  };

  const reconcile = async (): Promise<void> => {
    deps.reloadConfig();
    for (const id of deps.stopRequests.pending()) {
      if (table.get(id) !== undefined) runs.stop(id, "user");
      else deps.log("stop-ignored", { task: id, reason: "it is not open" });
      deps.stopRequests.acknowledge(id);
    }
    if (await deps.branch.reconcile()) outcomes.clear();
    const seen = await inbox.look();
    if (seen !== undefined) {
      commits.addStale(seen.stale);
      commits.setErrorFiles(seen.errorFiles);
    }
  };

  const doubtCodex = (reason: string): void => {
    if (problem !== undefined) return;
    problem = { reason, sinceMs: now(), checkAtMs: now() };
    deps.log("codex-gone", { reason });
  };

  const checkCodex = async (): Promise<void> => {
    const known = problem;
    if (known === undefined || known.checkAtMs > now()) return;
    if (await askCodex(known.sinceMs)) deps.log("codex-back", { version: installation.version });
  };

  const askCodex = async (sinceMs: number): Promise<boolean> => {
    try {
      installation = await deps.codex.check();
      problem = undefined;
    } catch (error) {
      if (!(error instanceof CoordinatorError)) throw error;
      problem = { sinceMs, reason: error.message, checkAtMs: now() + CODEX_CHECK_MS };
    }
    return problem === undefined;
  };

  const resolveOutcomes = async (): Promise<void> => {
    for (const task of table.all()) {
      for (const id of task.spec.dependsOn) {
        const open = table.get(id);
        if (isOpen(open)) outcomes.delete(id);
        else if (outcomes.get(id) === undefined)
          outcomes.set(id, dependencyOutcome(open, (await deps.ledger.find(id))?.status));
      }
    }
  };

  const dispatch = async (): Promise<void> => {
    await checkCodex();
    await resolveOutcomes();
    endLostTrial();
    pauses = deps.pauses();
    // A verification goes before the tasks that wait: what has begun comes to its end first, also while draining.
    for (const { id, state } of table.all())
      if (state.kind === "verifying" && !runs.isActive(id) && runs.activeCount < deps.maxWorkers()) await startTask(id);
    for (;;) {
      const breaker = gate.state();
      const workersFree = draining ? 0 : deps.maxWorkers() - runs.activeCount;
      schedule = chooseStarts({
        tasks: scheduledTasks(table.all(), lastStarts),
        runningSessions: new Set(),
        workersFree: breaker.kind === "half-open" ? Math.min(workersFree, 1) : workersFree,
        nowMs: now(),
        outcomeOf: (id) => (isOpen(table.get(id)) ? "open" : outcomes.get(id)),
        pauses,
        codex: codexHold(breaker),
      });
      for (const { id, reason } of schedule.unrunnable) {
        table.step(id, { kind: "unrunnable", reason });
        deps.log("unrunnable", { task: id, reason });
      }
      if (breaker.kind === "half-open" && schedule.start[0] !== undefined) {
        if (await goFirst(schedule.start[0])) continue; // What holds the others now has changed.
        break;
      }
      for (const id of schedule.start) await startTask(id);
      if (schedule.unrunnable.length === 0) break; // Else others may be unrunnable by these, or free to go.
      await resolveOutcomes();
    }
  };

  const codexHold = (breaker: BreakerState): ScheduleInput["codex"] => {
    if (problem !== undefined) return { problem: problem.reason, untilMs: undefined };
    if (breaker.kind === "open") return breaker;
    return breaker.kind === "half-open" && breaker.trial !== undefined
      ? { problem: breaker.problem, untilMs: undefined }
      : undefined;
  };

  /** The run that went first is gone without a word: it was lost together with an earlier coordinator. */
  const endLostTrial = (): void => {
    const breaker = gate.state();
    const trial = breaker.kind === "half-open" ? breaker.trial : undefined;
    if (trial !== undefined && !runs.isActive(trial.task)) gate.ended(trial);
  };

  /** Lets one task see whether a hold is over, if codex itself has nothing against it; false when it could not be started now. */
  const goFirst = async (id: string): Promise<boolean> => {
    if (!(await askCodex(now()))) {
      deps.log("codex-gone", { reason: problem?.reason });
      return true;
    }
    const trial = { task: id, run: table.get(id)?.state.run ?? 0 };
    gate.tryOne(trial);
    await startTask(id);
    if (runs.isActive(id)) return true;
    gate.ended(trial);
    return false;
  };

  const startTask = async (id: string): Promise<void> => {
    const task = table.get(id);
    if (task === undefined || problem !== undefined) return;
    lastStarts.set(task.sessionKey, now());
    runs.start(task, installation);
  };

  const tick = async (): Promise<void> => {
    await reconcile();
    await dispatch();
    forgetIdleSessions(table, lastStarts);
    commits.kick();
  };

  const delayMs = (): number => {
    const times = [inbox.dueAtMs(), schedule.nextDueMs].filter((time) => time !== undefined);
    return Math.max(0, Math.min(TICK_MAX_MS, ...times.map((time) => time - now())));
  };

  return {
    async run() {
      while (!stopped) {
        wanted = false;
        await exclusively(tick);
        deps.afterTick();
        if (wanted || stopped) continue;
        await new Promise<void>((resolve) => {
          const cancel = after(delayMs(), resolve);
          wakeUp = () => {
            cancel();
            resolve();
          };
        });
      }
    },
    wake,
    drain() {
      draining = true;
      wake();
    },
    stop() {
      stopped = true;
      wake();
    },
    exclusively,
    get isDraining() {
      return draining;
    },
    schedule: () => schedule,
    doubtCodex,
    pauses: () => pauses,
    codexProblem: () => problem,
    isIdle() {
      if (runs.activeCount > 0 || inbox.dueAtMs() !== undefined) return false;
      for (const task of table.all()) {
        if (task.state.kind !== "queued" || awaitsIntakeCommit(task)) return false;
        const hold = rootHold(task, schedule);
        if (hold === undefined || hold === "retry" || hold === "workers") return false;
      }
      return true;
    },
  };

  /** What holds a task in the end: one behind another waits for what the other waits for. */
  function rootHold(task: OpenTask, { held }: Schedule): string | undefined {
    const seen = new Set<string>();
    let hold = held.get(task.id);
    while (hold?.kind === "session" && hold.behind !== undefined && !seen.has(hold.behind)) {
      seen.add(hold.behind);
      hold = held.get(hold.behind);
    }
    return hold?.kind;
  }
}

function isOpen(task: OpenTask | undefined): boolean {
  return task !== undefined && task.state.kind !== "ended";
}

/** Fairness is between sessions that have something to do; the others are forgotten. */
function forgetIdleSessions(table: TaskTable, lastStarts: Map<string, number>): void {
  if (lastStarts.size <= table.size * 2 + 100) return;
  const busy = new Set([...table.all()].map((task) => task.sessionKey));
  for (const key of lastStarts.keys()) if (!busy.has(key)) lastStarts.delete(key);
}
