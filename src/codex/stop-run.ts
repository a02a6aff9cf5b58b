import { setTimeout as delay } from "node:timers/promises";
import { CoordinatorError, systemErrorCode } from "../base/errors.ts";
import { isWorkerAlive, readClaim, sealRun } from "./claim.ts";
import { readExitRecord } from "./exit-record.ts";
import { findRunProcesses, type MarkedRun } from "./run-processes.ts";

const POLL_MS = 15;
/** How long a worker has to write the exit record once its command is gone. */
const RECORD_WAIT_MS = 2_000;
/** How long processes may take to be gone after SIGKILL; one in an uninterruptible wait can take for ever. */
const SWEEP_WAIT_MS = 5_000;

/**
 * Ends a run and everything that carries its marker, whoever started it; a run that was never claimed is sealed instead.
 * SIGINT goes to codex alone, which then ends its tools and notes the interruption in the thread; its tools are in sessions of
 * their own, so no signal to a group would reach them. SIGKILL follows after `graceMs`, and then for whatever is left.
 *
 * @throws CoordinatorError `TRY_AGAIN` if a process is still there seconds after SIGKILL
 */
export async function stopRun(run: MarkedRun, graceMs: number): Promise<void> {
  if (!sealRun(run.runDir)) {
    await interrupt(run, graceMs);
    await killCommand(run);
  }
  await sweep(run);
}

/** Sends SIGINT to codex as soon as it is there, and waits for its end. */
async function interrupt(run: MarkedRun, graceMs: number): Promise<void> {
  const deadlineMs = performance.now() + graceMs;
  let interrupted = false;
  while (!hasEnded(run)) {
    if (!interrupted) {
      const [command] = findRunProcesses(run).commands; // Between claim and exec there is none yet.
      interrupted = command !== undefined && send(command, "SIGINT");
    }
    if (performance.now() >= deadlineMs) return;
    await delay(POLL_MS);
  }
}

/** Kills codex and lets the worker record it. */
async function killCommand(run: MarkedRun): Promise<void> {
  const deadlineMs = performance.now() + RECORD_WAIT_MS;
  while (!hasEnded(run) && performance.now() < deadlineMs) {
    for (const command of findRunProcesses(run).commands) send(command, "SIGKILL");
    await delay(POLL_MS);
  }
}

/** Kills until two looks in a row find nothing with the marker: a process may have started another one since the last look. */
async function sweep(run: MarkedRun): Promise<void> {
  const deadlineMs = performance.now() + SWEEP_WAIT_MS;
  for (let quietLooks = 0; ; ) {
    const { workers, commands, others } = findRunProcesses(run);
    const pids = [...commands, ...others, ...workers];
    quietLooks = pids.length === 0 ? quietLooks + 1 : 0;
    if (quietLooks === 2) return;
    if (pids.length > 0 && performance.now() >= deadlineMs) {
      throw new CoordinatorError(
        "TRY_AGAIN",
        `processes ${pids.join(", ")} of ${run.marker} do not end, not even by SIGKILL`,
      );
    }
    for (const pid of pids) send(pid, "SIGKILL");
    await delay(POLL_MS);
  }
}

/** The exit is on record, or there is nobody left who could record it. */
function hasEnded({ runDir, marker }: MarkedRun): boolean {
  if (readExitRecord(runDir) !== undefined) return true;
  if (isWorkerAlive(readClaim(runDir))) return false;
  const { workers, commands } = findRunProcesses({ runDir, marker });
  return workers.length === 0 && commands.length === 0;
}

/** Returns whether the process was there. */
function send(pid: number, signal: "SIGINT" | "SIGKILL"): boolean {
  try {
    return process.kill(pid, signal);
  } catch (error) {
    if (systemErrorCode(error) === "ESRCH") return false;
    throw error;
  }
}
