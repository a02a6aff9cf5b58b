import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { CoordinatorError } from "../../base/errors.ts";
import type { RunProbe } from "../../task/state/run.ts";
import { sealRun } from "./claim.ts";
import { runPaths } from "./run-directory.ts";

const SHIM_PATH = join(import.meta.dirname, "shim.sh");
/** A worker claims its run within milliseconds; one that has not by now died before it could. */
const CLAIM_WAIT_MS = 5_000;
/** Between two looks at a run; ever longer where another coordinator started it. */
const LOOK_FIRST_MS = 50;
const LOOK_MAX_MS = 500;

/** What a worker runs. */
export interface WorkerSpec {
  /** Prepared: prompt.md is there. */
  readonly runDir: string;
  readonly command: readonly string[];
  readonly workdir: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Takes the command's standard output in place of the run's events. */
  readonly outputName?: string;
}

/** A worker that is watched. */
export interface WorkerWatch {
  /** Resolves when nobody runs the command any more, and nobody will. */
  readonly ended: Promise<void>;
  readonly isOurs: boolean;
  /** Looks now. */
  look(): void;
  /** The worker that we started has ended. */
  onExit(): void;
  detach(): void;
}

/**
 * Starts the worker of one run in a session of its own: it outlives us, and a Ctrl-C in our terminal does not reach it. Its
 * output goes to files, so nothing of the run passes through this process.
 *
 * @param onExit called once when the worker has ended, if we still live then
 * @throws CoordinatorError `CODEX` if no process could be made, with the cause
 */
export async function startWorker(spec: WorkerSpec, onExit: () => void): Promise<void> {
  const stderr = openSync(runPaths(spec.runDir).stderr, "a", 0o600); // Where the shell says that it cannot run the command.
  try {
    const [shell, ...words] = workerCommand(spec);
    const child = spawn(shell, words, {
      detached: true,
      stdio: ["ignore", "ignore", stderr],
      cwd: spec.workdir,
      env: spec.environment,
    });
    const failed = new Promise<Error>((resolve) => child.once("error", resolve));
    child.once("exit", onExit);
    child.unref();
    if (child.pid !== undefined) return;
    const cause = await failed;
    throw new CoordinatorError("CODEX", `cannot start a worker for ${spec.runDir} in ${spec.workdir}`, { cause });
  } finally {
    closeSync(stderr); // The child holds its own copy.
  }
}

/** Returns the command line of a worker. */
export function workerCommand({ runDir, command, outputName }: WorkerSpec): readonly [string, ...string[]] {
  return ["/bin/sh", SHIM_PATH, runDir, ...(outputName === undefined ? [] : [outputName]), "--", ...command];
}

/**
 * Watches the worker of a run until nobody runs its command any more. One that we started tells of its own end, unless it is killed:
 * so all are looked at again and again.
 *
 * @param probe looks at the run's files and processes
 */
export function watchWorker(runDir: string, probe: () => RunProbe, isOurs: boolean): WorkerWatch {
  const claimDueMs = performance.now() + CLAIM_WAIT_MS;
  let delayMs = isOurs ? LOOK_MAX_MS : LOOK_FIRST_MS;
  let hasExited = false;
  let isOver = false;
  let timer: NodeJS.Timeout | undefined;
  let resolve: () => void = () => undefined;
  const ended = new Promise<void>((done) => {
    resolve = done;
  });

  const isGone = (): boolean => {
    try {
      const { kind } = probe();
      if (kind !== "unclaimed") return kind !== "alive";
      return (hasExited || performance.now() >= claimDueMs) && sealRun(runDir);
    } catch {
      return false; // No file descriptors left, a disk that does not answer: looked at again.
    }
  };
  const look = (): void => {
    clearTimeout(timer);
    if (isOver) return;
    if (isGone()) {
      isOver = true;
      resolve();
      return;
    }
    timer = setTimeout(look, delayMs).unref();
    delayMs = Math.min(delayMs * 1.5, LOOK_MAX_MS);
  };
  if (isOurs) timer = setTimeout(look, delayMs).unref();
  else queueMicrotask(look);

  return {
    ended,
    isOurs,
    look,
    onExit() {
      hasExited = true;
      delayMs = LOOK_FIRST_MS; // It may have left a command that goes on, or another worker that was first.
      look();
    },
    detach() {
      isOver = true;
      clearTimeout(timer);
    },
  };
}
