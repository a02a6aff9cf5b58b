import { type MarkedRun, readRunCommand } from "../run-directory.ts";
import { findMarked, type MarkedProcess } from "./marker-scan.ts";

/** The living processes of a run. */
export interface RunProcesses {
  readonly workers: readonly number[];
  /** The command of the run itself; several only where a wrapper stays as the parent of the real one, outermost first. */
  readonly commands: readonly number[];
  /** What the command started. */
  readonly others: readonly number[];
}

/** Looks at the process table and tells the processes of `run` apart by their command lines, as they are known from command.json: without that, all but workers count as commands. */
export function findRunProcesses({ runDir, marker }: MarkedRun): RunProcesses {
  const found = findMarked(marker);
  const expected = found.length === 0 ? undefined : readRunCommand(runDir)?.command.slice(1);
  const workers = found.filter(isWorker).map(({ pid }) => pid);
  const commands: MarkedProcess[] = [];
  const others: number[] = [];
  for (const marked of found) {
    if (workers.includes(marked.pid)) continue;
    // A shell becomes the last command it runs; whatever it is by then, a worker has no other child.
    const isChild = workers.includes(marked.parentPid);
    if (isChild || expected === undefined || isCommand(marked, expected)) commands.push(marked);
    else others.push(marked.pid);
  }
  return { workers, commands: outermostFirst(commands), others };
}

/**
 * `/bin/sh …/shim.sh <runDir> [<output>] -- …`, and the copies of it that are about to become something else. For a moment what the
 * launcher runs it by stands before it: `env --default-signal=… setsid`.
 */
function isWorker({ commandLine }: MarkedProcess): boolean {
  const at = commandLine.findIndex((word) => word.endsWith("/shim.sh"));
  return at >= 1 && at <= 4 && commandLine.slice(at + 2, at + 4).includes("--");
}

/**
 * A script's command line starts with its interpreter, so only the end can be compared. One that is empty belongs to a process in the
 * middle of an exec, which may be the command as well as anything else.
 */
function isCommand({ commandLine }: MarkedProcess, expected: readonly string[]): boolean {
  if (commandLine.length === 0) return true;
  const offset = commandLine.length - expected.length;
  return (
    offset > 0 && expected.length > 0 && expected.every((argument, index) => commandLine[offset + index] === argument)
  );
}

function outermostFirst(processes: readonly MarkedProcess[]): readonly number[] {
  const pids = new Set(processes.map(({ pid }) => pid));
  const [outer, inner] = [
    processes.filter((one) => !pids.has(one.parentPid)),
    processes.filter((one) => pids.has(one.parentPid)),
  ];
  return [...outer, ...inner].map(({ pid }) => pid);
}
