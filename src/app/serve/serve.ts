import { rmSync } from "node:fs";
import { CoordinatorError } from "../../base/errors.ts";
import { takeLock } from "../../base/process/process-lock.ts";
import { after, type Log } from "../../base/surroundings.ts";
import type { ConfigFlags, SettingsText } from "../../config/config.ts";
import { createLiveConfig, type LiveConfig } from "../../config/live-config.ts";
import { createLiveNames, createLivePolicy, createLiveRights, type LivePolicy } from "../../config/live-policy.ts";
import { openCommitter } from "../../git/commit/committer.ts";
import { createObjectReader, type ObjectReader } from "../../git/objects/object-reader.ts";
import { createIdentities } from "../../git/repository/committer-identity.ts";
import { createTaskHistory } from "../../git/repository/task-history.ts";
import type { WorkspacePlace } from "../../git/repository/workspace-place.ts";
import { createIntake } from "../../intake/inbox/intake.ts";
import { createMemory } from "../../memory/memory.ts";
import { createPromptAssembly } from "../../prompt/prompt-assembly.ts";
import { createCodexDriver } from "../../run/codex/codex-driver.ts";
import { createServerList } from "../../run/codex/install/list-servers.ts";
import { openRunStore } from "../../run/run-store.ts";
import { createSandboxProbe } from "../../run/sandbox/probe-sandbox.ts";
import { createVerifyDriver } from "../../run/verify/verify-driver.ts";
import { createLauncher, type Launcher } from "../../run/worker/launcher/launcher.ts";
import { settleBranch } from "../../store/branch/served-branch.ts";
import { settleClone } from "../../store/clone/copied-state.ts";
import { takeOverCopiedTasks } from "../../store/clone/take-over-copy.ts";
import { createFileSyncs } from "../../store/journal/file-syncs.ts";
import { openOwnThreads } from "../../store/own-threads.ts";
import { createSessionLocks } from "../../store/sessions/session-lock.ts";
import { createSessionStore } from "../../store/sessions/session-store.ts";
import { secureStateFolder } from "../../store/state-folder.ts";
import { type StatePaths, statePaths } from "../../store/state-paths.ts";
import type { Confinement } from "../../task/spec/sandbox-profile.ts";
import type { CodexInstallation } from "../../task/state/run.ts";
import { keptError } from "../../task/text/kept-text.ts";
import { readSettings, shortName } from "../committed-config.ts";
import { openKeeper } from "../open-keeper.ts";
import { syncOpener } from "../open-sync.ts";
import { describeServed } from "../queries/server-record.ts";
import { type RunningCoordinator, startCoordinator } from "../start-coordinator.ts";
import { createReload, followBranchSettings, isCommittedNote } from "./branch-settings.ts";
import { type CodexOptions, checkCodex, codexStamp, withCodexHome } from "./check-codex.ts";
import { claimsOpener } from "./claims-of-remote.ts";
import { type OwnPlaces, watchOwnPlaces } from "./keep-apart.ts";
import { type InterfaceOptions, openInterface } from "./open-interface.ts";
import { defaultWorkplace, openPlaces } from "./open-places.ts";
import { PACKAGE_DIR, packageVersion } from "./package-facts.ts";
import { endWithSignals } from "./signals.ts";
import { trustNothingIn } from "./trusted-path.ts";

export interface ServeSurroundings {
  readonly environment: NodeJS.ProcessEnv;
  readonly log: Log;
}

export interface ServeOptions extends CodexOptions, InterfaceOptions {
  readonly config: ConfigFlags;
  readonly untilIdle: boolean;
  readonly takeOver: boolean;
}

const LOCK_NAME = "lock";

/**
 * Serves a workspace until it is told to end, or with `untilIdle` until nothing is left to do.
 *
 * @returns the exit code: 0, or with `untilIdle` 1 when a task failed or was cancelled or a file is broken, and 75 when only held tasks are left
 * @throws CoordinatorError `REFUSED` when another process serves it; `CODEX`, `CONFIG`
 */
