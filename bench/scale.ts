/**
 * What one more task costs in a workspace that has finished N tasks before, and what a coordinator costs there.
 *
 *   npx node bench/scale.ts [--sizes 100,10000,100000] [--tasks 40] [--burst 200] [--starts 5] [--cache <folder>] [--smoke]
 *
 * The real coordinator runs, with a stub for codex that answers in some milliseconds. One coordinator per size is up at the same
 * time and they take turns, so that whatever else the machine does hits all sizes alike. With --cache the workspaces are kept
 * there (100,000 tasks: some minutes to make, 2 GB); without it they are made anew and removed.
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { type BurstCost, measureBurst, measureStart } from "./scale/measure.ts";
import { prepareWorkspace } from "./scale/past-workspace.ts";
import { measureTask, type TaskCost, warmUp } from "./support/one-task.ts";
import { measureGitCommit, measureXargs } from "./support/peers.ts";
import { type Serving, startServing } from "./support/serving.ts";
import { type FigureRow, figureTable, median, quantile } from "./support/statistics.ts";

interface Plan {
  readonly sizes: readonly number[];
  readonly tasks: number;
  readonly burst: number;
  readonly starts: number;
  readonly byHand: number;
  readonly warmUpTasks: number;
  /** A coordinator has this long to come to rest before its memory is read, and before the first task. */
  readonly restMs: number;
}

interface Findings {
  readonly dir: string;
  readonly starts: number[];
  readonly startsUsed: number[];
  readonly costs: TaskCost[];
  readonly byHand: number[];
  burst: BurstCost | undefined;
  residentAtStartKb: number;
  residentAtEndKb: number;
  residentAskedKb: number;
  peakKb: number;
}

const { values } = parseArgs({
  options: {
    sizes: { type: "string", default: "100,10000,100000" },
    tasks: { type: "string", default: "40" },
    burst: { type: "string", default: "200" },
    starts: { type: "string", default: "5" },
    cache: { type: "string" },
    smoke: { type: "boolean", default: false },
  },
});
const plan: Plan = values.smoke
  ? { sizes: [10, 40], tasks: 1, burst: 4, starts: 1, byHand: 1, warmUpTasks: 1, restMs: 50 }
  : {
      sizes: values.sizes.split(",").map(Number),
      tasks: Number(values.tasks),
      burst: Number(values.burst),
      starts: Number(values.starts),
      byHand: 10,
      warmUpTasks: 3,
      restMs: 1_500,
    };
const folder = values.cache === undefined ? mkdtempSync(join(tmpdir(), "codex-inbox-scale-")) : resolve(values.cache);
mkdirSync(folder, { recursive: true });
try {
  console.log(await report(await measure(plan, folder)));
} finally {
  if (values.cache === undefined) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}

async function measure(plan: Plan, cache: string): Promise<readonly Findings[]> {
  const { sizes, starts, byHand } = plan;
  const all: Findings[] = [];
  for (const size of sizes) {
    const dir = join(cache, String(size));
    await prepareWorkspace(dir, size);
    all.push(noFindings(dir));
  }
  for (let n = 0; n < starts; n += 1) for (const one of all) one.starts.push(await measureStart(one.dir));
  const servings = await Promise.all(all.map(({ dir }) => startServing(dir)));
  const pairs = all.map((one, index) => [one, servings[index]] as const);
  try {
    await measureServing(pairs as readonly (readonly [Findings, Serving])[], plan);
  } finally {
    await Promise.all(servings.map((serving) => serving.stop()));
  }
  for (let n = 0; n < starts; n += 1) for (const one of all) one.startsUsed.push(await measureStart(one.dir));
  for (let n = 0; n < byHand; n += 1) for (const one of all) one.byHand.push(await measureGitCommit(one.dir, n));
  return all;
}

async function measureServing(
  pairs: readonly (readonly [Findings, Serving])[],
  { tasks, burst, warmUpTasks, restMs }: Plan,
): Promise<void> {
  await delay(restMs);
  for (const [one, serving] of pairs) one.residentAtStartKb = serving.memory().residentKb;
  for (const [, serving] of pairs) await warmUp(serving, warmUpTasks);
  for (let n = 0; n < tasks; n += 1) for (const [one, serving] of pairs) one.costs.push(await measureTask(serving));
  for (const [one, serving] of pairs) one.burst = await measureBurst(serving, burst);
  await delay(restMs);
  for (const [one, serving] of pairs) {
    one.residentAtEndKb = serving.memory().residentKb;
    one.peakKb = serving.memory().peakKb;
    await serving.request("/health");
  }
  await delay(restMs);
  for (const [one, serving] of pairs) one.residentAskedKb = serving.memory().residentKb;
}

function noFindings(dir: string): Findings {
  return {
    dir,
    starts: [],
    startsUsed: [],
    costs: [],
    byHand: [],
    burst: undefined,
    residentAtStartKb: Number.NaN,
    residentAtEndKb: Number.NaN,
    residentAskedKb: Number.NaN,
    peakKb: Number.NaN,
  };
}

async function report(all: readonly Findings[]): Promise<string> {
  const row = (name: string, of: (one: Findings) => number, digits = 0): FigureRow => ({
    name,
    values: all.map(of),
    digits,
  });
  const part = (key: keyof TaskCost) => (one: Findings) => median(one.costs.map((cost) => cost[key]));
  const p95 = (key: keyof TaskCost) => (one: Findings) =>
    quantile(
      one.costs.map((cost) => cost[key]),
      0.95,
    );
  const table = figureTable(plan.sizes, [
    row("one task, publish to commit, median ms", part("total")),
    row("the same, 95th percentile", p95("total")),
    row("without Git's work on its whole index, median ms", part("ours")),
    row("the same, 95th percentile", p95("ours")),
    row("… accept", part("accept"), 1),
    row("… run", part("run"), 1),
    row("… commit", part("commit"), 1),
    row("Git's index: what the run changed", part("changes"), 1),
    row("Git's index: its rewrite", part("index"), 1),
    row(`burst of ${plan.burst}, 4 workers, tasks/s`, (one) => one.burst?.tasksPerSecond ?? Number.NaN, 1),
    row("… processor time of the coordinator, ms/task", (one) => one.burst?.ownCpuMs ?? Number.NaN, 1),
    row("… processor time of git and the runs, ms/task", (one) => one.burst?.childrenCpuMs ?? Number.NaN, 1),
    row("start to serving, median ms", ({ starts }) => median(starts)),
    row("… after these tasks", ({ startsUsed }) => median(startsUsed)),
    row("resident after the start, MB", ({ residentAtStartKb }) => residentAtStartKb / 1_024),
    row("resident after the burst, MB", ({ residentAtEndKb }) => residentAtEndKb / 1_024),
    row("… and after the HTTP interface was asked, MB", ({ residentAskedKb }) => residentAskedKb / 1_024),
    row("greatest resident until then, MB", ({ peakKb }) => peakKb / 1_024),
    row("peer: git add + git commit, median ms", ({ byHand }) => median(byHand)),
  ]);
  const xargs = await measureXargs(plan.burst);
  return `${table}\n\npeer: the same stub with xargs -P4, runs/s: ${xargs.toFixed(0)}`;
}
