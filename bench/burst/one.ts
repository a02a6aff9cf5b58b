import { join } from "node:path";
import { measureTask, type TaskCost, warmUp } from "../support/one-task.ts";
import { measureByHand } from "../support/peers.ts";
import { startServing } from "../support/serving.ts";
import { median, quantile } from "../support/statistics.ts";
import { makeWorkspace } from "../support/workspace.ts";
import type { Plan } from "./plan.ts";
import { type Findings, type Row, ratio } from "./report.ts";

/** One task after the other in a coordinator that has nothing else to do, in turns with the same by hand. */
export async function measureOne(plan: Plan, folder: string): Promise<Findings> {
  const [dir, handDir] = [join(folder, "one"), join(folder, "by-hand")];
  for (const path of [dir, handDir]) await makeWorkspace(path);
  const serving = await startServing(dir);
  const costs: TaskCost[] = [];
  const byHand: number[] = [];
  try {
    await warmUp(serving, plan.warmUp);
    for (let n = 0; n < plan.tasks; n += 1) {
      costs.push(await measureTask(serving));
      byHand.push(await measureByHand(handDir, n));
    }
  } finally {
    await serving.stop();
  }
  const totals = costs.map(({ total }) => total);
  const index = costs.map((cost) => cost.index);
  const [task, hand] = [median(totals), median(byHand)];
  const row = (name: string, figure: number, to?: number): Row => ({
    name,
    digits: 1,
    figure,
    ratio: ratio(figure, to),
  });
  return {
    rows: [
      row("one task, publish to commit, median ms; ratio: to the peer", task, hand),
      row("… the same, 95th percentile", quantile(totals, 0.95)),
      row("… git's rewrite of its index in it, median ms", median(index)),
      row("… the same, 95th percentile", quantile(index, 0.95)),
      row("peer: the stub, git add and git commit by hand, median ms", hand),
    ],
    problems: [],
  };
}