export async function serve(
  place: WorkspacePlace,
  options: ServeOptions,
  { environment: given, log: print }: ServeSurroundings,
): Promise<number> {
  const branchName = place.branch;
  if (branchName === undefined) {
    throw new CoordinatorError(
      "REFUSED",
      `${place.topDir} is on no branch (detached HEAD): switch to the branch that shall hold the results`,
    );
  }
  const paths = statePaths(place.stateDir);
  const objects = createObjectReader(place); // The committer's from the start: it ends with our process where it comes to none.
  const settings = await readSettings(place, branchName, objects);
  const config = createLiveConfig(settings, given, options.config);
  const policy = createLivePolicy(paths.policy, place.workRoot, (changed) =>
    own.requireApart(changed, installation.path),
  );
  const keeper = await openKeeper(given, policy.current());
  const log: Log = (event, fields) => print(event, keeper.keep(fields));
  trustNothingIn(place.workRoot, log);
  const environment = withCodexHome({ ...given, PATH: process.env.PATH }, policy.current());
  const own = watchOwnPlaces(place, environment, log);
  const installation = await checkCodex(options, environment, policy.current());
  own.requireApart(policy.current(), installation.path);
  secureStateFolder(paths.root);
  const lost = new AbortController();
  const lock = await takeLock({
    dir: paths.root,
    name: LOCK_NAME,
    onLost: (error) => lost.abort(error),
    describeHolder: ({ pid, startedAt }) => describeServed(place.workspaceDir, paths.server, pid, startedAt),
  });
  const launcher = createLauncher();
  try {
    const clone = settleClone(paths, log);
    settleBranch(paths, branchName);
    if (options.takeOver) await takeOverCopiedTasks(paths, clone, keeper, log);
    const opened = {
      ...{ environment, log, config, first: settings, policy },
      ...{ installation, own, paths, clone, launcher, keeper, objects },
    };
    const coordinator = await open(place, branchName, options, opened);
    try {
      const { port } = config.current();
      const maxOpenTasks = config.isFixed("maxOpenTasks") ? config.current().maxOpenTasks : null;
      const serving = { paths, log, launcher, lost: lost.signal, branch: branchName, port, maxOpenTasks };
      return await serveOut(coordinator, options, serving);
    } finally {
      if (!lost.signal.aborted) rmSync(paths.server, { force: true }); // Else it may be another coordinator's.
    }
  } catch (error) {
    throw keptError(error, keeper); // It is printed where the process ends.
  } finally {
    launcher.close();
    await lock.release();
  }
}

interface Opened extends ServeSurroundings {
  readonly config: LiveConfig;
  /** What the branch held then. */
  readonly first: SettingsText;
  readonly policy: LivePolicy;
  readonly installation: CodexInstallation;
  readonly own: OwnPlaces;
  readonly paths: StatePaths;
  readonly clone: string;
  readonly keeper: Awaited<ReturnType<typeof openKeeper>>;
  readonly launcher: Launcher;
  readonly objects: ObjectReader;
}

