import { existsSync, mkdirSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { HookSettings } from "../../src/app/hooks/call-hook.ts";
import type { LiveSettings } from "../../src/app/live-settings.ts";
import { queriesOfFiles } from "../../src/app/queries/open-queries.ts";
import type { Queries } from "../../src/app/queries/queries.ts";
import { type RunningCoordinator, startCoordinator } from "../../src/app/start-coordinator.ts";
import { CoordinatorError } from "../../src/base/errors.ts";
import type { RunDefaults } from "../../src/dispatch/run/run-request.ts";
import { openStopRequests } from "../../src/dispatch/stop-requests.ts";
import { openRunLog } from "../../src/run/run-log.ts";
import { openOwnThreads } from "../../src/store/own-threads.ts";
import { createSessionLocks } from "../../src/store/sessions/session-lock.ts";
import { createSessionStore } from "../../src/store/sessions/session-store.ts";
import { type StatePaths, statePaths } from "../../src/store/state-paths.ts";
import type { CloneNames } from "../../src/task/claims/runs-on.ts";
import { type LedgerRow, parseLedger } from "../../src/task/ledger/ledger.ts";
import { type ParsedTaskFile, parseTaskFile } from "../../src/task/records/task-file/parsed-task-file.ts";
import type { RightsByOrigin } from "../../src/task/rights/origin-rights.ts";
import { DEFAULT_RIGHTS, type Rights } from "../../src/task/rights/rights.ts";
import type { ChangedFile, CodexInstallation, RunContext } from "../../src/task/state/run.ts";
import type { Keeper } from "../../src/task/text/kept-text.ts";
import { openFakeBranch } from "../fakes/fake-branch.ts";
import type { FakeClaimsRemote } from "../fakes/fake-claims-remote.ts";
import { createFakeFileSyncs } from "../fakes/fake-file-syncs.ts";
import { createFakeHistory } from "../fakes/fake-history.ts";
import { createFakeIntake, type FakeIntake } from "../fakes/fake-intake.ts";
import { createFakeRepository, type FakeRepository } from "../fakes/fake-repository.ts";
import { createFakeRunner, type FakeRunner } from "../fakes/fake-runner.ts";
import { createFakeVerifier, type FakeVerifier } from "../fakes/fake-verifier.ts";
import { sharedPlaces } from "../fakes/shared-places.ts";
import { type Clock, createClock } from "./clock.ts";
import { CONFINED } from "./confined.ts";
import { PLAIN_KEEPER } from "./kept.ts";
import { type Life, mortal, mortalDriver, mortalSurroundings, newLife } from "./mortal.ts";
import { sameRights } from "./same-rights.ts";
import { tempDir } from "./temp-dir.ts";
import { onTestFinished } from "./test-end.ts";

const SETTLE_MS = 1_000;
/** The journal syncs every record; here nobody waits for a disk. */
const MEMORY_DIR = "/dev/shm";
/** A coordinator that has not come to rest after so many turns of the event loop runs in a circle. */
const TURNS_MAX = 20_000;
/** Turns without a sign of life after which it is taken to rest. */
const CALM_TURNS = 4;

export interface LoggedEvent {
  readonly event: string;
  readonly [field: string]: string | number | boolean | undefined;
}

export interface StartOptions {
  readonly keeper?: Keeper;
  readonly takeOver?: boolean;
  readonly life?: Life;
}

/** A workspace whose git, codex and clock are held by the test. It outlives the coordinators that serve it. */
export interface World {
  readonly dir: string;
  readonly paths: StatePaths;
  readonly clock: Clock;
  readonly repository: FakeRepository;
  readonly runner: FakeRunner;
  readonly verifier: FakeVerifier;
  readonly settings: { -readonly [Key in keyof Omit<LiveSettings, "run">]: LiveSettings[Key] } & {
    /** Rights of every task, unless `byOrigin` is given. */
    run: Omit<RunDefaults, "rights"> & { readonly rights: Rights };
  };
  /** Rights by who asks; `undefined`: those of the settings, the same for all. */
  byOrigin: RightsByOrigin | undefined;
  /** Why there is no room for a worktree; `undefined`: there is. */
  noRoom: string | undefined | Promise<string>;
  /** The remote that other clones share; `undefined`: there is none. */
  shared: FakeClaimsRemote | undefined;
  /** Who is told what ends and what holds the queue; nobody to begin with. */
  hooks: HookSettings;
  /** What this clone is called. */
  names: CloneNames;
  /** What is wrong with codex, with the settings. */
  readonly problems: {
    codex: string | undefined;
    settings: string | undefined;
    stamp: string;
    sandbox: string | undefined;
    sandboxStamp: string;
  };
  /** What a login check, a search of notes, a look at inbox/, one for what runs have left, and the sync of a journal wait for. */
  readonly waits: Record<"check" | "search" | "scan" | "reap" | "sync", Promise<void>>;
  /** What agents are told besides the prompt, unless a task wants no notes; nothing to begin with. */
  added: RunContext | undefined;
  /** What is found to differ in the work tree after a run; nothing to begin with. */
  changed: readonly ChangedFile[];
  /** What was logged, oldest first. */
  readonly log: LoggedEvent[];
  /** Asks as a command does that runs beside the coordinator. */
  readonly queries: Queries;
  /** Starts a coordinator and lets it come to rest. */
  start(options?: StartOptions): Promise<RunningCoordinator>;
  /** Kills the coordinator; its runs go on. */
  crash(): Promise<void>;
  /** Writes inbox/<name>, long enough ago to be taken at once unless `fresh`, and hints. */
  drop(name: string, text: string, options?: { readonly fresh?: boolean }): void;
  /** Asks for the end of a task, as `codex-inbox stop` does; seen at the next tick. */
  request(id: string): void;
  /** Says that something may have changed in the inbox, and lets the coordinator come to rest. */
  hint(): Promise<void>;
  /** Lets the coordinator come to rest. @throws Error when it does not */
  settle(): Promise<void>;
  /** Lets time pass: what is due by then happens, once. */
  advance(ms: number): Promise<void>;
  /** How often the coordinator has called this ("branch.commit") since its start. */
  calls(name: string): number;
  /** Lines of the log with this event. */
  logged(event: string): readonly LoggedEvent[];
  /** The id of an accepted task, in the order of the log: 0 is the first, -1 the last one. */
  accepted(index: number): string;
  /** What the branch holds at `path`. */
  committed(path: string): string | undefined;
  /** Where the branch holds the file of a task. @throws Error where it does not */
  pathOf(id: string): string;
  /** Every committed task file, with its path. */
  results(): readonly (ParsedTaskFile & { readonly path: string })[];
  /** Every row of the ledger in the branch, also of its rotated files. */
  rows(): readonly LedgerRow[];
  /** Commits of the branch, newest first, by their subjects. */
  subjects(): readonly string[];
}

/** @param clone its id */
export function createWorld(clone = "aaaaaa"): World {
  const dir = tempDir(existsSync(MEMORY_DIR) ? MEMORY_DIR : undefined);
  const paths = statePaths(join(dir, ".git", "codex-inbox"));
  const clock = createClock();
  const now = (): number => clock.nowMs;
  const repository = createFakeRepository(dir, now);
  const runner = createFakeRunner(now);
  const verifier = createFakeVerifier();
  const nothing = Promise.resolve();
  const waits: World["waits"] = { check: nothing, search: nothing, scan: nothing, reap: nothing, sync: nothing };
  const problems: World["problems"] = {
    ...{ codex: undefined, settings: undefined, stamp: "", sandbox: undefined, sandboxStamp: "" },
  };
  const log: LoggedEvent[] = [];
  const settings: World["settings"] = {
    ...{ maxWorkers: 2, sharedWriters: 64, workplace: "shared" },
    ...{ maxOpenTasks: 10_000, minFreeMb: 0 },
    settleMs: SETTLE_MS,
    timeoutMs: 3_600_000,
    stallTimeoutMs: 1_800_000,
    stopGraceMs: 10_000,
    maxAttempts: 3,
    retryBaseMs: 5_000,
    retryMaxMs: 600_000,
    sync: { intervalMs: 30_000, sessions: false },
    ...{ verifyTimeoutMs: 600_000, maxVerifyAttempts: 3, followUp: false, maxFollowUpDepth: 2 },
    run: {
      sandbox: "workspace-write",
      model: undefined,
      oss: false,
      codexConfig: [],
      rights: DEFAULT_RIGHTS,
      confinement: () => CONFINED,
    },
  };
  const installation: CodexInstallation = { path: "/usr/bin/codex", version: "0.169.0", foundBy: "path" };
  mkdirSync(join(dir, "inbox"), { recursive: true });
  repository.user.commit({ "tasks.md": "", "README.md": "# Project\n" });

  /** The same object until something changes: the intake judges by it. */
  let same = sameRights(settings.run.rights);
  const rights = (): RightsByOrigin => {
    if (same.widest !== settings.run.rights) same = sameRights(settings.run.rights);
    return world.byOrigin ?? same;
  };
  let life = newLife();
  let intake: FakeIntake | undefined;
  let current: RunningCoordinator | undefined;
  const history = createFakeHistory(repository);
  const openQueries = (branch: ReturnType<typeof openFakeBranch>): Queries =>
    queriesOfFiles({
      progress: () => undefined,
      ...{
        workspaceDir: dir,
        workRoot: dir,
        branchName: "main",
        branch,
        history,
        paths,
        now,
        unlanded: async () => [],
      },
      health: async () => undefined,
      runLog: () => openRunLog(paths.runs, PLAIN_KEEPER),
    });
  const settle = async (): Promise<void> => {
    let calmTurns = 0;
    for (let turn = 0; calmTurns < CALM_TURNS; turn += 1) {
      if (turn > TURNS_MAX) throw new Error(`it does not come to rest: ${life.called.slice(-20).join(", ")}`);
      const before = life.calls + log.length + clock.asked;
      await nextTurn();
      calmTurns = life.calls + log.length + clock.asked === before ? calmTurns + 1 : 0;
    }
  };

  const files = (): readonly (readonly [string, string])[] => [...(repository.tip?.files ?? [])];

  const world: World = {
    ...{
      dir,
      paths,
      clock,
      repository,
      runner,
      verifier,
      settings,
      problems,
      waits,
      log,
      settle,
      ...{ byOrigin: undefined, shared: undefined, noRoom: undefined },
      hooks: { hook: undefined, webhook: undefined, webhookSecret: undefined },
      names: { name: clone, labels: [] },
      added: undefined,
      changed: [],
    },
    get queries() {
      const branch = openFakeBranch(repository);
      void branch.refresh();
      return openQueries(branch);
    },
    async start({ takeOver = false, life: given = newLife(), keeper = PLAIN_KEEPER } = {}) {
      life = given;
      const branch = mortal("branch", openFakeBranch(repository), life);
      const store = createSessionStore(branch);
      const sessions = { ...store, ...createSessionLocks(paths.sessionLocks) };
      current = await startCoordinator({
        ...{
          paths,
          workspaceDir: dir,
          branchName: "main",
          clone,
          version: "1.2.3",
          branch,
          keeper,
          fileSyncs: () => createFakeFileSyncs(() => waits.sync),
          ...{ takeOver, installation, hooks: () => world.hooks, environment: { PATH: process.env.PATH } },
          openSync: () => {
            throw new Error("there is no remote here");
          },
          claims: {
            of: () => world.shared,
            names: () => world.names,
            onSeen: (listener) => world.shared?.onSeen(listener),
          },
        },
        intake: (onHint) => {
          const acceptingDir = join(paths.root, "accepting");
          intake = createFakeIntake({
            ...{ workspaceDir: dir, acceptingDir, settleMs: SETTLE_MS, now, onHint },
            rights: () => rights().widest,
          });
          const { scan } = intake;
          intake.scan = async () => {
            await waits.scan;
            return scan();
          };
          return mortal("intake", intake, life);
        },
        agents: mortalDriver("runner", runner, life),
        verifications: mortalDriver("verifier", verifier, life),
        runStore: {
          ...runner.store,
          has: (run) => runner.store.has(run) || verifier.has(run),
          async reap(mayLive) {
            await waits.reap;
            return runner.store.reap(mayLive);
          },
          async stop(run, graceMs) {
            if (life.isOver) throw new Error("a stop after the end");
            const resume = undefined;
            await (verifier.has(run) ? verifier : runner).adopt({ ...run, resume }).then((one) => one.stop(graceMs));
          },
        },
        sessions: mortal("sessions", sessions, life),
        ownThreads: openOwnThreads(paths.ownThreads),
        workTree: {
          root: dir,
          repositories: { groundOf: () => ({ kind: "none" }), exposedBy: () => undefined },
          changes: {
            before: async () => ({ topDir: dir, commit: null, outside: null, leftOut: [] }),
            after: async () => ({
              change: {
                ...{ branch: null, commit: null, parent: null, tip: null },
                ...{ insertions: 0, deletions: 0, leftOut: [], held: null },
              },
              files: world.changed,
            }),
          },
          gitEnvironment: () => ({}),
        },
        places: sharedPlaces(dir, paths.root, () => world.noRoom),
        prompts: {
          assemble: async (prompt, memory) => {
            await waits.search;
            const context = memory === false ? undefined : world.added;
            return { text: prompt + (context?.text ?? ""), context };
          },
        },
        codex: {
          async check() {
            await waits.check;
            if (problems.codex !== undefined) throw new CoordinatorError("CODEX", problems.codex);
            return installation;
          },
          stamp: () => problems.stamp,
        },
        sandbox: { probe: async () => problems.sandbox, stamp: () => problems.sandboxStamp },
        history,
        settings: () => ({ ...settings, run: { ...settings.run, rights: rights() } }),
        reloadSettings: () => problems.settings,
        readSettings: async () => undefined,
        uncommittedSettings: () => undefined,
        surroundings: mortalSurroundings(
          { now, monotonicMs: () => clock.monotonicMs, random: () => 0.5, after: clock.after },
          life,
        ),
        log: (event, fields) => log.push({ event, ...fields }),
      });
      await settle();
      return current;
    },
    async crash() {
      life.isOver = true;
      await current?.leave().catch(() => undefined); // It cannot do anything any more but end its loop.
      runner.forgetListeners();
      verifier.forgetListeners();
      current = undefined;
    },
    drop(name, text, { fresh = false } = {}) {
      const path = join(dir, "inbox", name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, text);
      const seconds = (clock.nowMs - (fresh ? 0 : SETTLE_MS)) / 1_000;
      utimesSync(path, seconds, seconds);
      intake?.hint();
    },
    request: (id) => openStopRequests(paths.stopRequests).request(id),
    async hint() {
      intake?.hint();
      await settle();
    },
    async advance(ms) {
      clock.advance(ms);
      await settle();
    },
    calls: (name) => life.called.filter((called) => called === name).length,
    logged: (event) => log.filter((line) => line.event === event),
    accepted(index) {
      const task = world.logged("accepted").at(index)?.task;
      if (typeof task !== "string") throw new Error(`no accepted task ${index}`);
      return task;
    },
    committed: (path) => repository.tip?.files.get(path),
    pathOf(id) {
      const path = world.results().find((file) => file.id === id)?.path;
      if (path === undefined) throw new Error(`the branch has no file of ${id}`);
      return path;
    },
    results: () =>
      files().flatMap(([path, text]) => {
        const file = path.startsWith("sessions/") && path.endsWith(".md") ? parseTaskFile(text) : undefined;
        return file === undefined ? [] : [{ ...file, path }];
      }),
    rows: () => files().flatMap(([path, text]) => (/^tasks[./]/.test(path) ? parseLedger(text) : [])),
    subjects: () => repository.log().map(({ message }) => message.split("\n", 1)[0] ?? ""),
  };
  onTestFinished(async () => {
    await current?.leave().catch(() => undefined);
  });
  return world;
}
