import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { RunStore } from "./driver.ts";
import { reapRuns } from "./worker/processes/reap.ts";
import { stopRun } from "./worker/processes/stop-run.ts";
import { markedRun } from "./worker/run-directory.ts";

/** Tasks whose runs are kept; beyond them the oldest go. */
export const KEPT_TASKS_MAX = 20;

export interface RunStoreOptions {
  /** Holds the folder of each run, `<task>/<run>`. */
  readonly runsDir: string;
  /** Takes the runs that are put aside. */
  readonly keptDir: string;
  /** Tells the processes of this workspace from those of another. */
  readonly workspaceId: string;
}

/** Opens the runs of one workspace. */
export function openRunStore({ runsDir, keptDir, workspaceId }: RunStoreOptions): RunStore {
  /** What a crash leaves of it, the next start forgets. */
  const remove = (task: string): void =>
    void rm(join(runsDir, task), { recursive: true, force: true }).catch(() => undefined);

  return {
    has: ({ task, run }) => existsSync(join(runsDir, task, String(run))),
    stop: (run, graceMs) => stopRun(markedRun(runsDir, workspaceId, run), graceMs),
    forget(task, { keep }) {
      if (keep && existsSync(join(runsDir, task))) putAside(join(runsDir, task), keptDir, task);
      else remove(task);
    },
    forgetOthers(isOpen) {
      if (!existsSync(runsDir)) return;
      for (const task of readdirSync(runsDir)) if (!isOpen(task)) remove(task);
    },
    reap: (isLive) => reapRuns(workspaceId, isLive),
  };
}

/** A crash before costs them: nothing hangs on them. */
function putAside(from: string, keptDir: string, task: string): void {
  mkdirSync(keptDir, { recursive: true, mode: 0o700 });
  rmSync(join(keptDir, task), { recursive: true, force: true });
  renameSync(from, join(keptDir, task));
  const kept = readdirSync(keptDir)
    .map((name) => ({ path: join(keptDir, name), sinceMs: statSync(join(keptDir, name)).ctimeMs }))
    .sort((a, b) => b.sinceMs - a.sinceMs);
  for (const { path } of kept.slice(KEPT_TASKS_MAX)) rmSync(path, { recursive: true, force: true });
}
