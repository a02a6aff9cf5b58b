import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { JournalRecord } from "./journal-record.ts";
import type { StatePaths } from "./state-paths.ts";

/** Tasks whose runs are kept; beyond them the oldest go. */
const UNKNOWN_TASKS_MAX = 20;

/** Tells whether a run of the task failed in a way that nobody knows: then all of it is worth keeping. */
export function failedUnknown(records: readonly JournalRecord[]): boolean {
  return records.some((record) => record.k === "run" && record.verdict.failure?.kind === "unknown");
}

/** Removes the runs of a committed task, beside other work. What a crash leaves is removed at the next start. */
export function removeRuns({ runs }: Pick<StatePaths, "runs">, id: string): void {
  rm(join(runs, id), { recursive: true, force: true }).catch(() => undefined);
}

/** Puts the runs of a committed task away, and forgets the oldest that were. A crash before costs them: nothing hangs on them. */
export function keepUnknownRuns({ runs, unknownRuns }: Pick<StatePaths, "runs" | "unknownRuns">, id: string): void {
  if (!existsSync(join(runs, id))) return;
  mkdirSync(unknownRuns, { recursive: true, mode: 0o700 });
  rmSync(join(unknownRuns, id), { recursive: true, force: true });
  renameSync(join(runs, id), join(unknownRuns, id));
  const kept = readdirSync(unknownRuns)
    .map((name) => ({ path: join(unknownRuns, name), sinceMs: statSync(join(unknownRuns, name)).ctimeMs }))
    .sort((a, b) => b.sinceMs - a.sinceMs);
  for (const { path } of kept.slice(UNKNOWN_TASKS_MAX)) rmSync(path, { recursive: true, force: true });
}
