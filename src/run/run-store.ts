import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { RunStore } from "./driver.ts";
import { reapRuns } from "./worker/processes/reap.ts";
import { stopRun } from "./worker/processes/stop-run.ts";
import { markedRun } from "./worker/run-directory.ts";

/** Tasks whose runs are kept; beyond them the oldest go. */
export const KEPT_TASKS_MAX = 20;
/**
 * Files are removed once no task has been done with for so long, or so many wait: while many tasks end, each file that goes makes those
 * that come dearer (ext4 without a journal gives a freed inode out again after minutes, and looks at all of these for each new file).
 */
const REST_MS = 1_000;
const REMOVALS_WAITING_MAX = 2_000;

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
  /** Names in `runsDir` of what is to go, the oldest first; what a crash leaves of it, the next start forgets. */
  const waiting = new Set<string>();
  let timer: NodeJS.Timeout | undefined;
  let underWay: Promise<void> | undefined;
  const removeTo = async (count: number): Promise<void> => {
    for (const name of waiting) {
      if (waiting.size <= count) break;
      waiting.delete(name);
      removeNow(join(runsDir, name));
      await nextTurn();
    }
  };
  /** What has nothing to remove ends before its promise is noted: only from outside it can be told that it is over. */
  const begin = (count: number): void => {
    underWay ??= removeTo(count).finally(() => {
      underWay = undefined;
    });
  };
  /** From here on it is as if nothing had been there. */
  const remove = (task: string): void => {
    const name = `.${task}`;
    if (!renamed(join(runsDir, task), join(runsDir, name))) return;
    waiting.add(name);
    timer ??= setTimeout(() => {
      timer = undefined;
      begin(0);
    }, REST_MS).unref();
    timer.refresh();
    if (waiting.size > REMOVALS_WAITING_MAX) begin(REMOVALS_WAITING_MAX);
  };

  return {
    has: ({ task, run }) => existsSync(join(runsDir, task, String(run))),
    stop: (run, graceMs) => stopRun(markedRun(runsDir, workspaceId, run), graceMs),
    forget(task, { keep }) {
      if (keep && existsSync(join(runsDir, task))) putAside(join(runsDir, task), keptDir, task);
      else remove(task);
    },
    forgetOthers(isOpen) {
      if (!existsSync(runsDir)) return;
      for (const name of readdirSync(runsDir)) if (!isOpen(name)) waiting.add(name);
      begin(0);
    },
    async close() {
      clearTimeout(timer);
      await underWay;
      await removeTo(0);
    },
    reap: (isLive) => reapRuns(workspaceId, isLive),
  };
}

/** False where there is nothing left to be removed; what is in the way was left there. */
function renamed(from: string, to: string): boolean {
  try {
    renameSync(from, to);
    return true;
  } catch {
    for (const path of existsSync(from) ? [from, to] : []) removeNow(path);
    return false;
  }
}

/** In one call: a dozen of them from here would take longer than all of it. What cannot be removed now is tried at the next start. */
function removeNow(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true });
  } catch {
    // Nothing hangs on it.
  }
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
