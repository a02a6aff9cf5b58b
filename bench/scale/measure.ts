import { setTimeout as delay } from "node:timers/promises";
import { makeTaskId } from "../../src/task/names/task-id.ts";
import { type Serving, startServing } from "./serving.ts";

/** Where the time of one task went, in ms. */
export interface TaskCost {
  /** From the rename into inbox/ to the branch that holds the result. */
  readonly total: number;
  /** To the log line `accepted`. */
  readonly accept: number;
  /** From there to `run-ended`: the agent's process, and what is read of it. Asking git what changed is apart. */
  readonly run: number;
  /** Asking git what the run changed in the work tree: git reads its index, which lists every file. */
  readonly changes: number;
  /** From there to the branch's move, without the index. */
  readonly commit: number;
  /** Git's rewrite of its index. */
  readonly index: number;
  /** All but what git does with its whole index: `total` without `changes` and `index`. */
  readonly ours: number;
}

/** What a burst of tasks took. */
export interface BurstCost {
  readonly tasksPerSecond: number;
  /** Processor time of the coordinator alone, per task. */
  readonly ownCpuMs: number;
  /** Processor time of git and of the runs, per task. */
  readonly childrenCpuMs: number;
}

const BURST_TIMEOUT_MS = 300_000;
let published = 0;

/** Every second task belongs to a named session. Ids are of today, and never those of the past. */
function nextTask(): { readonly id: string; readonly text: string } {
  published += 1;
  const id = makeTaskId(Date.now(), `z${published.toString(36).padStart(5, "0")}`);
  const prompt = `# Make check ${published} faster\n\nThe check takes too long. Find out why and mend it.\n`;
  const key = `---\nsessionKey: bench-${Math.floor(published / 2) % 8}\n---\n`;
  return { id, text: published % 2 === 0 ? prompt : key + prompt };
}

/** Takes one task through a coordinator that has nothing else to do. */
export async function measureTask(serving: Serving): Promise<TaskCost> {
  serving.forget();
  const { id, text } = nextTask();
  const moved = serving.nextMove();
  const publishedMs = serving.publish(id, text);
  const accepted = await serving.line("accepted", id);
  const ended = await serving.line("run-ended", id);
  const movedMs = await moved;
  const committed = await serving.line("committed", undefined);
  const index = Number(committed.fields.indexMs);
  const changes = Number(ended.fields.changesMs ?? 0);
  const total = movedMs - publishedMs;
  return {
    total,
    accept: accepted.atMs - publishedMs,
    run: ended.atMs - accepted.atMs - changes,
    changes,
    commit: movedMs - ended.atMs - index,
    index,
    ours: total - changes - index,
  };
}

/** Publishes `count` tasks at once and waits until the branch holds all their results. */
export async function measureBurst(serving: Serving, count: number): Promise<BurstCost> {
  serving.forget();
  const before = serving.cpu();
  let firstMs = Number.POSITIVE_INFINITY;
  for (let n = 0; n < count; n += 1) {
    const { id, text } = nextTask();
    firstMs = Math.min(firstMs, serving.publish(id, text));
  }
  const deadlineMs = Date.now() + BURST_TIMEOUT_MS;
  for (;;) {
    const commits = serving.lines().filter(({ event }) => event === "committed");
    const done = commits.reduce((sum, { fields }) => sum + Number(fields.tasks), 0);
    const last = commits.at(-1);
    if (done >= count && last !== undefined) {
      const after = serving.cpu();
      return {
        tasksPerSecond: count / ((last.atMs - firstMs) / 1_000),
        ownCpuMs: (after.ownMs - before.ownMs) / count,
        childrenCpuMs: (after.childrenMs - before.childrenMs) / count,
      };
    }
    if (Date.now() > deadlineMs) throw new Error(`${done} of ${count} tasks were committed in ${BURST_TIMEOUT_MS} ms`);
    await delay(20);
  }
}

/** Starts a coordinator once more and returns how long it took. */
export async function measureStart(dir: string): Promise<number> {
  const serving = await startServing(dir);
  await serving.stop();
  return serving.startMs;
}
