import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { git, makeWorkspace } from "../support/workspace.ts";
import { importCommands } from "./past-import.ts";
import { pastTasks } from "./past-tasks.ts";

const BRANCH = "refs/heads/main";

/** Changes whenever a build made earlier is not what this version would make. */
const FORMAT = 1;
const TASKS_PER_DAY = 500;
const NAMED_SESSIONS = 40;

interface Built {
  readonly format: number;
  readonly count: number;
  readonly tip: string;
}

/**
 * Makes the workspace `dir` with `count` finished tasks, or brings one that was made earlier back to how it was then. Same code
 * of the product for every file, but one import for all commits.
 */
export async function prepareWorkspace(dir: string, count: number): Promise<void> {
  const built = readBuilt(dir);
  if (built?.format === FORMAT && built.count === count) return restore(dir, built.tip);
  const draft = `${dir}.draft`;
  for (const path of [dir, draft]) rmSync(path, { recursive: true, force: true });
  const tip = await build(draft, count);
  renameSync(draft, dir);
  writeFileSync(builtPath(dir), JSON.stringify({ format: FORMAT, count, tip } satisfies Built));
}

async function build(dir: string, count: number): Promise<string> {
  await makeWorkspace(dir);
  await importPast(dir, count);
  await git(dir, "reset", "--quiet", "--hard");
  await git(dir, "repack", "-d", "-q");
  return git(dir, "rev-parse", BRANCH);
}

async function importPast(dir: string, count: number): Promise<void> {
  const shape = { count, perDay: TASKS_PER_DAY, namedSessions: NAMED_SESSIONS };
  const args = ["-c", "fastimport.unpackLimit=1", "-c", "pack.compression=1", "fast-import", "--quiet", "--done"];
  const child = spawn("git", args, { cwd: dir, stdio: ["pipe", "ignore", "inherit"] });
  const ended = once(child, "exit");
  for (const command of importCommands(pastTasks(shape, Date.now()), count, BRANCH)) {
    if (!child.stdin.write(command)) await once(child.stdin, "drain");
  }
  child.stdin.end("done\n");
  const [code] = await ended;
  if (code !== 0) throw new Error(`git fast-import ended with ${code}`);
}

/** A build consists of packs alone, so whatever is loose was made by an earlier measurement. */
async function restore(dir: string, tip: string): Promise<void> {
  const gitDir = join(dir, ".git");
  rmSync(join(gitDir, "codex-inbox"), { recursive: true, force: true });
  rmSync(join(gitDir, "index.lock"), { force: true });
  await git(dir, "update-ref", BRANCH, tip);
  await git(dir, "reset", "--quiet", "--hard");
  await git(dir, "clean", "-ffdxq");
  for (const name of readdirSync(join(gitDir, "objects"))) {
    if (/^[0-9a-f]{2}$/.test(name)) rmSync(join(gitDir, "objects", name), { recursive: true, force: true });
  }
}

function builtPath(dir: string): string {
  return join(dir, ".git", "codex-inbox-bench.json");
}

function readBuilt(dir: string): Built | undefined {
  return existsSync(builtPath(dir)) ? (JSON.parse(readFileSync(builtPath(dir), "utf8")) as Built) : undefined;
}
