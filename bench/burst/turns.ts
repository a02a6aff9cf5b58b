import { join } from "node:path";
import { drops, nextDrop } from "../support/drops.ts";
import { measureGraphileWorker } from "../support/graphile-worker.ts";
import { warmUp } from "../support/one-task.ts";
import { measureTaskSpooler, measureXargs } from "../support/peers.ts";
import { mean } from "../support/statistics.ts";
import { problemsOf, speed } from "./burst-figures.ts";
import { burstRows } from "./burst-rows.ts";
import { type Plan, profiling } from "./plan.ts";
import { type Findings, type Row, ratio } from "./report.ts";
import { type Burst, type Probed, serveBurst, startProbed } from "./served-burst.ts";

/** What takes turns, and what was found in each round. */
interface Turns {
  readonly alone: Burst[];
  readonly beside: Burst[];
  readonly xargs: number[];
  readonly spooler: (number | string)[];
  readonly graphile: (number | string)[];
  /** How long it took to accept the tasks that cannot run. */
  heldMs: number | undefined;
}

/** The same burst alone and beside held tasks, and the peers with as many runs. */
export async function measureTurns(plan: Plan, folder: string): Promise<Findings> {
  const turns: Turns = { alone: [], beside: [], xargs: [], spooler: [], graphile: [], heldMs: undefined };
  const probed: Probed[] = [];
  const steps: (() => Promise<void>)[] = [];
  const serve = async (name: string, held: number, found: Burst[]): Promise<void> => {
    const one = await startProbed(join(folder, name), held, { nodeArgs: profiling(plan, name) });
    probed.push(one);
    if (held > 0) turns.heldMs = one.heldMs;
    await warmUp(one.serving, plan.warmUp);
    steps.push(async () => void found.push(await serveBurst(one, drops(plan.burst, nextDrop), plan)));
  };
  try {
    if (plan.parts.has("burst")) await serve("burst", 0, turns.alone);
    if (plan.parts.has("held")) await serve("held", plan.held, turns.beside);
    if (plan.parts.has("peers")) {
      steps.push(async () => void turns.xargs.push(await measureXargs(plan.burst)));
      steps.push(async () => void turns.spooler.push(await measureTaskSpooler(plan.burst)));
      steps.push(async () => void turns.graphile.push(await measureGraphileWorker(plan.burst, plan.mayInstall)));
    }
    for (let round = 0; round < plan.rounds; round += 1) for (const step of steps) await step();
  } finally {
    await Promise.all(probed.map(({ serving }) => serving.stop()));
  }
  return { rows: turnRows(plan, turns), problems: [...turns.alone, ...turns.beside].flatMap(problemsOf) };
}

function turnRows(plan: Plan, { alone, beside, xargs, spooler, graphile, heldMs }: Turns): readonly Row[] {
  const rows: Row[] = alone.length + beside.length > 0 ? [...burstRows(alone, beside)] : [];
  if (heldMs !== undefined) {
    const name = "… accepting the held tasks before, tasks/s";
    rows.push({ name, digits: 0, figure: undefined, beside: (1_000 * plan.held) / heldMs });
  }
  const ours = alone.length === 0 ? undefined : speed(alone);
  const peer = (name: string, speeds: readonly (number | string)[]): Row => {
    const known = speeds.filter((one) => typeof one === "number");
    const figure = known.length === 0 ? speeds[0] : mean(known);
    return { name: `peer: ${name}, runs/s; ratio: our burst to it`, digits: 0, figure, ratio: ratio(ours, figure) };
  };
  if (xargs.length > 0) rows.push(peer("the same stub with xargs -P4", xargs));
  if (spooler.length > 0) rows.push(peer("the same with task-spooler, 4 slots", spooler));
  if (graphile.length > 0) rows.push(peer("the same with graphile-worker on PostgreSQL, 4 slots", graphile));
  return rows;
}
