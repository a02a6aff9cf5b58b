import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { clock } from "./serving.ts";
import { benchEnvironment, git, STUB } from "./workspace.ts";

/** One run of the stub, as a line of shell: its path and that of the prompt are the arguments. */
export const RUN = `"$1" exec -o "$2.last" - <"$2" >"$2.jsonl"`;
const SPOOLER_TIMEOUT_MS = 120_000;

/** Runs the same stub `count` times, four at a time, with xargs: no queue, no journal, no commit. Returns runs per second. */
export function measureXargs(count: number): Promise<number> {
  return withPrompts(count, async (_dir, prompts) => {
    const startedMs = clock();
    const child = spawn("xargs", ["-P4", "-I{}", "sh", "-c", RUN, "sh", STUB, "{}"], {
      env: benchEnvironment(),
      stdio: ["pipe", "ignore", "inherit"],
    });
    child.stdin.end(prompts.join("\n"));
    await once(child, "exit");
    return count / ((clock() - startedMs) / 1_000);
  });
}

/** Does the same with task-spooler: a queue in memory, no commit. Or says that it is not installed (Debian: task-spooler). */
export async function measureTaskSpooler(count: number): Promise<number | string> {
  if (!hasTaskSpooler()) return "not installed";
  return withPrompts(count, async (dir, prompts) => {
    const env = { ...benchEnvironment(), TS_SOCKET: join(dir, "socket") };
    execFileSync("tsp", ["-S", "4"], { env });
    try {
      const startedMs = clock();
      const publish = `while read -r prompt; do tsp -n sh -c "$0" sh "$1" "$prompt" >/dev/null; done; tsp -w`;
      const child = spawn("sh", ["-c", publish, RUN, STUB], { env, stdio: ["pipe", "ignore", "inherit"] });
      child.stdin.end(`${prompts.join("\n")}\n`);
      await once(child, "exit");
      while (readdirSync(dir).filter((name) => name.endsWith(".last")).length < count) {
        if (clock() > startedMs + SPOOLER_TIMEOUT_MS) throw new Error(`task-spooler did not finish ${count} runs`);
        await delay(2); // The last job has ended; those that ran beside it end in these milliseconds.
      }
      return count / ((clock() - startedMs) / 1_000);
    } finally {
      execFileSync("tsp", ["-K"], { env });
    }
  });
}

/** Runs the stub and commits what it left, as a script would. Returns ms. Nothing of it is synced. */
export async function measureByHand(dir: string, n: number): Promise<number> {
  return withPrompts(1, async (_dir, [prompt = ""]) => {
    const startedMs = clock();
    await once(spawn("sh", ["-c", RUN, "sh", STUB, prompt], { env: benchEnvironment(), stdio: "ignore" }), "exit");
    const ranMs = clock() - startedMs;
    return ranMs + (await measureGitCommit(dir, n));
  });
}

/** Commits one result of three files with `git add` and `git commit`, as a script would. Returns ms. Nothing of it is synced. */
export async function measureGitCommit(dir: string, n: number): Promise<number> {
  const folder = `sessions/by-hand/result-${n}`;
  mkdirSync(join(dir, folder), { recursive: true });
  const startedMs = clock();
  const paths = ["task.md", "transcript.jsonl", "session.jsonl"].map((name) => `${folder}/${name}`);
  for (const path of paths) writeFileSync(join(dir, path), `${path} ${"x".repeat(1_000)}\n`);
  await git(dir, "add", "--", ...paths);
  await git(dir, "commit", "--quiet", "--message", `result ${n}`);
  return clock() - startedMs;
}

function hasTaskSpooler(): boolean {
  try {
    return execFileSync("tsp", ["-V"], { encoding: "utf8" }).startsWith("Task Spooler");
  } catch {
    return false; // Nothing of that name, or another program.
  }
}

/** Writes so many prompts into a folder of their own, which is removed afterwards. */
export async function withPrompts<T>(
  count: number,
  action: (dir: string, prompts: readonly string[]) => Promise<T>,
): Promise<T> {
  const dir = mkdtempSync(join(tmpdir(), "codex-inbox-peer-"));
  try {
    const prompts = Array.from({ length: count }, (_, n) => join(dir, `${n}`));
    for (const path of prompts) writeFileSync(path, "# Make the check faster\n");
    return await action(dir, prompts);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
