import { setTimeout as delay } from "node:timers/promises";
import { systemErrorCode } from "../../../base/errors.ts";
import { findMarkers, MARKER_VARIABLE } from "./marker-scan.ts";

const POLL_MS = 15;
/** A process in an uninterruptible wait may take for ever; it is named, and the start goes on. */
const WAIT_MAX_MS = 2_000;

/** A process that was ended although its run was over long ago. */
export interface Reaped {
  readonly pid: number;
  readonly task: string;
  readonly run: number;
}

/**
 * Ends every process of this workspace's runs whose run is over: what a crash left behind before it could be ended, and what was
 * not to be found then. Which runs may have processes says `isLive`. Resolves with what was found, when it is gone or was given up.
 */
export async function reapRuns(
  workspaceId: string,
  isLive: (task: string, run: number) => boolean,
): Promise<readonly Reaped[]> {
  const reaped = new Map<number, Reaped>();
  const deadlineMs = performance.now() + WAIT_MAX_MS;
  // Twice without a find: a process may have started another one since the last look.
  for (let quietLooks = 0; quietLooks < 2 && performance.now() < deadlineMs; ) {
    const left = leftovers(workspaceId, isLive);
    for (const one of left) {
      reaped.set(one.pid, one);
      kill(one.pid);
    }
    quietLooks = left.length === 0 ? quietLooks + 1 : 0;
    if (left.length > 0 || reaped.size > 0) await delay(POLL_MS);
  }
  return [...reaped.values()];
}

function leftovers(workspaceId: string, isLive: (task: string, run: number) => boolean): readonly Reaped[] {
  const prefix = `${workspaceId}/`;
  // An agent may have started this very coordinator: then all that we start carries its marker.
  const own = process.env[MARKER_VARIABLE];
  return findMarkers(prefix).flatMap(({ pid, marker }) => {
    const [task = "", run = ""] = marker.slice(prefix.length).split("/");
    return marker === own || isLive(task, Number(run)) ? [] : [{ pid, task, run: Number(run) }];
  });
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if (systemErrorCode(error) !== "ESRCH") throw error;
  }
}
