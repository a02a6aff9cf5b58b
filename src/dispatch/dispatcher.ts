import type { Log, Surroundings } from "../base/surroundings.ts";
import type { WorldFaults } from "../base/world-fault.ts";
import type { InboxReconciler } from "../intake/inbox-reconciler.ts";
import type { BranchWatch } from "../publish/branch-watch.ts";
import type { CommitQueue } from "../publish/commit-queue.ts";
import type { BranchLedger } from "../store/branch/branch-ledger.ts";
import { isClaimed } from "../store/tasks/open-task.ts";
import type { TaskTable } from "../store/tasks/task-table.ts";
import type { StaleDrop } from "../task/file/drop.ts";
import { breakerHold } from "../task/schedule/breaker.ts";
import type { Hold } from "../task/schedule/hold.ts";
import { NO_PAUSES, type Pauses } from "../task/schedule/pause.ts";
import type { CodexHold, Conditions } from "../task/schedule/schedule.ts";
import { createActivity } from "./activity.ts";
import type { CircuitBreaker } from "./circuit-breaker.ts";
import { createTaskClaims, type TaskClaims, type TaskClaimsDeps } from "./claims/task-claims.ts";
import type { CodexAvailability } from "./codex-availability.ts";
import type { JournalGuard } from "./journal-guard.ts";
import type { RunDefaults } from "./run/run-request.ts";
import type { Runs } from "./runs.ts";
import type { SandboxAvailability } from "./sandbox-availability.ts";
import { createTaskSchedule, type TaskScheduleDeps } from "./scheduled-tasks.ts";
import { createStopHeeding, type StopRequests } from "./stop-requests.ts";
import { createTaskStarts, type TaskStartsDeps } from "./task-starts.ts";
import type { TickLoop } from "./tick-loop.ts";
import type { SessionWorktrees, Workplaces } from "./workplaces.ts";

/** A tick comes at least this often: requests of other processes, a branch moved by others and a changed clock are seen then. */
const TICK_MAX_MS = 1_000;

export interface DispatcherDeps {
  readonly loop: TickLoop;
  readonly table: TaskTable;
  readonly ledger: BranchLedger;
  readonly inbox: InboxReconciler;
  readonly runs: Runs;
  /** Tasks whose state says that they are queued although a run of theirs is active; kept here, read by others. */
  readonly starting: Set<string>;
  readonly noRoom: TaskStartsDeps["noRoom"];
  /** As for the schedule (scheduled-tasks.ts). */
  readonly wantedThreads: Map<string, string>;
  readonly commits: CommitQueue;
  readonly branch: BranchWatch;
  /** Drops that the branch was seen to hold although they were taken. */
  readonly foundStale: StaleDrop[];
  readonly requests: StopRequests;
  readonly breaker: CircuitBreaker;
  /** What is paused, looked at anew. */
  readonly readPauses: () => Pauses;
  readonly codex: CodexAvailability;
  readonly sandbox: SandboxAvailability;
  readonly mayVerify: TaskStartsDeps["mayVerify"];
  readonly workplaces: Workplaces;
  readonly claims: Pick<TaskClaimsDeps, "remote" | "clone" | "names">;
  readonly worktrees: Pick<SessionWorktrees, "locks">;
  readonly settings: () => {
    readonly maxWorkers: number;
    readonly sharedWriters: number;
    readonly run: Pick<RunDefaults, "rights">;
  };
  /** Looks whether the settings have changed. */
  readonly reloadSettings: () => void;
  /** Reads the settings of the branch, as it was seen last. */
  readonly readSettings: () => Promise<void>;
  /** Queued tasks that may wait for another reason than before. */
  readonly onHolds: TaskScheduleDeps["onHolds"];
  readonly guard: JournalGuard;
  readonly faults: WorldFaults;
  readonly surroundings: Surroundings;
  readonly log: Log;
  readonly onBroken: (error: unknown) => void;
}

/**
 * The one owner of the state of all tasks. A tick reconciles, then dispatches, and never waits: what takes time runs beside it, one of
 * each kind at a time, and asks for a tick when it ends.
 */
export interface Dispatcher {
  /** Begins to tick. */
  begin(): void;
  /** The branch has moved: looks at it and at the inbox now. */
  lookAgain(): void;
  /** Starts no more tasks; what has run is still verified, unless `verify` is false. */
  drain(options?: { readonly verify: boolean }): void;
  /** Ticks no more; resolves when nothing of it is under way. */
  stop(): Promise<void>;
  readonly isDraining: boolean;
  /** Which tasks this clone may run among those that share its remote. */
  readonly claims: Pick<TaskClaims, "noteRemote" | "release" | "takeOver" | "counts" | "problem">;
  /** Why a queued task does not run now. */
  hold(id: string): Hold | undefined;
  /** What was paused at the last tick. */
  pauses(): Pauses;
  /** Nothing runs, and nothing that was begun waits for a worker. */
  isAtRest(): boolean;
  /** Nothing runs, nothing waits to be taken or committed; held tasks may be left. */
  isIdle(): boolean;
}

