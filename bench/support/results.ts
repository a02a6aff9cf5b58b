import { setTimeout as delay } from "node:timers/promises";
import type { Serving } from "./serving.ts";
import type { LogLine } from "./serving-log.ts";

/** How far a number of tasks came. */
export interface Results {
  /** Tasks whose result the branch holds. Less than asked for where the time was over. */
  readonly committed: number;
  /** When the branch held the last of them; Unix ms. */
  readonly lastMs: number;
  /** The log lines `committed`, oldest first. */
  readonly commits: readonly LogLine[];
}

const LOOK_MS = 20;

/** Waits until the branch holds `count` results since the log was forgotten, or `limitMs` are over. */
export async function waitForResults(serving: Serving, count: number, limitMs: number): Promise<Results> {
  const deadlineMs = Date.now() + limitMs;
  const commits: LogLine[] = [];
  let committed = 0;
  for (let read = 0; ; ) {
    const lines = serving.lines();
    for (; read < lines.length; read += 1) {
      const line = lines[read];
      if (line?.event !== "committed") continue;
      commits.push(line);
      committed += Number(line.fields.tasks);
    }
    if (committed >= count || Date.now() > deadlineMs)
      return { committed, lastMs: commits.at(-1)?.atMs ?? Number.NaN, commits };
    await delay(LOOK_MS);
  }
}
