import { drops, nextDrop } from "../support/drops.ts";
import { waitForResults } from "../support/results.ts";
import { type Serving, startServing } from "../support/serving.ts";

/** What a burst of tasks took. */
export interface BurstCost {
  readonly tasksPerSecond: number;
  /** Processor time of the coordinator alone, per task. */
  readonly ownCpuMs: number;
  /** Processor time of git and of the runs, per task. */
  readonly childrenCpuMs: number;
}

const BURST_TIMEOUT_MS = 300_000;

/** Publishes `count` tasks at once and waits until the branch holds all their results. */
export async function measureBurst(serving: Serving, count: number): Promise<BurstCost> {
  serving.forget();
  const before = serving.cpu();
  const firstMs = serving.publish(drops(count, nextDrop));
  const { committed, lastMs } = await waitForResults(serving, count, BURST_TIMEOUT_MS);
  if (committed < count) throw new Error(`${committed} of ${count} tasks were committed in ${BURST_TIMEOUT_MS} ms`);
  const after = serving.cpu();
  return {
    tasksPerSecond: count / ((lastMs - firstMs) / 1_000),
    ownCpuMs: (after.ownMs - before.ownMs) / count,
    childrenCpuMs: (after.childrenMs - before.childrenMs) / count,
  };
}

/** Starts a coordinator once more and returns how long it took. */
export async function measureStart(dir: string): Promise<number> {
  const serving = await startServing(dir);
  await serving.stop();
  return serving.startMs;
}
