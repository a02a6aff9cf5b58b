import { spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type GitRepo, gitRepoAt, makeGitRepo } from "../../support/git-repo.ts";
import { createGitUser, type GitUser } from "../../support/git-stress/git-user.ts";
import { findMarkedRuns } from "../../support/marked-processes.ts";
import { readResults, type WorkspaceResults } from "../../support/workspace-results.ts";
import type { AskedTask } from "../asked-tasks.ts";
import type { LifeFault } from "../history.ts";
import { type CoordinatorLife, startLife } from "./coordinator-life.ts";
import type { Place } from "./place.ts";

/** What the layer below the file calls of a coordinator is told (fault-layer.mjs). */
export interface LayerOrders {
  readonly clockMs?: number;
  readonly endAtOp?: number;
  readonly rules?: readonly { readonly where: string; readonly code: string; readonly share: number }[];
}

/** A clone of a workspace with its user, its agents and its coordinators, one after the other. */
export interface TortureHome {
  readonly dir: string;
  readonly stateDir: string;
  readonly codexHome: string;
  readonly place: Place;
  readonly repo: GitRepo;
  readonly results: WorkspaceResults;
  readonly user: GitUser;
  /** No coordinator begins before everything has to come to rest. */
  readonly isAlone: boolean;
  /** Others have what the user has committed. */
  readonly isShared: boolean;
  readonly tasks: AskedTask[];
  /** Subjects of the user's commits that must still be in the branch. */
  readonly kept: Set<string>;
  /** What the user has put into worktrees of sessions: path and text. */
  readonly outside: { readonly path: string; readonly text: string }[];
  readonly lives: readonly CoordinatorLife[];
  /** How often what was done to it. */
  readonly counts: Record<(typeof COUNTED)[number], number>;
  /** The last one, where it is not over. */
  living(): CoordinatorLife | undefined;
  start(fault: LifeFault | undefined, more?: readonly string[]): CoordinatorLife;
  order(orders: LayerOrders): void;
  orders(): LayerOrders;
  /** Runs a command of codex-inbox to its end. */
  command(...args: readonly string[]): Promise<CommandEnd>;
  agentPids(): readonly number[];
  /** Does one thing with the user's hands after the other. */
  alone<Value>(action: () => Promise<Value>): Promise<Value>;
}

/** What is counted where it is done. Moments: of the shortages those alone that really came. */
const COUNTED = [
  "killedAtPoint",
  "powerCuts",
  "stoppedAtPoint",
  "lateWorkers",
  "killedBesides",
  "frozen",
  "clockSteps",
  "diskFull",
  "noInodes",
  "readOnly",
  "noDescriptors",
  "merges",
] as const;

