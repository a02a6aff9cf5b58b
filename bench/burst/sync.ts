import { execFile } from "node:child_process";
import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { clock, type Serving, startServing } from "../support/serving.ts";
import { median, quantile } from "../support/statistics.ts";
import { benchEnvironment, ENTRY, git, makeWorkspace } from "../support/workspace.ts";
import type { Plan } from "./plan.ts";
import { type Findings, ratio } from "./report.ts";

const LOOK_EVERY_MS = 10;
const PATIENCE_MS = 120_000;

/** From a push in one clone to the result pulled there: a bare repository with our hook between it and the clone where a coordinator serves. */
export async function measureSync({ tasks }: Plan, folder: string): Promise<Findings> {
  const [served, bare, clone] = ["sync-served", "sync.git", "sync-clone"].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  await makeWorkspace(served);
  const settings = join(served, "codex-inbox.json");
  // So long an interval that nothing but the hook tells of a push.
  const sync = { remote: "origin", intervalMs: 3_600_000 };
  writeFileSync(settings, `${JSON.stringify({ ...readSettings(settings), sync }, null, 2)}\n`);
  await git(served, "add", "--all");
  await git(served, "commit", "--quiet", "-m", "settings");
  await git(folder, "clone", "--quiet", "--bare", served, bare);
  await git(served, "remote", "add", "origin", bare);
  const hook = await promisify(execFile)(process.execPath, [ENTRY, "-C", served, "sync", "--print-hook"], {
    env: benchEnvironment(),
  });
  writeFileSync(join(bare, "hooks/post-receive"), hook.stdout);
  chmodSync(join(bare, "hooks/post-receive"), 0o755);
  await git(folder, "clone", "--quiet", bare, clone);
  for (const [key, value] of Object.entries({ "user.name": "User", "user.email": "user@example.org", "gc.auto": "0" }))
    await git(clone, "config", key, value);
  const serving = await startServing(served);
  const roundMs: number[] = [];
  const takenMs: number[] = [];
  const transferMs: number[] = [];
  try {
    for (let n = 0; n < tasks; n += 1) {
      await untilQuiet(bare);
      await git(clone, "pull", "--quiet", "--ff-only");
      transferMs.push(await measureTransfer(clone, n));
      const pushed = await measureRound(clone, bare, n, serving);
      roundMs.push(pushed.roundMs);
      takenMs.push(pushed.takenMs);
    }
  } finally {
    await serving.stop();
  }
  const [round, transfer] = [median(roundMs), median(transferMs)];
  return {
    rows: [
      {
        name: "sync, push in one clone to result pulled there, median ms; ratio: to the peer",
        digits: 0,
        figure: round,
        ratio: ratio(round, transfer),
      },
      { name: "… the same, 95th percentile", digits: 0, figure: quantile(roundMs, 0.95) },
      { name: "… until the coordinator has the task, by the hook, median ms", digits: 0, figure: median(takenMs) },
      { name: "… the same, most", digits: 0, figure: Math.max(...takenMs) },
      {
        name: "peer: git commit, git push and git pull of one file, which sets off the hook as well, median ms",
        digits: 0,
        figure: transfer,
      },
    ],
    problems: [],
  };
}

async function measureTransfer(clone: string, n: number): Promise<number> {
  const startedMs = clock();
  await pushFile(clone, `notes-${n}.txt`, `${n}\n`);
  await git(clone, "pull", "--quiet", "--no-rebase");
  return clock() - startedMs;
}

/** From before the commit in the clone: until its task was accepted, and until the result was pulled. */
async function measureRound(
  clone: string,
  bare: string,
  n: number,
  serving: Serving,
): Promise<{ readonly roundMs: number; readonly takenMs: number }> {
  const startedMs = clock();
  serving.forget();
  const accepted = serving.line("accepted", undefined);
  await pushFile(clone, `inbox/pushed-${n}.md`, `Make pushed check ${n} faster\n`);
  for (let tip = ""; ; await delay(LOOK_EVERY_MS)) {
    if (clock() > startedMs + PATIENCE_MS) throw new Error(`the result of pushed-${n} did not come back`);
    const now = tipOf(bare); // Pulls that bring nothing would keep the machine from the work that they wait for.
    if (now === tip) continue;
    tip = now;
    await git(clone, "pull", "--quiet", "--no-rebase", "--no-edit");
    const found = await git(
      clone,
      "log",
      "--format=%H",
      "--grep=^Task-Status: succeeded",
      `--grep=pushed check ${n} faster`,
      "--all-match",
    );
    if (found !== "") return { roundMs: clock() - startedMs, takenMs: (await accepted).atMs - startedMs };
  }
}

async function pushFile(clone: string, path: string, text: string): Promise<void> {
  writeFileSync(join(clone, path), text);
  await git(clone, "add", "--", path);
  await git(clone, "commit", "--quiet", "-m", `add ${path}`);
  for (;;) {
    const pushed = await git(clone, "push", "--quiet").then(
      () => true,
      () => false,
    );
    if (pushed) return;
    await git(clone, "pull", "--quiet", "--no-rebase", "--no-edit"); // The coordinator was first.
  }
}

/** Where the branch of a bare repository is; "" until the first push to it, before which it is packed. */
function tipOf(bare: string): string {
  const path = join(bare, "refs/heads/main");
  return existsSync(path) ? readFileSync(path, "utf8") : "";
}

/** Nothing is pushed there for a while: what the last task left to do is done. */
async function untilQuiet(bare: string): Promise<void> {
  const QUIET_MS = 1_500;
  let [tip, sinceMs] = [tipOf(bare), clock()];
  while (clock() < sinceMs + QUIET_MS) {
    const now = tipOf(bare);
    if (now !== tip) [tip, sinceMs] = [now, clock()];
    await delay(100);
  }
}

function readSettings(path: string): Record<string, unknown> {
  const isThere = readdirSync(join(path, "..")).includes("codex-inbox.json");
  return isThere ? (JSON.parse(readFileSync(path, "utf8")) as Record<string, unknown>) : {};
}
