import { cpSync, existsSync, renameSync } from "node:fs";
import { basename, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { expect } from "vitest";
import { foldLedger, isFinal } from "../../src/task/ledger/ledger.ts";
import type { CoordinatorProcess } from "./coordinator-process.ts";
import { type GitRepo, gitRepoAt } from "./git-repo.ts";
import type { SeededRandom } from "./seeded-random.ts";
import { tempDir } from "./temp-dir.ts";
import { waitFor } from "./wait-for.ts";
import { type TestWorkspace, workspaceIn, workspaceTemplate } from "./workspace.ts";
import { readResults } from "./workspace-results.ts";

/** A bare repository, two clones that are served, and a third one whose user only pushes and pulls. */
export interface SharedRemote {
  readonly bare: GitRepo;
  readonly a: TestWorkspace;
  readonly b: TestWorkspace;
  readonly user: GitRepo;
}

/** How often the coordinators look; the hook of a remote would tell them. */
const INTERVAL_MS = 1_000;
/** A push of the user's that somebody was faster than is made again. */
const PUSHES_MAX = 200;
/** So long the remote is away, and so long it is there. */
const AWAY_MS = 4_000;
/** A user commits, and thinks. */
const BETWEEN_COMMITS_MS = 2_500;
/** Of each coordinator, where something was in vain. */
const LOG_CHARACTERS_SHOWN = 6_000;

export async function sharedRemote(): Promise<SharedRemote> {
  const base = tempDir();
  cpSync(await workspaceTemplate(), join(base, "origin"), { recursive: true });
  const origin = workspaceIn(join(base, "origin"));
  origin.commitSettings({ sync: { remote: "origin", intervalMs: INTERVAL_MS } });
  const bare = gitRepoAt(join(base, "bare.git"));
  origin.repo.git("clone", "--quiet", "--bare", origin.dir, bare.dir);
  const clone = (name: string): GitRepo => {
    origin.repo.git("clone", "--quiet", bare.dir, join(base, name));
    const repo = gitRepoAt(join(base, name));
    for (const setting of ["gc.auto=0", "pull.rebase=false", `user.name=${name}`, `user.email=${name}@example.org`])
      repo.git("config", ...(setting.split("=", 2) as [string, string]));
    return repo;
  };
  const workspace = (name: string): TestWorkspace => workspaceIn(clone(name).dir);
  return { bare, a: workspace("a"), b: workspace("b"), user: clone("user") };
}

function taskPrompt(n: number): string {
  return `task ${n} of the push [[sleep 30]] [[final: did ${n}]]\n`;
}

/** The remote is there or it is not, as one behind a network that comes and goes. */
function setAway({ bare }: SharedRemote, isAway: boolean): void {
  const away = `${bare.dir}.away`;
  if (isAway && existsSync(bare.dir)) renameSync(bare.dir, away);
  if (!isAway && existsSync(away)) renameSync(away, bare.dir);
}

/** Commits files in inbox/ and pushes them, as a user does: where others have pushed meanwhile, after a pull. */
async function pushTasks({ user }: Pick<SharedRemote, "user">, numbers: readonly number[]): Promise<void> {
  for (const n of numbers) {
    user.write(`inbox/task-${n}.md`, taskPrompt(n));
    user.git("add", "--", `inbox/task-${n}.md`);
  }
  user.git("commit", "--quiet", "-m", `ask for ${numbers.join(", ")}`);
  for (let count = 0; ; count += 1) {
    if (user.tryGit("push", "--quiet", "origin", "HEAD:main").status === 0) return;
    if (count === PUSHES_MAX)
      throw new Error(`the user could not push: ${user.tryGit("push", "origin", "main").stderr}`);
    if (user.tryGit("pull", "--quiet", "--no-edit", "origin", "main").status !== 0) await delay(200);
  }
}

/** A commit of the user of a served checkout. @throws Error where a command of theirs fails */
function commitBeside({ repo }: TestWorkspace, n: number): void {
  const name = `notes-of-${basename(repo.dir)}-${n % 3}.txt`;
  repo.write(name, `note ${n}\n`);
  repo.git("add", "--", name);
  repo.git("commit", "--quiet", "-m", `note ${n}`);
  repo.git("status", "--short");
}

/** Tasks with a final row in the branch of the remote; `undefined` while it is away. */
function endedOnRemote({ bare }: SharedRemote): number | undefined {
  if (!existsSync(bare.dir)) return undefined;
  const rows = readResults(bare, "main").rows();
  return [...foldLedger(rows).values()].filter(({ status }) => isFinal(status)).length;
}

/** Waits until all is done, and all three have the same: then each task has run once, in one of the clones. */
async function expectConverged(shared: SharedRemote, count: number, timeoutMs: number): Promise<void> {
  const { bare, a, b, user } = shared;
  const tip = (repo: GitRepo): string => repo.git("rev-parse", "main");
  const claims = (): string => bare.git("for-each-ref", "--format=%(refname)", "refs/codex-inbox/claims");
  await waitFor(() => endedOnRemote(shared) === count, { what: `${count} results`, timeoutMs, intervalMs: 250 });
  await waitFor(() => claims() === "", { what: "the end of all claims", timeoutMs: 30_000, intervalMs: 250 });
  await waitFor(() => tip(a.repo) === tip(bare) && tip(b.repo) === tip(bare), {
    ...{ what: "the same tip in both clones and the remote", timeoutMs: 30_000, intervalMs: 250 },
  });
  for (const repo of [a.repo, b.repo, user]) repo.git("pull", "--quiet", "--no-edit", "origin", "main");
  const trees = [a.repo, b.repo, user].map((repo) => repo.git("rev-parse", "HEAD^{tree}"));
  expect(new Set(trees).size).toBe(1);
  for (const repo of [a.repo, b.repo, user]) expect(repo.git("status", "--porcelain")).toBe("");
  const runs = [a, b].flatMap((workspace) => workspace.stubRuns()).map(({ prompt }) => /^task \d+/.exec(prompt)?.[0]);
  expect(runs.toSorted()).toEqual(Array.from({ length: count }, (_, n) => `task ${n}`).toSorted());
  expect(a.results.tasks().map(({ status }) => status)).toEqual(Array.from({ length: count }, () => "succeeded"));
  const committed = a.results.commits().map(({ task }) => task);
  expect(new Set(committed).size).toBe(count);
  expect(committed).toHaveLength(count);
  expect(a.repo.git("ls-files", "inbox")).not.toMatch(/task-/);
}

export interface Trouble {
  /** Kills one of the coordinators now and then, and starts another. */
  readonly kills: number;
  /** The remote is away half of the time. */
  readonly isAwayHalf: boolean;
  /** In each of the served checkouts. */
  readonly commitsOfUsers: number;
}

/** The whole of it: `count` tasks pushed in random order and groups, both served, users at work in both. */
export async function runShared(
  shared: SharedRemote,
  random: SeededRandom,
  count: number,
  { kills, isAwayHalf, commitsOfUsers }: Trouble,
  timeoutMs: number,
): Promise<void> {
  const served = new Map<TestWorkspace, CoordinatorProcess>();
  const workspaces = [shared.a, shared.b];
  for (const workspace of workspaces) served.set(workspace, workspace.serve({ args: ["--port", "off"] }));
  const numbers = shuffled(random, count);
  let isOver = false;
  const coming = (async () => {
    for (let isAway = false; isAwayHalf && !isOver; isAway = !isAway) {
      setAway(shared, isAway);
      await delay(AWAY_MS);
    }
    setAway(shared, false);
  })();
  const users = (async () => {
    for (let n = 0; n < commitsOfUsers && !isOver; n += 1) {
      for (const workspace of workspaces) commitBeside(workspace, n);
      await delay(BETWEEN_COMMITS_MS);
    }
  })();
  const killing = (async () => {
    for (let n = 0; n < kills && !isOver; n += 1) {
      await waitFor(() => isOver || (endedOnRemote(shared) ?? 0) >= Math.floor(((n + 1) * count) / (kills + 2)), {
        ...{ what: "some results before a kill", timeoutMs, intervalMs: 100 },
      });
      const workspace = workspaces[n % 2];
      if (workspace === undefined) return;
      await served.get(workspace)?.kill();
      served.set(workspace, workspace.serve({ args: ["--port", "off"] }));
    }
  })();
  try {
    while (numbers.length > 0) await pushTasks(shared, numbers.splice(0, 1 + random.below(4)));
    await killing;
    await waitFor(() => endedOnRemote(shared) === count, { what: `${count} results`, timeoutMs, intervalMs: 250 });
  } catch (cause) {
    const logs = [...served.values()].map((coordinator) => coordinator.log().slice(-LOG_CHARACTERS_SHOWN));
    throw new Error(`${String(cause)}; ${endedOnRemote(shared)} have ended\n${logs.join("\n--- the other clone\n")}`, {
      cause,
    });
  } finally {
    isOver = true;
    await Promise.all([coming, users]);
  }
  await expectConverged(shared, count, timeoutMs);
}

/** The numbers below `count` in a random order. */
function shuffled(random: SeededRandom, count: number): number[] {
  const ranks = new Map(Array.from({ length: count }, (_, n) => [n, random.next()] as const));
  return [...ranks.keys()].toSorted((one, other) => (ranks.get(one) ?? 0) - (ranks.get(other) ?? 0));
}
