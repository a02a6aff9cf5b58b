import type { RunProbe } from "../task/run.ts";
import { isClaimed, isWorkerAlive, readClaim } from "./claim.ts";
import { parseEventLine } from "./events.ts";
import { readExitRecord } from "./exit-record.ts";
import { readTail } from "./file-tail.ts";
import { runPaths } from "./run-directory.ts";
import { findRunProcesses, type MarkedRun } from "./run-processes.ts";

/** The end of a turn is the last or nearly the last line, and short. */
const TAIL_BYTES = 64 * 1024;

/**
 * Looks at a run from outside, as a coordinator must that did not start it. An exit record is the last word: what the agent
 * left running on purpose does not make the run alive. Without one, the worker or the command with the run's marker does; tools that
 * outlived both do not, since nobody waits for them any more.
 */
export function probeRun(run: MarkedRun): RunProbe {
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
  return hasTurnEnded(runDir) ? { kind: "ended", exitCode: undefined } : { kind: "vanished" };
}

function hasTurnEnded(runDir: string): boolean {
  const tail = readTail(runPaths(runDir).events, TAIL_BYTES);
  return tail
    .slice(0, tail.lastIndexOf("\n") + 1)
    .split("\n")
    .some((line) => {
      const { type } = parseEventLine(line);
      return type === "turn.completed" || type === "turn.failed";
    });
}
