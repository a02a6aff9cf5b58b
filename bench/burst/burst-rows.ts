import { mean, median, quantile } from "../support/statistics.ts";
import { exactlyOnce, KB_PER_MB, perTask, speed } from "./burst-figures.ts";
import { type Row, ratio } from "./report.ts";
import type { Burst } from "./served-burst.ts";

/** Returns the figures of the same burst without (`alone`) and with other tasks in the queue (`held`); each in all its rounds. */
export function burstRows(alone: readonly Burst[], held: readonly Burst[]): readonly Row[] {
  const rows: Row[] = [];
  const row = (name: string, of: (bursts: readonly Burst[]) => number | string, digits = 0): void => {
    const [figure, beside] = [alone, held].map((bursts) => (bursts.length === 0 ? undefined : of(bursts)));
    rows.push({ name, digits, figure, beside, ratio: ratio(beside, figure) });
  };
  const all = (of: (burst: Burst) => readonly number[]) => (bursts: readonly Burst[]) => bursts.flatMap(of);
  const worst = (of: (burst: Burst) => number) => (bursts: readonly Burst[]) => Math.max(...bursts.map(of));
  const waits = all(({ waitsMs }) => waitsMs);
  const answers = all(({ answerMs }) => answerMs);
  const count = (alone[0] ?? held[0])?.count ?? 0;
  row(`burst of ${count.toLocaleString("en")}, 4 workers, tasks/s`, speed, 1);
  row("… processor time of the coordinator, ms/task", (bursts) => perTask(bursts, "ownCpuMs"), 1);
  row("… processor time of its children, ms/task", (bursts) => perTask(bursts, "childrenCpuMs"), 1);
  row("… commits of the branch, batches", (bursts) => mean(bursts.map(({ commits }) => commits.length)));
  row("… git's rewrite of its index, ms a batch", (bursts) => mean(bursts.flatMap(indexMs)), 1);
  row("… a finished task waits for its commit, median ms", (bursts) => median(waits(bursts)));
  row("… the same, longest, ms", (bursts) => Math.max(...waits(bursts)));
  row(
    "… event loop late, 99th percentile ms",
    worst(({ loop }) => loop.p99Ms),
    1,
  );
  row(
    "… the same, worst, ms",
    worst(({ loop }) => loop.worstMs),
  );
  row("… POST /tasks, median ms", (bursts) => median(answers(bursts)), 1);
  row("… the same, 95th percentile", (bursts) => quantile(answers(bursts), 0.95), 1);
  row("… the same, longest", (bursts) => Math.max(...answers(bursts)), 1);
  row("… the same, refused", (bursts) => bursts.reduce((sum, { refused }) => sum + refused, 0));
  row("… resident before, MB", (bursts) => (bursts[0]?.idleKb ?? Number.NaN) / KB_PER_MB);
  row(
    "… resident in the burst, most, MB",
    worst(({ peakKb }) => peakKb / KB_PER_MB),
  );
  row("… resident after, MB", (bursts) => (bursts.at(-1)?.afterKb ?? Number.NaN) / KB_PER_MB);
  row("… results in Git exactly once, of all", exactlyOnce);
  return rows;
}

function indexMs({ commits }: Burst): readonly number[] {
  return commits.map(({ fields }) => Number(fields.indexMs));
}
