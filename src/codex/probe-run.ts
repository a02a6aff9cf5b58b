import type { RunProbe } from "../task/run.ts";
import { isClaimed, isWorkerAlive, readClaim } from "./claim.ts";
import { parseEventLine } from "./events.ts";
import { readExitRecord } from "./exit-record.ts";
import { readTail } from "./file-tail.ts";
import { runPaths } from "./run-directory.ts";
import { findRunProcesses, type MarkedRun, type RunProcesses } from "./run-processes.ts";

/** The end of a turn is the last or nearly the last line, and short. */
const TAIL_BYTES = 64 * 1024;

/**
 * Looks at a run from outside, as a coordinator must that did not start it. An exit record is the last word: what the agent
 * left running on purpose does not make the run alive. Without one, any process with the run's marker does.
 */
export function probeRun(run: MarkedRun): RunProbe {
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
  if (pids.length > 0 && !isOver(runDir, found)) return { kind: "alive", pids };
  if (!isClaimed(runDir)) return { kind: "unclaimed" };
  return hasTurnEnded(runDir) ? { kind: "ended", exitCode: undefined } : { kind: "vanished" };
}

/** The worker was killed and codex ended its turn without it; only what the agent left behind is still there. */
function isOver(runDir: string, { workers, commands }: RunProcesses): boolean {
  return workers.length === 0 && commands.length === 0 && hasTurnEnded(runDir);
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
