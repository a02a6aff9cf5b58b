import { createWorldFaults } from "../base/world-fault.ts";
import { openCircuitBreaker } from "../dispatch/circuit-breaker.ts";
import { createCodexAvailability } from "../dispatch/codex-availability.ts";
import { createDispatcher } from "../dispatch/dispatcher.ts";
import { createJournalGuard } from "../dispatch/journal-guard.ts";
import { openPauseStore, watchPauses } from "../dispatch/pauses.ts";
import { createAgentTurns } from "../dispatch/run/agent-turns.ts";
import { mayHaveProcesses, recover } from "../dispatch/run/recovery.ts";
import { createRunControl } from "../dispatch/run/run-control.ts";
import { sessionEntries } from "../dispatch/run/session-recap.ts";
import { createVerifications, verifiesInSandbox } from "../dispatch/run/verifications.ts";
import { createSandboxAvailability } from "../dispatch/sandbox-availability.ts";
import { openStopRequests } from "../dispatch/stop-requests.ts";
import { createTickLoop } from "../dispatch/tick-loop.ts";
import { createWorkplaces } from "../dispatch/workplaces.ts";
import { createFollowUps } from "../intake/follow-ups.ts";
import { createHint } from "../intake/inbox-reconciler.ts";
import { createBranchSync } from "../publish/branch-sync.ts";
import { createBranchWatch } from "../publish/branch-watch.ts";
import { createCommitQueue } from "../publish/commit-queue.ts";
import { createBranchLedger } from "../store/branch/branch-ledger.ts";
import { openTaskJournal } from "../store/journal/task-journal.ts";
import { openSubmissionKeys } from "../store/submission-keys.ts";
import { loadRecentTasks } from "../store/tasks/recent-tasks.ts";
import { createTaskTable } from "../store/tasks/task-table.ts";
import type { StaleDrop } from "../task/file/drop.ts";
import { takerOf } from "../task/schedule/pause.ts";
import type { RetryLimits } from "../task/state/retry.ts";
import { isUnderWay } from "../task/state/state-row.ts";
import { TASK_LIMITS } from "../task/state/task-state.ts";
import { createArchive } from "./actions/sessions/archive-session.ts";
import { createTakeOverTasks } from "./actions/tasks/take-over-tasks.ts";
import { type Coordinator, createUseCases } from "./coordinator.ts";
import type { CoordinatorDeps } from "./coordinator-deps.ts";
import { startHooks } from "./hooks/tell-hooks.ts";
import { openLiveEvents } from "./live-events.ts";
import { watchReloads } from "./live-settings.ts";
import { openIntakeStage } from "./open-intake-stage.ts";
import { createTaskWaits } from "./queries/tasks/task-waits.ts";
import { presentHealth } from "./views/present-health.ts";

/** A coordinator at work. */
export interface RunningCoordinator extends Coordinator {
  /** Resolves when it was told to end and has; rejects when something of ours is broken. */
  readonly ended: Promise<void>;
  /** Resolves as soon as nothing is left to do: how many tasks failed or were cancelled, how many files are broken, how many tasks are held. */
  idle(): Promise<{ readonly failed: number; readonly broken: number; readonly held: number }>;
  /** Starts no more tasks; resolves when the running ones have ended and everything is committed. */
  drain(): Promise<void>;
  /** Ends running tasks and queues them again; then as `drain`. */
  stopRuns(): Promise<void>;
  /** Lets go of everything and leaves the workers running. */
  leave(): Promise<void>;
}