async function open(
  place: WorkspacePlace,
  branchName: string,
  options: ServeOptions,
  opened: Opened,
): Promise<RunningCoordinator> {
  const { environment, log, config, first, policy, installation, own, paths, launcher, keeper } = opened;
  const [workspaceId, now] = [opened.clone, Date.now];
  let current = installation;
  const { workspaceDir, stateDir } = place;
  const surroundings = { now, monotonicMs: () => performance.now(), random: Math.random, after };
  const commands = { codexPath: () => current.path, environment, keeper, workspaceId, launcher };
  const confinement = (): Confinement => own.confinement(current.path);
  const identityOf = createIdentities();
  const { workTree, places } = await openPlaces({
    ...{ place, paths, config, policy, commands, confinement, surroundings, log, identityOf },
  });
  const branch = await openCommitter({
    ...{ place, workspaceDir, stateDir, branch: branchName, now, ownMarker: workspaceId },
    onNotice: (notice) => log("git", { notice }),
    author: policy.current().author,
    ...{ identityOf, objects: opened.objects },
  });
  const store = createSessionStore(branch);
  const { settleMs, rescanMs } = config.current();
  const ownThreads = openOwnThreads(paths.ownThreads);
  const rights = createLiveRights(policy, () => config.current().verifyCommands, ownThreads.has);
  const settings = followBranchSettings(config, branch, { place, branchName: shortName(branchName), first });
  let inboxHint = (): void => undefined;
  return startCoordinator({
    ...{ paths, workspaceDir, branchName: shortName(branchName) },
    clone: workspaceId,
    version: packageVersion(),
    ...{ branch, keeper, fileSyncs: createFileSyncs },
    openSync: syncOpener(place, paths, {
      ...{ branch, branchName: shortName(branchName), sessions: () => config.current().sync.sessions },
    }),
    intake: (onHint, onNotice) => {
      inboxHint = onHint;
      return createIntake({
        ...{ workspaceDir, stateDir, settleMs, rescanMs, now, keeper, onHint, onNotice },
        ...{ hashBlob: branch.hashBlob, isWhole: branch.isWhole },
        rights: () => rights().widest,
      });
    },
    agents: createCodexDriver({
      ...{ installation: () => current, environment, extraConfig: [], now, keeper, workspaceId },
      ...{ runsDir: paths.runs, launcher },
      gitEnvironment: workTree.gitEnvironment,
      servers: createServerList({ codexPath: () => current.path, environment }),
    }),
    verifications: createVerifyDriver({ ...commands, runsDir: paths.runs }),
    runStore: openRunStore({ runsDir: paths.runs, keptDir: paths.unknownRuns, workspaceId }),
    sessions: { ...store, ...createSessionLocks(paths.sessionLocks) },
    ownThreads,
    ...{ workTree, places },
    prompts: createPromptAssembly(
      createMemory({
        ...{ workspaceDir, environment, packageDir: PACKAGE_DIR },
        mayTell: async (path) => policy.current().notes === "any" || isCommittedNote(branch, workspaceDir, path),
      }),
      config.current,
    ),
    codex: {
      async check() {
        const found = await checkCodex(options, environment, policy.current());
        own.requireApart(policy.current(), found.path);
        current = found;
        return current;
      },
      stamp: () => codexStamp(environment, config.current()),
    },
    sandbox: createSandboxProbe({
      ...{ codexPath: () => current.path, environment, keptPath: paths.sandbox, scratchDir: paths.sandboxProbe },
    }),
    installation,
    history: createTaskHistory(place, branchName),
    settings: () => {
      const { sandbox, model, codexConfig, ...settings } = config.current();
      return {
        ...{ ...settings, workplace: settings.workplace ?? defaultWorkplace(place) },
        run: {
          sandbox,
          model,
          oss: options.oss,
          codexConfig: [...codexConfig, ...options.codexConfig],
          rights: rights(),
          confinement,
        },
      };
    },
    reloadSettings: createReload({ config, policy, settings, log, onRights: () => inboxHint() }),
    readSettings: settings.read,
    uncommittedSettings: settings.uncommitted,
    claims: {
      names: createLiveNames(policy, workspaceId),
      of: claimsOpener(place, () => config.current().sync.branch ?? shortName(branchName)),
    },
    ...{ surroundings, log, environment, hooks: policy.current, takeOver: options.takeOver },
  }).catch(async (error: unknown) => {
    await branch.close(); // Its processes would keep this one alive.
    throw error;
  });
}

interface Serving {
  readonly paths: StatePaths;
  readonly log: Log;
  readonly launcher: Launcher;
  readonly lost: AbortSignal;
  readonly branch: string;
  readonly port: number;
  readonly maxOpenTasks: number | null;
}

async function serveOut(coordinator: RunningCoordinator, options: ServeOptions, serving: Serving): Promise<number> {
  const { paths, log, branch, maxOpenTasks } = serving;
  // Who waits for the end of the queue needs no port, unless one is asked for.
  const port = options.untilIdle && options.config.port === undefined ? undefined : serving.port;
  const noted = { branch, maxOpenTasks, version: packageVersion() };
  const listener = await openInterface(coordinator, paths, { ...options, port }, noted).catch(
    leaveAndRethrow(coordinator),
  );
  const { workspace } = coordinator.health();
  log("serving", { workspace, branch: coordinator.health().branch, url: listener?.url, socket: listener?.socketPath });
  if (listener?.url !== undefined) log("page", { url: listener.pageLink() });
  serving.launcher.open(); // Now: while this process is small, and no longer in the way of its start.
  const signals = endWithSignals(coordinator, log);
  const lostLock = new Promise<never>((_, reject) => {
    const give = (): void =>
      reject(
        new CoordinatorError("REFUSED", "the lock of this workspace was taken away; another process may serve it now"),
      );
    serving.lost.addEventListener("abort", give, { once: true });
  });
  try {
    const outcome = await Promise.race([
      coordinator.ended,
      lostLock,
      ...(options.untilIdle ? [coordinator.idle()] : []),
    ]);
    if (outcome === undefined) return 0;
    await coordinator.drain();
    if (outcome.failed > 0 || outcome.broken > 0) return 1;
    return outcome.held > 0 ? 75 : 0;
  } finally {
    signals.close();
    await listener?.close();
    await coordinator.leave();
    log("ended", {});
  }
}

function leaveAndRethrow(coordinator: RunningCoordinator): (error: unknown) => Promise<never> {
  return async (error) => {
    await coordinator.leave();
    throw error;
  };
}
