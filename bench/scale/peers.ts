import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { clock } from "./serving.ts";
import { benchEnvironment, git, STUB } from "./workspace.ts";

/** Runs the same stub `count` times, four at a time, with xargs: no queue, no journal, no commit. Returns runs per second. */
export async function measureXargs(count: number): Promise<number> {
  const dir = mkdtempSync(join(tmpdir(), "codex-inbox-xargs-"));
  try {
    const prompts = Array.from({ length: count }, (_, n) => join(dir, `${n}`));
    for (const path of prompts) writeFileSync(path, "# Make the check faster\n");
    const run = `"$1" exec -o "$2.last" - <"$2" >"$2.jsonl"`;
    const startedMs = clock();
    const child = spawn("xargs", ["-P4", "-I{}", "sh", "-c", run, "sh", STUB, "{}"], {
      env: benchEnvironment(),
      stdio: ["pipe", "ignore", "inherit"],
    });
    child.stdin.end(prompts.join("\n"));
    await once(child, "exit");
    return count / ((clock() - startedMs) / 1_000);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
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