export interface CommandEnd {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface HomeOptions {
  readonly place: Place;
  readonly packageDir: string;
  readonly without: string | undefined;
  /** What is asked for, here and in other clones. */
  readonly tasks?: AskedTask[];
  /** Where agents note what they do; a folder of this home's own unless given. */
  readonly codexHome?: string;
  /** As `GitUserOptions`. */
  readonly userPlaces?: readonly string[];
  /** No coordinator begins before everything has to come to rest: what the user meets then is the user's own affair. */
  readonly isAlone?: boolean;
  /** Others have what the user has committed: that is not rewritten. */
  readonly isShared?: boolean;
}

const AGENT = join(import.meta.dirname, "../../fixtures/torture-agent.sh");
const SETTLE_MS = 40;
/** A command of the user's that meets a lock of a coordinator that we have stopped is tried again for so long. */
const ATTEMPTS_MAX = 60;
/** From here on a dead coordinator's lock is what the user waits for. */
const START_AFTER = 4;

/** Makes the folder that homes are copied from: a repository after `init`, with the tag "start" and the branch "before". */
export async function makeTemplate(base: string, packageDir: string): Promise<string> {
  const dir = join(base, "template");
  const repo = makeGitRepo(dir);
  for (let n = 0; n < 6; n += 1) repo.write(`user/first-${n}.txt`, `first ${n}\n`);
  for (const name of ["shared", "other"]) repo.write(`agent/${name}.txt`, "as it was\n");
  repo.write(".gitignore", "*.ignored/\n");
  repo.git("add", "--all");
  repo.git("commit", "--quiet", "-m", "user: files");
  repo.git("branch", "before");
  const made = await run(packageDir, dir, environmentOf(base, base), ["init"]);
  if (made.code !== 0) throw new Error(`init ended with ${made.code}: ${made.stderr}`);
  rmSync(join(dir, ".git/codex-inbox"), { recursive: true, force: true }); // A clone has an id of its own.
  return dir;
}

/** Copies the template to where a home in `place` lies, with `settings`. */
export function copyTemplate(template: string, place: Place, settings: Readonly<Record<string, unknown>>): void {
  const repo = gitRepoAt(repositoryIn(place));
  cpSync(template, repo.dir, { recursive: true });
  writeFileSync(join(repo.dir, "codex-inbox.json"), JSON.stringify(settings));
  repo.git("add", "--", "codex-inbox.json");
  repo.git("commit", "--quiet", "-m", "user: settings");
  repo.git("commit", "--quiet", "--allow-empty", "-m", "user: begins"); // Amended, it may be taken back: not so the settings.
}

export function repositoryIn({ dir }: Place): string {
  return join(dir, "repo");
}

/** Makes the folder that agents note in what they do, and that looks like the home of a codex. */
export function makeCodexHome(base: string): string {
  const codexHome = join(base, "codex-home");
  mkdirSync(join(codexHome, "locks"), { recursive: true });
  writeFileSync(join(codexHome, "config.toml"), 'model_provider = "stub"\n');
  writeFileSync(join(codexHome, "agent.log"), "");
  return codexHome;
}

/** Makes a home of the repository that lies in `place` already: a copy of the template, or a clone. */
export function makeHome({ place, packageDir, without, userPlaces, ...options }: HomeOptions): TortureHome {
  const dir = repositoryIn(place);
  const stateDir = join(dir, ".git/codex-inbox");
  const codexHome = options.codexHome ?? makeCodexHome(place.base);
  const environment = environmentOf(place.base, codexHome);
  const repo = gitRepoAt(dir);
  repo.git("tag", "start");

  const lives: CoordinatorLife[] = [];
  const faultsPath = join(place.base, "faults.json");
  let orders: LayerOrders = {};
  let last: Promise<unknown> = Promise.resolve();
  const living = (): CoordinatorLife | undefined => {
    const life = lives.at(-1);
    return life === undefined || life.isOver() ? undefined : life;
  };
  const start: TortureHome["start"] = (fault, more = []) => {
    const args = ["--settle-ms", String(SETTLE_MS), ...(more.includes("--until-idle") ? [] : ["--port", "0"]), ...more];
    const logPath = join(place.base, `coordinator-${lives.length + 1}.log`);
    const life = startLife({ dir, stateDir, packageDir, environment, logPath, faultsPath, fault, without, args });
    lives.push(life);
    return life;
  };
  const order = (next: LayerOrders): void => {
    orders = next;
    writeFileSync(`${faultsPath}.new`, JSON.stringify(next));
    renameSync(`${faultsPath}.new`, faultsPath);
  };
  order({});
  let waits = 0;
  const user = createGitUser({
    dir,
    environment: { ...environment, GIT_CONFIG_NOSYSTEM: "1" },
    ...(userPlaces === undefined ? {} : { places: userPlaces }),
    attemptsMax: ATTEMPTS_MAX,
    async beforeAgain() {
      waits += 1;
      const life = living();
      if (life?.isStopped() === true) life.signal("SIGCONT");
      // Only the next coordinator removes what a dead one has left, where its watch was killed too.
      const isHome = readFileSync(join(dir, ".git/HEAD"), "utf8") === "ref: refs/heads/main\n";
      if (waits % START_AFTER === 0 && isHome && life === undefined && options.isAlone !== true)
        await start(undefined).begun();
    },
  });
  return {
    dir,
    stateDir,
    codexHome,
    place,
    repo,
    results: readResults(repo, "main"),
    user,
    isAlone: options.isAlone ?? false,
    isShared: options.isShared ?? false,
    tasks: options.tasks ?? [],
    kept: new Set(),
    outside: [],
    lives,
    counts: Object.fromEntries(COUNTED.map((name) => [name, 0])) as TortureHome["counts"],
    living,
    start,
    order,
    orders: () => orders,
    command: (...args) => run(packageDir, dir, environment, args),
    agentPids() {
      const path = join(stateDir, "clone");
      return existsSync(path) ? findMarkedRuns(`${readFileSync(path, "utf8").slice(0, 6)}/`) : [];
    },
    alone(action) {
      const done = last.then(action, action);
      last = done.catch(() => undefined);
      return done;
    },
  };
}

/** Nothing of whoever runs it: not their configuration of git, nor their codex. */
function environmentOf(home: string, codexHome: string): NodeJS.ProcessEnv {
  return {
    PATH: `${dirname(process.execPath)}:${process.env.PATH ?? ""}`,
    HOME: home,
    LANG: "C.UTF-8",
    CODEX_HOME: codexHome,
    CODEX_INBOX_CODEX: AGENT,
  };
}

function run(
  packageDir: string,
  dir: string,
  environment: NodeJS.ProcessEnv,
  args: readonly string[],
): Promise<CommandEnd> {
  return new Promise((resolve, reject) => {
    const command = ["--no-opt", "--no-maglev", join(packageDir, "bin/codex-inbox.js"), ...args];
    const child = spawn(process.execPath, command, { cwd: dir, env: environment, stdio: ["ignore", "pipe", "pipe"] });
    let [stdout, stderr] = ["", ""];
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
      stdout += chunk;
    });
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
      stderr += chunk;
    });
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, stdout, stderr }));
  });
}
