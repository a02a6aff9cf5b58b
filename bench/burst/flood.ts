import { join } from "node:path";
import { drops, nextDrop } from "../support/drops.ts";
import { median } from "../support/statistics.ts";
import { exactlyOnce, finishedIn, KB_PER_MB, perTask, problemsOf, speed } from "./burst-figures.ts";
import type { Plan } from "./plan.ts";
import { type Findings, type Row, ratio } from "./report.ts";
import { type Burst, serveBurst, startProbed } from "./served-burst.ts";

const QUARTERS = 4;

/** As many tasks as a queue may hold, all at once. */
export async function measureFlood(plan: Plan, folder: string): Promise<Findings> {
  const probed = await startProbed(join(folder, "flood"), 0);
  try {
    const flood = await serveBurst(probed, drops(plan.flood, nextDrop), plan);
    return { rows: floodRows(flood), problems: problemsOf(flood) };
  } finally {
    await probed.serving.stop();
  }
}

function floodRows(flood: Burst): readonly Row[] {
  const quarters = quarterSpeeds(flood);
  const [first] = quarters;
  const row = (name: string, figure: number | string, digits = 0): Row => ({ name, digits, figure });
  return [
    row(`flood of ${flood.count.toLocaleString("en")}, 4 workers, s`, finishedIn(flood), 1),
    row("… tasks/s", speed([flood]), 1),
    ...quarters.map((figure, index) => ({
      ...row(`… quarter ${index + 1}, tasks/s; ratio: to the first`, figure, 1),
      ratio: ratio(figure, first),
    })),
    row("… processor time of the coordinator, ms/task", perTask([flood], "ownCpuMs"), 1),
    row("… a finished task waits for its commit, median ms", median(flood.waitsMs)),
    row("… the same, longest, ms", Math.max(...flood.waitsMs)),
    row("… event loop late, worst, ms", flood.loop.worstMs),
    row("… POST /tasks, longest, ms", Math.max(...flood.answerMs), 1),
    row("… resident, most, MB", flood.peakKb / KB_PER_MB),
    row("… resident after, MB", flood.afterKb / KB_PER_MB),
    row("… results in Git exactly once, of all", exactlyOnce([flood])),
  ];
}

/** Tasks a second in each quarter of the tasks, by the commit that brought the last one of it. */
function quarterSpeeds({ commits, count, publishedMs }: Burst): readonly (number | string)[] {
  let committed = 0;
  let sinceTasks = 0;
  let sinceMs = publishedMs;
  const speeds: (number | string)[] = [];
  for (const { atMs, fields } of commits) {
    committed += Number(fields.tasks);
    const before = speeds.length;
    while (speeds.length < QUARTERS && committed >= ((speeds.length + 1) * count) / QUARTERS) {
      const speed = (1_000 * (committed - sinceTasks)) / (atMs - sinceMs);
      speeds.push(speeds.length === before ? speed : "in the commit before");
    }
    if (speeds.length > before) [sinceTasks, sinceMs] = [committed, atMs];
  }
  while (speeds.length < QUARTERS) speeds.push("not reached");
  return speeds;
}
