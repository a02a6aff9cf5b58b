import type { RunProbe } from "../../../task/state/run.ts";
import { isClaimed, isWorkerAlive, readClaim } from "../claim.ts";
import { readExitRecord } from "../exit-record.ts";
import type { MarkedRun } from "../run-directory.ts";
import { findRunProcesses } from "./run-processes.ts";

/**
 * Looks at a run from outside, as a coordinator must that did not start it. An exit record is the last word: what the agent
 * left running on purpose does not make the run alive. Without one, the worker or the command with the run's marker does; tools that
 * outlived both do not, since nobody waits for them any more.
 *
 * @param saysItsEnd tells, for a run without a record, whether its output says that its command came to its end
 */
export function probeRun(run: MarkedRun, saysItsEnd: (runDir: string) => boolean = () => false): RunProbe {
  const { runDir } = run;
  const record = readExitRecord(runDir);
  if (record !== undefined) return { kind: "ended", exitCode: record.exitCode };
  const claim = readClaim(runDir);
  if (claim?.kind === "worker" && isWorkerAlive(claim)) return { kind: "alive", pids: [claim.process.pid] };
  const found = findRunProcesses(run);
  const isAlive = found.workers.length > 0 || found.commands.length > 0;
  // The worker may have ended between the two looks, and the record is the last thing it writes.
  const lateRecord = readExitRecord(runDir);
  if (lateRecord !== undefined) return { kind: "ended", exitCode: lateRecord.exitCode };
  if (isAlive) return { kind: "alive", pids: [...found.workers, ...found.commands, ...found.others] };
  if (!isClaimed(runDir)) return { kind: "unclaimed" };
  return saysItsEnd(runDir) ? { kind: "ended", exitCode: undefined } : { kind: "vanished" };
}
