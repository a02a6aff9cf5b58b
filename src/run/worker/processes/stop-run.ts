import { setTimeout as delay } from "node:timers/promises";
import { CoordinatorError, systemErrorCode } from "../../../base/errors.ts";
import { isWorkerAlive, readClaim, sealRun } from "../claim.ts";
import { readExitRecord } from "../exit-record.ts";
import { type MarkedRun, type RunKind, readRunCommand } from "../run-directory.ts";
import { findRunProcesses } from "./run-processes.ts";

const POLL_MS = 15;
/** How long a worker has to write the exit record once its command is gone. */
const RECORD_WAIT_MS = 2_000;
/** How long processes may take to be gone after SIGKILL; one in an uninterruptible wait can take for ever. */
const SWEEP_WAIT_MS = 5_000;

/**
 * Ends a run and everything that carries its marker, whoever started it; a run that was never claimed is sealed instead.
 *
 * SIGINT goes to codex alone, which then ends its tools and notes the interruption in the thread; its tools are in sessions of
 * their own, so no signal to a group would reach them. Of a verify command every process gets SIGTERM: a shell waits for what it
 * runs, and hears of no signal until that has ended. SIGKILL follows after `graceMs`, and then for whatever is left.
 *
 * @throws CoordinatorError `TRY_AGAIN` if a process is still there seconds after SIGKILL
 */
export async function stopRun(run: MarkedRun, graceMs: number): Promise<void> {
  if (!sealRun(run.runDir)) {
    const kind = readRunCommand(run.runDir)?.kind ?? "agent";
    await ask(run, graceMs, kind);
    await killCommand(run, kind);
  }
  await sweep(run);
}

/** For a run that has ended: what of it does not end even so is ended at the next start. */
export function leaveToReaper(error: unknown): void {
  if (!(error instanceof CoordinatorError)) throw error;
}

/**
 * Sends the signal as soon as there is somebody to send it to, and waits for the end. Once: what is started after that may well be
 * there to tidy up.
 */
async function ask(run: MarkedRun, graceMs: number, kind: RunKind): Promise<void> {
  const deadlineMs = performance.now() + graceMs;
  let asked = false;
  while (!hasEnded(run)) {
    if (!asked) {
      const { commands, others } = findRunProcesses(run); // Between claim and exec there are none yet.
      const pids = kind === "verify" ? [...commands, ...others] : commands.slice(0, 1);
      for (const pid of pids) asked = send(pid, kind === "verify" ? "SIGTERM" : "SIGINT") || asked;
    }
    if (performance.now() >= deadlineMs) return;
    await delay(POLL_MS);
  }
}

/** Kills what the worker waits for, and lets it record that. */
async function killCommand(run: MarkedRun, kind: RunKind): Promise<void> {
  const deadlineMs = performance.now() + RECORD_WAIT_MS;
  while (!hasEnded(run) && performance.now() < deadlineMs) {
    const pids = kind === "verify" ? processesOf(run) : findRunProcesses(run).commands;
    for (const pid of pids) send(pid, "SIGKILL");
    await delay(POLL_MS);
  }
}

/** All but the worker. */
function processesOf(run: MarkedRun): readonly number[] {
  const { commands, others } = findRunProcesses(run);
  return [...commands, ...others];
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
function send(pid: number, signal: "SIGINT" | "SIGTERM" | "SIGKILL"): boolean {
  try {
    return process.kill(pid, signal);
  } catch (error) {
    if (systemErrorCode(error) === "ESRCH") return false;
    throw error;
  }
}