/** Recovers what an earlier coordinator left, and begins to work. */
export async function startCoordinator(deps: CoordinatorDeps): Promise<RunningCoordinator> {
  const { branch, surroundings, log, settings, paths, agents, verifications, runStore, sessions } = deps;
  const { workTree, places, keeper, workspaceDir } = deps;
  const { now } = surroundings;
  const startedAt = new Date(now()).toISOString();
  const { promise: broken, reject: onBroken } = Promise.withResolvers<never>();
  const loop = createTickLoop(surroundings, onBroken);
  broken.catch(loop.stop); // `ended` tells.
  const { wake } = loop;
  const faults = createWorldFaults(surroundings, log, paths.root);
  const hint = createHint(wake);
  const [starting, wantedThreads, noRoom] = [new Set<string>(), new Map<string, string>(), new Map<string, string>()];
  const foundStale: StaleDrop[] = [];
  const reload = watchReloads(deps.reloadSettings, log);
  const found = await branch.refresh();
  const onDamaged = (path: string, reason: string): void => log("journal-damaged", { path, reason });
  const journal = openTaskJournal(paths.journal, keeper, onDamaged, deps.fileSyncs(faults));
  const recent = loadRecentTasks(journal);
  const retryLimits = (delayMaxMs = settings().retryMaxMs): RetryLimits => ({
    ...{ delayFirstMs: settings().retryBaseMs, delayMaxMs },
  });
  const table = createTaskTable(journal, surroundings, (spec) => ({
    ...{ ...TASK_LIMITS, ...retryLimits(spec.retryMaxMs) },
    attemptsMax: spec.maxAttempts ?? settings().maxAttempts,
    verifyAttemptsMax: spec.maxVerifyAttempts ?? settings().maxVerifyAttempts,
  }));
  const { events, recorder } = openLiveEvents({ table, journal, keeper, surroundings, log, paths });
  const ledger = createBranchLedger(branch);
  const rights = () => settings().run.rights;
  const claimsRemote = () => deps.claims.of(sync.remote());
  const isShared = () => claimsRemote() !== undefined;
  const { user, intake, bound, disk, evidence, origins, edits, acceptance, inbox } = openIntakeStage(deps, {
    ...{ table, journal, recent, ledger, starting, hint, isShared, onBroken: recorder.broken },
    queueLog: recorder.queueLog(log),
  });
  const watch = createBranchWatch({
    ...{ branch, found, ledger, table, recent, journal, paths, log },
    workspaceDir,
    addStale: (drops) => foundStale.push(...drops),
    onForeignTasks: (tasks) => takeOvers.seen(tasks),
    inboxHint: hint.mark,
  });
  const commits = createCommitQueue({
    ...{ table, journal, recent, branch, keeper, sessions, surroundings, log, wake },
    forgetRuns: runStore.forget,
    home: paths.root,
    clone: deps.clone,
    isOpen: (id) => table.get(id) !== undefined || watch.foreign().has(id),
    onCommitted: async () => {
      hint.mark(); // What the commit took out of the branch may have left a copy on the disk.
      await watch.noteOurs();
      sync.noteCommits();
    },
    onFailure: onBroken,
  });
  const breaker = openCircuitBreaker({
    ...{ path: paths.codexHold, stamp: deps.codex.stamp, surroundings, log: recorder.queueLog(log) },
    limits: () => retryLimits(),
  });
  const codex = createCodexAvailability({
    ...{ codex: deps.codex, installation: deps.installation, faults, surroundings, log, wake, onBroken },
  });
  const sandbox = createSandboxAvailability({ sandbox: deps.sandbox, faults, surroundings, log, wake, onBroken });
  const turns = createAgentTurns({
    ...{ onSandboxBroken: sandbox.doubt, onCodexMissing: codex.doubt },
    ...{ table, gate: breaker, journal, sessions, workTree, keeper, surroundings, log, wake },
    ...{ driver: agents, places, prompts: deps.prompts, wantedThreads, noRoom, ownThreads: deps.ownThreads },
    chosen: (task) => workplaces.chosen(task),
    sessionEntries: (task) => sessionEntries({ branch, journal, table }, task),
    defaults: () => settings().run,
    ...{ limits: settings, waitLimits: () => retryLimits() },
  });
  const runs = createRunControl({
    store: runStore,
    ...{ table, turns, gate: breaker, sessions, evidence, faults, onCodexMissing: codex.doubt },
    ...{ surroundings, log, wake, onRunEvent: recorder.noticed },
    verifications: createVerifications({
      ...{ table, settings, surroundings, log, driver: verifications, onSandboxBroken: sandbox.doubt },
      followUps: createFollowUps({ table, journal, submit: acceptance.submit, settings, originOf: origins.ofAgent }),
      places,
    }),
    stopGraceMs: () => settings().stopGraceMs,
  });
  const worktrees = places.branches;
  const workplaces = createWorkplaces({ settings, worktrees, table, monotonicMs: surroundings.monotonicMs });
  const requests = openStopRequests(paths.stopRequests);
  const guard = createJournalGuard(journal.probe, faults, surroundings.monotonicMs, paths.root);
  const dispatcher = createDispatcher({
    ...{ guard, loop, table, breaker, ledger, inbox, runs, commits, workplaces, worktrees },
    ...{ starting, wantedThreads, noRoom, foundStale, codex, sandbox, settings, faults, requests },
    claims: { remote: claimsRemote, names: deps.claims.names, clone: deps.clone },
    ...{ surroundings, log, onBroken, branch: watch, readSettings: deps.readSettings, onHolds: recorder.holds },
    mayVerify: (task) => sandbox.hold() === undefined || !verifiesInSandbox(task, settings().run.rights),
    readPauses: watchPauses(openPauseStore(paths.paused), recorder.queueLog(log)),
    reloadSettings() {
      reload.look();
      sync.heed();
    },
  });

  const sync = createBranchSync({
    settings: () => settings().sync,
    ...{ branchName: deps.branchName, surroundings, log, onBroken },
    ...{ open: deps.openSync, isCheckoutBusy: workplaces.isShared, onRemote: () => dispatcher.claims.noteRemote() },
    ...{ onMoved: () => dispatcher.lookAgain(), onNews: recorder.synced, onEnd: wake },
  });
  deps.claims.onSeen?.(dispatcher.claims.noteRemote);
  const takeOvers = createTakeOverTasks({
    ...{ table, clone: deps.clone, keeper, log, isShared, rights, takeOver: deps.takeOver, foreign: watch.foreign },
    claims: () => dispatcher.claims,
  });
  const waits = createTaskWaits(table, surroundings);
  const failures = new Set<string>();
  table.onChange((task) => {
    if (task?.state.kind === "ended" && task.state.status !== "succeeded" && !task.committed) failures.add(task.id);
  });
  recover({ ...{ journal, table, runs, agents, verifications, sessions, surroundings, log }, store: runStore });
  recorder.loaded();
  // Before the outcome of any of them is taken in: a run that was ended because of the request has not failed.
  for (const id of requests.pending()) if (runs.isActive(id)) runs.stop(id, "user");
  for (const stray of await runStore.reap(mayHaveProcesses(table, journal))) log("reaped", { ...stray });
  await disk.look();
  await acceptance.finishLeftClaims();
  await intake.start();
  const isIdle = (key: string): boolean => Array.from(table.all()).every(({ sessionKey }) => sessionKey !== key);
  const isQuiet = (): boolean => runs.activeCount === 0 && commits.isQuiet();
  const isFree = (key: string): boolean => isIdle(key) && takerOf(dispatcher.pauses(), key) === undefined;
  const stopTidying = places.keepBy((key) => (key === undefined ? isQuiet() : isFree(key)));
  await sync.prepare();
  dispatcher.begin();
  const stopHooks = startHooks({
    ...{ events, cursorPath: paths.hooksTold, settings: deps.hooks, environment: deps.environment },
    ...{ clone: deps.clone, workspaceDir, surroundings, log },
  });

  /** Resolves after a tick that makes `condition` true. */
  const until = (condition: () => boolean): Promise<void> => Promise.race([broken, loop.until(condition)]);

  const { promise: over, resolve: end } = Promise.withResolvers<void>();
  const ended = Promise.race([broken, over]);
  ended.catch(() => undefined);

  const close = async (): Promise<void> => {
    waits.close();
    stopTidying();
    stopHooks();
    const stopped = Promise.all([dispatcher.stop(), sync.stop()]);
    runs.close();
    const committed = commits.close();
    await journal.close(); // Where the disk fails, nobody waits for it any more.
    await Promise.all([stopped, committed]);
    await intake.stop();
    await branch.close();
    await journal.close();
    await runStore.close();
    recorder.close();
    events.close();
    end();
  };

  const drain = async (options?: { readonly verify: boolean }): Promise<void> => {
    dispatcher.drain(options);
    await until(() => dispatcher.isAtRest() && commits.pendingCount() === 0);
    await sync.flush();
    await dispatcher.claims.release();
    await close();
  };

  const health = () =>
    presentHealth({
      ...{ ...deps, journal, table, bound, breaker, codex, sandbox },
      ...{ faults, runs, commits, inbox, dispatcher, sync, startedAt, configProblem: reload.problem() },
    });
  const useCases = createUseCases({
    ...{ branch, ledger, paths, now, health, table, journal, wake, stopRequests: requests, hold: dispatcher.hold },
    ...{ workspaceDir: deps.workspaceDir, branchName: deps.branchName, history: deps.history },
    ...{
      acceptance,
      takeOvers,
      bound,
      guard,
      keeper,
      user,
      rights,
      sessions,
      edits,
      progress: runs.progress,
      waits,
      events,
    },
    underWay: (key) =>
      [...table.all()].find(
        ({ id, sessionKey, state }) => sessionKey === key && (isUnderWay(state) || runs.isActive(id)),
      )?.id,
    after: surroundings.after,
    ...{
      onLanded: recorder.landed,
      places,
      workplaces,
      workRoot: workTree.root,
      archive: createArchive({ branch, watch, table, now }),
    },
    sync: sync.now,
    submissionKeys: openSubmissionKeys(paths.submissionKeys),
  });

  return {
    ended,
    drain,
    async idle() {
      await until(() => dispatcher.isIdle() && commits.isQuiet() && sync.isQuiet());
      return { failed: failures.size, broken: inbox.broken().length, held: table.size + watch.foreign().size };
    },
    async stopRuns() {
      dispatcher.drain({ verify: false });
      runs.stopAll("shutdown");
      await drain({ verify: false });
    },
    leave: close,
    ...useCases,
  };
}
