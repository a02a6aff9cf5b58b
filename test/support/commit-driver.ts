/**
 * A committer in a process of its own, so that git run by a test is somebody else's to it, and a test can kill it.
 *
 *   commit-driver.ts once <workspace> <task>…   one batch, then ends
 *   commit-driver.ts advance <workspace> <commit>  moves the branch forward, then ends
 *   commit-driver.ts loop <workspace> <prefix>  batches of one to three results until its input ends
 *
 * Prints one line of JSON at the end: what `DriverReport` says.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { Branch } from "../../src/git/branch.ts";
import { openCommitter } from "../../src/git/commit/committer.ts";
import { findWorkTree } from "../../src/git/repository/find-work-tree.ts";
import type { CommitPlan } from "../../src/task/records/commit-plan.ts";
import { ALWAYS, result } from "./commit-plans.ts";
import { gitRepoAt } from "./git-repo.ts";

export interface DriverReport {
  /** Tasks whose results are committed, oldest first. */
  readonly tasks: readonly string[];
  readonly commits: readonly (string | undefined)[];
  readonly batches: number;
  readonly leftAlone: readonly string[];
  readonly waitsMs: readonly number[];
  readonly indexMs: number;
  /** Over all batches. */
  readonly attempts: number;
  readonly lost: number;
  /** Per batch, the longest time that `index.lock` was held at a stretch. */
  readonly heldMs: readonly number[];
}

const [mode = "", dir = "", ...rest] = process.argv.slice(2);
const stateDir = gitRepoAt(dir).git("rev-parse", "--path-format=absolute", "--git-path", "codex-inbox");
const onNotice = (message: string): void => console.error(message);
const committer = await openCommitter({
  place: await findWorkTree(dir),
  workspaceDir: dir,
  stateDir,
  branch: "refs/heads/main",
  now: Date.now,
  onNotice,
  ownMarker: "driver",
});
await committer.refresh();
if (mode === "advance") await committer.advance(rest[0] ?? "", ALWAYS);
const report =
  mode === "advance"
    ? await once(committer, [])
    : mode === "once"
      ? await once(committer, rest)
      : await loop(committer, rest[0] ?? "t");
await committer.close();
console.log(JSON.stringify(report));

async function once(to: Branch, tasks: readonly string[]): Promise<DriverReport> {
  const { commits, leftAlone, indexMs, attempts, indexHeldMs } = await to.commit(tasks.map(result), ALWAYS);
  return { tasks, commits, batches: 1, leftAlone, waitsMs: [], indexMs, attempts, lost: 0, heldMs: [indexHeldMs] };
}

async function loop(to: Branch, prefix: string): Promise<DriverReport> {
  const stopping = new AbortController();
  process.stdin.on("end", () => stopping.abort()).resume();
  const tasks: string[] = [];
  const commits: (string | undefined)[] = [];
  const waitsMs: number[] = [];
  const heldMs: number[] = [];
  const leftAlone = new Set<string>();
  let [batches, indexMs, attempts, lost] = [0, 0, 0, 0];

  async function commit(plans: readonly CommitPlan[]): Promise<void> {
    const startedMs = performance.now();
    const done = await to.commit(plans, ALWAYS);
    waitsMs.push(performance.now() - startedMs);
    indexMs += done.indexMs;
    heldMs.push(done.indexHeldMs);
    attempts += done.attempts;
    batches += 1;
    commits.push(...done.commits);
    for (const path of done.leftAlone) leftAlone.add(path);
  }

  while (!stopping.signal.aborted) {
    const ids = Array.from({ length: 1 + (tasks.length % 3) }, (_, n) => `${prefix}${tasks.length + n}`);
    await commit(ids.map(result));
    tasks.push(...ids);
    if ((await to.refresh()).lostOurs) {
      lost += 1;
      await commit(tasks.map(result));
    }
    await delay(5);
  }
  return { tasks, commits, batches, leftAlone: [...leftAlone], waitsMs, indexMs, attempts, lost, heldMs };
}
