import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type CoordinatorProcess, runCommand, startCoordinatorProcess } from "../coordinator-process.ts";
import { type GitRepo, makeGitRepo } from "../git-repo.ts";
import { findMarkedRuns } from "../marked-processes.ts";
import { readResults, type WorkspaceResults } from "../workspace-results.ts";

const STUB_PATH = join(import.meta.dirname, "../../fixtures/codex-stub.mjs");

/** A workspace for a user and a coordinator side by side, in tests and benchmarks alike. */
export interface StressSite {
  readonly dir: string;
  readonly stateDir: string;
  /** Outside the checkout. */
  readonly notesDir: string;
  readonly repo: GitRepo;
  readonly results: WorkspaceResults;
  /** Of the user's commands: no settings but the repository's. */
  readonly environment: NodeJS.ProcessEnv;
  serve(...args: readonly string[]): CoordinatorProcess;
  /** The prompts that agents were started with, the oldest first. */
  prompts(): readonly string[];
  agentPids(): readonly number[];
  /** Ends everything that was started here and removes it. */
  close(): Promise<void>;
}

export interface SiteOptions {
  /** Files of the user's that nobody touches: they make reading and writing the index take its time. */
  readonly idleFiles: number;
}

/** The branch "before" is older than the workspace; the tag "start" is where the user begins. */
export async function makeStressSite({ idleFiles }: SiteOptions): Promise<StressSite> {
  const base = mkdtempSync(join(tmpdir(), "codex-stress-"));
  const dir = join(base, "repo");
  const home = join(base, "codex-home");
  const environment = {
    PATH: `${dirname(process.execPath)}:${process.env.PATH ?? ""}`,
    HOME: base,
    LANG: "C.UTF-8",
    GIT_CONFIG_NOSYSTEM: "1",
  };
  const ours = {
    ...environment,
    RUST_LOG: "off",
    CODEX_HOME: home,
    CODEX_INBOX_CODEX: STUB_PATH,
    CODEX_INBOX_SHARED_WRITERS: "64",
  };
  mkdirSync(home, { recursive: true });
  writeFileSync(join(home, "config.toml"), 'model_provider = "stub"\n');
  const repo = makeGitRepo(dir);
  for (let n = 0; n < 8; n += 1) repo.write(`user/first-${n}.txt`, `first ${n}\n`);
  for (let n = 0; n < idleFiles; n += 1) repo.write(`idle/${n % 50}/${n}.txt`, `idle ${n}\n`);
  repo.git("add", "--all");
  repo.git("commit", "--quiet", "-m", "user: many files");
  repo.git("branch", "before");
  const made = await runCommand(dir, ["init"], ours);
  if (made.code !== 0) throw new Error(`init ended with ${made.code}: ${made.stderr}`);
  repo.write("user/begin.txt", "begin\n");
  repo.git("add", "--", "user/begin.txt");
  // Where the user begins is a commit of their own: amended and taken back, it takes nothing of `init` with it.
  repo.git("commit", "--quiet", "-m", "user: begins");
  repo.git("tag", "start");

  const coordinators: CoordinatorProcess[] = [];
  const stateDir = join(dir, ".git", "codex-inbox");
  const agentPids = (): readonly number[] => {
    const clone = existsSync(join(stateDir, "clone"))
      ? readFileSync(join(stateDir, "clone"), "utf8").slice(0, 6)
      : undefined;
    return clone === undefined ? [] : findMarkedRuns(`${clone}/`);
  };
  return {
    dir,
    stateDir,
    notesDir: base,
    repo,
    results: readResults(repo, "main"),
    environment,
    serve(...args) {
      const coordinator = startCoordinatorProcess(dir, stateDir, args, ours);
      coordinators.push(coordinator);
      return coordinator;
    },
    prompts() {
      const path = join(home, "stub-runs.jsonl");
      if (!existsSync(path)) return [];
      const lines = readFileSync(path, "utf8").split("\n");
      return lines.filter((line) => line !== "").map((line) => String(JSON.parse(line).prompt));
    },
    agentPids,
    async close() {
      await Promise.all(coordinators.map((coordinator) => coordinator.kill()));
      for (const pid of agentPids()) killQuietly(pid);
      rmSync(base, { recursive: true, force: true, maxRetries: 10, retryDelay: 20 });
    },
  };
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended by itself.
  }
}
