import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { CoordinatorError, systemErrorCode } from "../../base/errors.ts";
import { createSlices } from "../../base/slices.ts";
import { createProcessTable } from "../gate/process-table.ts";

/** O_WRONLY and O_RDWR, as /proc has the flags of an open file. */
const WRITES = 3;
const POLL_MS = 15;
const WAIT_MAX_MS = 5_000;

/** Returns the processes, this one left out, that work in the folder at `dir` (absolute) or below it. */
function processesIn(dir: string): readonly number[] {
  const table = createProcessTable();
  return table.pids().filter((pid) => pid !== process.pid && isInside(table.cwd(pid), dir));
}

/** Returns a process, this one left out, that works in the folder at `dir` (absolute) or has a file there open for writing; `undefined` where none does. */
export async function processUsing(dir: string): Promise<number | undefined> {
  const [inside] = processesIn(dir);
  if (inside !== undefined) return inside;
  const slices = createSlices();
  for (const pid of createProcessTable().pids()) {
    await slices.next();
    if (pid !== process.pid && hasOpen(pid, dir)) return pid;
  }
  return undefined;
}

function hasOpen(pid: number, dir: string): boolean {
  const folder = `/proc/${pid}/fd`;
  return namesIn(folder).some((fd) => {
    try {
      if (!isInside(readlinkSync(`${folder}/${fd}`), dir)) return false;
      const [, flags = "0"] = /^flags:\t(\d+)$/m.exec(readFileSync(`/proc/${pid}/fdinfo/${fd}`, "utf8")) ?? [];
      return (Number.parseInt(flags, 8) & WRITES) !== 0;
    } catch {
      return false; // It has ended, or closed it.
    }
  });
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // It has ended, or is somebody else's: what that has open cannot be told.
  }
}

/**
 * Ends the git that makes a worktree at `dir` for a coordinator that is gone: it outlives that one, and would go on writing.
 *
 * @throws CoordinatorError `TRY_AGAIN` if one of its processes outlives that by seconds
 */
export async function endGitIn(dir: string): Promise<void> {
  const table = createProcessTable();
  const deadlineMs = performance.now() + WAIT_MAX_MS;
  for (;;) {
    const left = table
      .pids()
      .filter((pid) => pid !== process.pid && table.name(pid)?.startsWith("git") === true)
      .filter((pid) => isInside(table.cwd(pid), dir) || isMaking(table.argv(pid), dir));
    if (left.length === 0) return;
    if (performance.now() > deadlineMs)
      throw new CoordinatorError("TRY_AGAIN", `git (process ${left[0]}) still works in ${dir}`);
    for (const pid of left) kill(pid);
    await delay(POLL_MS);
  }
}

function isMaking(argv: readonly string[], dir: string): boolean {
  return argv.includes("worktree") && argv.includes("add") && argv.includes(dir);
}

function isInside(path: string | undefined, dir: string): boolean {
  return path !== undefined && (path === dir || path.startsWith(`${dir}/`));
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if (systemErrorCode(error) !== "ESRCH") throw error;
  }
}
