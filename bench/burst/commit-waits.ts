import type { LogLine } from "../support/serving-log.ts";
import { git } from "../support/workspace.ts";

/**
 * Returns how long each finished task waited for its commit, in ms: from the log line `run-ended` to the line `committed` of the
 * batch that holds its result, as the branch tells it.
 */
export async function commitWaits(dir: string, lines: readonly LogLine[]): Promise<readonly number[]> {
  const endedMs = new Map<string, number>();
  const committedMs = new Map<string, number>();
  for (const { event, atMs, fields } of lines) {
    if (event === "run-ended") endedMs.set(fields.task ?? "", atMs); // The last one, where a task ran several times.
    if (event === "committed") committedMs.set(fields.tip ?? "", atMs);
  }
  const waits: number[] = [];
  let batch: string[] = [];
  const log = await git(
    dir,
    "log",
    "--reverse",
    "--format=%H %(trailers:key=Task-Id,valueonly,separator=%x20)",
    "main",
  );
  for (const line of log.split("\n")) {
    const [commit = "", ...tasks] = line.split(" ");
    batch.push(...tasks);
    const atMs = committedMs.get(commit);
    if (atMs === undefined) continue;
    for (const task of batch) {
      const sinceMs = endedMs.get(task);
      if (sinceMs !== undefined) waits.push(atMs - sinceMs);
    }
    batch = [];
  }
  return waits;
}
