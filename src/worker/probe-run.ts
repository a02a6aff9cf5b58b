import type { RunProbe } from "../task/run.ts";
import { isClaimed, isWorkerAlive, readClaim } from "./claim.ts";
import { readExitRecord } from "./exit-record.ts";
import { findRunProcesses, type MarkedRun, type RunProcesses } from "./run-processes.ts";

/**
 * Looks at a run from outside, as a coordinator must that did not start it. An exit record is the last word: what the agent
 * left running on purpose does not make the run alive. Without one, any process with the run's marker does.
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
  const pids = [...found.workers, ...found.commands, ...found.others];
  // The worker may have ended between the two looks, and the record is the last thing it writes.
  const lateRecord = readExitRecord(runDir);
  if (lateRecord !== undefined) return { kind: "ended", exitCode: lateRecord.exitCode };
  if (pids.length > 0 && !(isAbandoned(found) && saysItsEnd(runDir))) return { kind: "alive", pids };
  if (!isClaimed(runDir)) return { kind: "unclaimed" };
  return saysItsEnd(runDir) ? { kind: "ended", exitCode: undefined } : { kind: "vanished" };
}

/** The worker was killed, and so was its command or it ended without it; only what that left behind is still there. */
function isAbandoned({ workers, commands }: RunProcesses): boolean {
  return workers.length === 0 && commands.length === 0;
}