export function createDispatcher(deps: DispatcherDeps): Dispatcher {
  const { loop, table, runs, commits, inbox, breaker, codex, sandbox, starting, guard, faults, onBroken, log } = deps;
  const { workplaces } = deps;
  const { now, monotonicMs } = deps.surroundings;
  const heedStops = createStopHeeding(deps.requests, table.durable);
  const lookUps = new Set<() => Promise<void>>();
  const onHolds: DispatcherDeps["onHolds"] = (ids, hold) =>
    deps.onHolds(ids, (id) => starts.postponed.hold(id) ?? hold(id));
  const schedule = createTaskSchedule({
    ...{ table, ledger: deps.ledger, wantedThreads: deps.wantedThreads, onHolds },
    ...{ ground: workplaces.ground, onGone: workplaces.forget, claim: (task) => claims.need(task) },
    rights: () => deps.settings().run.rights,
    isActive: (id) => {
      const isActive = runs.isActive(id);
      if (isActive) starting.add(id);
      return isActive || starts.postponed.has(id);
    },
    lookUp: (find) => {
      lookUps.add(find);
      loop.wake();
    },
  });
  const claims = createTaskClaims({
    ...{ ...deps.claims, table, schedule, faults, surroundings: deps.surroundings, log, wake: loop.wake, onBroken },
    ...{ ledger: deps.ledger, slots: deps.settings, stopRun: (id, detail) => runs.stop(id, "user", detail) },
  });
  const starts = createTaskStarts({ ...deps, schedule });
  let pauses = NO_PAUSES;
  let draining: { readonly verify: boolean } | undefined;
  let lookedAtMs = Number.NEGATIVE_INFINITY;
  /** Nothing is started or committed before: what happened while nobody served, to a saved drop or to the branch, comes first. */
  let hasLooked = false;

  /** Git and the inbox, one after the other: what is taken depends on what the branch holds. */
  const look = createActivity({
    ...{ name: "look at the branch and inbox/", faults, surroundings: deps.surroundings, onBroken },
    onEnd() {
      hasLooked = true;
      loop.wake();
    },
    async work() {
      lookedAtMs = monotonicMs();
      if (await deps.branch.reconcile()) schedule.forgetOutcomes();
      await workplaces.look();
      await deps.readSettings();
      for (const find of lookUps) {
        await find();
        lookUps.delete(find); // Where it throws, it is asked again.
      }
      const seen = await inbox.look();
      commits.addStale(deps.foundStale.splice(0));
      if (seen === undefined) return;
      commits.addStale(seen.stale);
      commits.setErrorFiles(seen.errorFiles);
    },
  });

  const reconcile = (): void => {
    deps.reloadSettings();
    schedule.followRights();
    heedStops((id) => {
      const task = table.get(id);
      if (task === undefined) log("stop-ignored", { task: id, reason: "it is not open" });
      else if (!isClaimed(task)) log("stop-ignored", { task: id, reason: "this clone has not claimed it" });
      else runs.stop(id, "user");
    });
    if (deps.requests.takeTryNow()) {
      breaker.tryNow();
      codex.tryNow();
      sandbox.tryNow();
    }
    starts.reconcile();
    codex.tick();
    sandbox.tick();
    const isDue =
      (inbox.dueAtMs() ?? Infinity) <= now() || lookedAtMs + TICK_MAX_MS <= monotonicMs() || lookUps.size > 0;
    if (isDue && !look.isBusy) look.start();
  };

  const workersFree = (): number => deps.settings().maxWorkers - runs.activeCount;

  const codexHold = (): CodexHold | undefined => {
    const problem = codex.problem();
    if (problem !== undefined) return { problem: problem.reason, untilMs: undefined };
    return breakerHold(breaker.outage(), now());
  };

  const conditions = (): Conditions => ({
    nowMs: now(),
    workersFree: draining === undefined ? workersFree() : 0,
    pauses,
    codex: codexHold(),
    sandbox: sandbox.hold(),
    writersMax: deps.settings().sharedWriters,
    locks: deps.worktrees.locks(),
    claims: claims.problem(),
  });

  const waitingVerifications = (): readonly string[] =>
    draining?.verify === false ? [] : starts.awaitingVerification(pauses);

  const isAtRest = (): boolean =>
    starting.size === 0 &&
    !table.index.running().some(({ id }) => runs.isActive(id)) &&
    waitingVerifications().length === 0;

  const tick = (): number => {
    try {
      if (guard.blockedForMs() !== undefined) return delayMs();
      reconcile();
      pauses = deps.readPauses();
      starts.endLostTrial();
      if (!hasLooked) return delayMs();
      starts.dispatch(conditions, waitingVerifications(), workersFree);
      if (draining === undefined) claims.tick(conditions());
      schedule.tellHolds(conditions());
      commits.kick();
    } catch (error) {
      if (!guard.note(error)) throw error;
    }
    return delayMs();
  };

  const delayMs = (): number => {
    const blockedForMs = guard.blockedForMs();
    if (blockedForMs !== undefined) return Math.min(TICK_MAX_MS, blockedForMs);
    const times = [look.isBusy ? undefined : inbox.dueAtMs(), schedule.dueAtMs(conditions())];
    const delays = times.flatMap((time) => (time === undefined ? [] : [time - now()]));
    return Math.max(0, Math.min(TICK_MAX_MS, codex.dueInMs() ?? TICK_MAX_MS, ...delays));
  };

  return {
    begin: () => loop.begin(tick),
    lookAgain: look.start,
    drain(options = { verify: true }) {
      draining = options;
      loop.wake();
    },
    async stop() {
      loop.stop();
      starts.stop();
      await Promise.all([look.stop(), codex.stop(), sandbox.stop(), claims.stop()]);
    },
    get isDraining() {
      return draining !== undefined;
    },
    claims,
    hold: (id) => starts.postponed.hold(id) ?? schedule.hold(id, conditions()),
    pauses: () => pauses,
    isAtRest,
    isIdle() {
      const { finished, awaitingIntakeCommit } = table.index.counts();
      if (!isAtRest() || finished + awaitingIntakeCommit + starts.postponed.momentaryCount > 0) return false;
      if (claims.isTakingOver || (sandbox.isUnknown && table.size > 0)) return false;
      return !look.isBusy && inbox.dueAtMs() === undefined && !schedule.goesOn(conditions());
    },
  };
}
