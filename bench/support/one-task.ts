import { nextDrop } from "./drops.ts";
import type { Serving } from "./serving.ts";

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

/** Takes the first tasks through a coordinator, which load and compile what the later ones find ready; nothing is measured. */
export async function warmUp(serving: Serving, count: number): Promise<void> {
  for (let n = 0; n < count; n += 1) await measureTask(serving);
}

/** Takes one task through a coordinator that has nothing else to do. */
export async function measureTask(serving: Serving): Promise<TaskCost> {
  serving.forget();
  const drop = nextDrop();
  const { id } = drop;
  const moved = serving.nextMove();
  const publishedMs = serving.publish([drop]);
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
