import { execFileSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { inject } from "vitest";
import { isHosted, runHosted } from "./command-host.ts";
import {
  type CommandResult,
  type CoordinatorProcess,
  readLog,
  runCommand,
  type ServedLog,
  type StartOptions,
  startCoordinatorProcess,
} from "./coordinator-process.ts";
import { type GitRepo, gitRepoAt, makeGitRepo } from "./git-repo.ts";
import { findMarkedRuns } from "./marked-processes.ts";
import { nativeCodexPath, quickPath, shareSandboxProbe } from "./real-codex.ts";
import { tempDir } from "./temp-dir.ts";
import { onTestFinished } from "./test-end.ts";
import { STUB_PATH } from "./test-runner.ts";
import { readResults, type WorkspaceResults } from "./workspace-results.ts";

/** How long a dropped file must rest: long enough for a test to write it, and no longer. */
const SETTLE_MS = 30;

export interface WorkspaceOptions {
  /** The codex to use, with its CODEX_HOME; the stub with a home of its own unless given. */
  readonly codex?: { readonly codexPath: string; readonly home: string };
  /** Added to the environment of every command. */
  readonly environment?: Readonly<Record<string, string>>;
}

export interface ServeTestOptions extends StartOptions {
  readonly args?: readonly string[];
  /** The fault point at which the coordinator dies: `<name>` or `<name>#<n>`. */
  readonly fault?: string;
  readonly environment?: Readonly<Record<string, string>>;
}

export interface UntilIdleOptions extends ServeTestOptions {
  readonly code?: number;
  /** False unless given: then the host of all tests serves (command-host.ts). */
  readonly isAlone?: boolean;
}

/** What the stub noted of one of its starts. */
export interface StubRun {
  readonly resume: string | null;
  readonly prompt: string;
  readonly workdir: string;
  readonly args: readonly string[];
  readonly pid: number;
}

/** A real workspace in a repository of its own, served by real processes. Everything ends and goes when the test is finished. */
export interface TestWorkspace {
  readonly dir: string;
  /** The coordinator's own folder. */
  readonly stateDir: string;
  /** The user's hands in the work tree. */
  readonly repo: GitRepo;
  /** What the branch `main` says. */
  readonly results: WorkspaceResults;
  /** CODEX_HOME. */
  readonly home: string;
  /** Writes inbox/<path>, as an editor would. */
  drop(path: string, text: string): void;
  /** Drops and commits it. */
  commitDrop(path: string, text: string): void;
  /** Commits these settings as codex-inbox.json. */
  commitSettings(settings: unknown): void;
  /** Starts a coordinator that serves until it is ended; on a free port, with a short settling time. */
  serve(options?: ServeTestOptions): CoordinatorProcess;
  /**
   * Serves until nothing is left to do; in a process of its own where `isAlone`, which is to say where a coordinator has died before.
   *
   * @throws Error with the log when it does not end with `code` (0 unless given)
   */
  serveUntilIdle(options?: UntilIdleOptions): Promise<ServedLog>;
  /** Runs another command of codex-inbox. */
  command(...args: readonly string[]): Promise<CommandResult>;
  /** The starts of the stub, the oldest first. */
  stubRuns(): readonly StubRun[];
  /** Process ids of the living agents of this workspace, their workers and their tools. */
  agentPids(): readonly number[];
  /** Everything below the state folder's `name`, as paths relative to it. */
  stateFiles(name: string): readonly string[];
}

/** Where a workspace lies that is not at the root of a repository's main work tree. */
export interface WorkspacePlaceOptions {
  readonly stateDir?: string;
  /** "main" unless given. */
  readonly branch?: string;
}

/**
 * Opens the folder `dir` of a repository that the test has made itself (a clone, a sub-folder, a linked worktree), whether or not
 * it is a workspace yet. Its processes end when the test is finished; the folder is the test's to remove.
 */
export function workspaceIn(dir: string, options: WorkspaceOptions & WorkspacePlaceOptions = {}): TestWorkspace {
  const base = tempDir();
  const home = options.codex?.home ?? stubHome(join(base, "codex-home"));
  const { stateDir, branch, environment: given = {} } = options;
  const place = { ...(stateDir === undefined ? {} : { stateDir }), ...(branch === undefined ? {} : { branch }) };
  return openedWorkspace({ dir, home, environment: workspaceEnvironment(base, home, options), given, ...place });
}

/** Makes a workspace: a repository with one commit, and what `codex-inbox init` adds. */
export async function tempWorkspace(options: WorkspaceOptions = {}): Promise<TestWorkspace> {
  const base = mkdtempSync(join(tmpdir(), "codex-workspace-"));
  const dir = join(base, "repo");
  const home = options.codex?.home ?? stubHome(join(base, "codex-home"));
  const environment = workspaceEnvironment(base, home, options);
  onTestFinished(() => rmSync(base, { recursive: true, force: true, maxRetries: 10, retryDelay: 20 }));
  const workspace = openedWorkspace({ dir, home, environment, given: options.environment ?? {} });
  cpSync(await workspaceTemplate(), dir, { recursive: true });
  if (options.codex?.codexPath === nativeCodexPath()) shareSandboxProbe(workspace.stateDir);
  return workspace;
}

let template: Promise<string> | undefined;

/** Returns a folder to copy workspaces from; all tests share it. A copy takes a fraction of the time of an `init`. */
export function workspaceTemplate(): Promise<string> {
  template ??= findTemplate(join(inject("sharedDir"), "workspace"));
  return template;
}

/** Makes it, unless another process was faster. */
async function findTemplate(path: string): Promise<string> {
  if (existsSync(path)) return path;
  const base = mkdtempSync(join(inject("sharedDir"), "new-"));
  const dir = join(base, "workspace");
  await makeWorkspace(dir, workspaceEnvironment(base, base, {}));
  rmSync(stateDirOf(dir), { recursive: true, force: true }); // A clone has an id of its own.
  try {
    renameSync(dir, path);
  } catch (error) {
    if (!existsSync(path)) throw error;
  }
  return path;
}

async function makeWorkspace(dir: string, environment: NodeJS.ProcessEnv): Promise<void> {
  makeGitRepo(dir);
  const made = await runCommand(dir, ["init"], environment);
  if (made.code !== 0) throw new Error(`init ended with ${made.code}: ${made.stderr}`);
}

interface Opening extends WorkspacePlaceOptions {
  readonly dir: string;
  readonly home: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Those of it that the test has added. */
  readonly given: Readonly<Record<string, string>>;
}

/** Ends what was started in it when the test is finished: after that, whoever made the folder removes it. */
function openedWorkspace(opening: Opening): TestWorkspace {
  const coordinators: CoordinatorProcess[] = [];
  const workspace = workspaceAt(opening, coordinators);
  onTestFinished(async () => {
    await Promise.all(coordinators.map((coordinator) => coordinator.kill()));
    for (const pid of workspace.agentPids()) killQuietly(pid);
  });
  return workspace;
}

function workspaceAt(opening: Opening, coordinators: CoordinatorProcess[]): TestWorkspace {
  const { dir, home, environment, given, stateDir = stateDirOf(opening.dir), branch = "main" } = opening;
  const repo = gitRepoAt(dir);
  const serve = ({ args = [], fault, environment: more = {}, ...start }: ServeTestOptions = {}): CoordinatorProcess => {
    const port = args.includes("--until-idle") ? [] : ["--port", "0"];
    const faults = fault === undefined ? {} : { CODEX_INBOX_FAULT: fault };
    const all = [...port, "--settle-ms", String(SETTLE_MS), ...args];
    const coordinator = startCoordinatorProcess(dir, stateDir, all, { ...environment, ...more, ...faults }, start);
    coordinators.push(coordinator);
    return coordinator;
  };
  return {
    dir,
    stateDir,
    repo,
    home,
    results: readResults(repo, branch),
    drop(path, text) {
      mkdirSync(dirname(join(dir, "inbox", path)), { recursive: true });
      writeFileSync(join(dir, "inbox", path), text);
    },
    commitDrop(path, text) {
      // Staged before it is there: else a coordinator may have taken it by the time git looks.
      const blob = execFileSync("git", ["hash-object", "-w", "--stdin"], { cwd: dir, input: text, encoding: "utf8" });
      const above = repo.git("rev-parse", "--show-prefix");
      repo.git("update-index", "--add", "--cacheinfo", `100644,${blob.trim()},${above}inbox/${path}`);
      this.drop(path, text);
      repo.git("commit", "--quiet", "-m", `ask: ${path}`);
    },
    commitSettings(settings) {
      writeFileSync(join(dir, "codex-inbox.json"), typeof settings === "string" ? settings : JSON.stringify(settings));
      repo.git("add", "--", "codex-inbox.json");
      repo.git("commit", "--quiet", "-m", "settings");
    },
    serve,
    async serveUntilIdle({ code = 0, isAlone = false, ...options } = {}) {
      const { args = [], environment: more = {}, fault } = options;
      const words = ["serve", "--until-idle", "--settle-ms", String(SETTLE_MS), ...args];
      const served =
        isAlone || fault !== undefined || !isHosted(words, { ...given, ...more })
          ? await endOfOwn(serve({ ...options, args: ["--until-idle", ...args] }))
          : await endOfHosted(dir, words, { ...environment, ...more });
      if (served.code === code) return served;
      throw new Error(`serve --until-idle ended with ${served.code} instead of ${code}:\n${served.log()}`);
    },
    async command(...args) {
      if (!isHosted(args, given)) return runCommand(dir, args, environment);
      const { code, stdout, stderr } = await runHosted(dir, args, environment);
      return { code, signal: null, stdout, stderr };
    },
    stubRuns: () => readLines(join(home, "stub-runs.jsonl")).map((line) => JSON.parse(line)),
    agentPids() {
      const clone = readLines(join(stateDir, "clone"))[0];
      return clone === undefined ? [] : findMarkedRuns(`${clone}/`);
    },
    stateFiles(name) {
      const root = join(stateDir, name);
      if (!existsSync(root)) return [];
      return readdirSync(root, { recursive: true, encoding: "utf8" }).sort();
    },
  };
}

async function endOfOwn(coordinator: CoordinatorProcess): Promise<ServedLog & { readonly code: unknown }> {
  const { code, signal } = await coordinator.ended;
  return { log: coordinator.log, lines: coordinator.lines, code: code ?? signal };
}

async function endOfHosted(...command: Parameters<typeof runHosted>): Promise<ServedLog & { readonly code: unknown }> {
  const { code, stderr } = await runHosted(...command);
  return { ...readLog(stderr), code };
}

function stateDirOf(dir: string): string {
  return join(dir, ".git", "codex-inbox");
}

/** Nothing of the user who runs the tests: not their configuration of git, nor their codex. */
function workspaceEnvironment(base: string, home: string, options: WorkspaceOptions): Readonly<Record<string, string>> {
  return {
    PATH: `${dirname(process.execPath)}:${quickPath()}`,
    HOME: base,
    LANG: "C.UTF-8",
    RUST_LOG: "off",
    CODEX_HOME: home,
    CODEX_INBOX_CODEX: options.codex?.codexPath ?? STUB_PATH,
    CODEX_INBOX_SHARED_WRITERS: "64", // Most tests are of runs side by side; those of writers that take turns say "1".
    ...options.environment,
  };
}

/** A home of the stub, with a model of its own: then nobody asks for a login. */
function stubHome(home: string): string {
  mkdirSync(home, { recursive: true });
  writeFileSync(join(home, "config.toml"), 'model_provider = "stub"\n');
  return home;
}

function readLines(path: string): readonly string[] {
  if (!existsSync(path)) return [];
  return readFileSync(path, "utf8")
    .split("\n")
    .filter((line) => line !== "");
}

/** Ends a process at once, unless it has ended by itself. */
export function killQuietly(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has.
  }
}
