import { mean } from "../support/statistics.ts";
import type { Burst } from "./served-burst.ts";

export const KB_PER_MB = 1_024;

/** Tasks a second, or how far the tasks came where the time was over. */
export function speed(bursts: readonly Burst[]): number | string {
  const unfinished = bursts.find(({ committed, count }) => committed < count);
  if (unfinished !== undefined) return finishedIn(unfinished);
  return mean(bursts.map(({ count, tookMs }) => (1_000 * count) / tookMs));
}

/** Seconds, or how far the tasks came where the time was over. */
export function finishedIn({ committed, count, tookMs }: Burst): number | string {
  const seconds = tookMs / 1_000;
  return committed < count ? `not finished: ${committed} in ${seconds.toFixed(0)} s` : seconds;
}

/** Processor time in ms per task that came to its end. */
export function perTask(bursts: readonly Burst[], key: "ownCpuMs" | "childrenCpuMs"): number {
  return mean(bursts.map((burst) => burst[key] / burst.committed));
}

/** How many results are in Git exactly once, and how many should be. */
export function exactlyOnce(bursts: readonly Burst[]): string {
  const sum = (of: (burst: Burst) => number): number => bursts.reduce((total, burst) => total + of(burst), 0);
  return `${sum(({ audit }) => audit.exactlyOnce)} / ${sum(({ count }) => count)}`;
}

/** Returns what went wrong in a burst; a benchmark's figures are worth nothing then. */
export function problemsOf({ committed, count, audit }: Burst): readonly string[] {
  return committed < count ? [`${committed} of ${count} tasks were committed`, ...audit.problems] : audit.problems;
}
