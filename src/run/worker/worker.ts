import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { CoordinatorError } from "../../base/errors.ts";
import { runPaths } from "./run-directory.ts";

const SHIM_PATH = join(import.meta.dirname, "shim.sh");

/** What a worker runs. */
export interface WorkerSpec {
  /** Prepared: prompt, events and stderr files are there. */
  readonly runDir: string;
  readonly command: readonly string[];
  readonly workdir: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Takes the command's standard output in place of the run's events. */
  readonly outputName?: string;
}

/**
 * Starts the worker of one run in a session of its own: it outlives us, and a Ctrl-C in our terminal does not reach it. Its
 * output goes to files, so nothing of the run passes through this process. Returns its process id; `onExit` is called when it
 * has ended, if we still live then.
 *
 * @throws CoordinatorError `CODEX` if no process could be made
 */
export function startWorker(
  { runDir, command, workdir, environment, outputName }: WorkerSpec,
  onExit: () => void,
): number {
  const stderr = openSync(runPaths(runDir).stderr, "a", 0o600); // Where the shell says that it cannot run the command.
  try {
    const child = spawn(
      "/bin/sh",
      [SHIM_PATH, runDir, ...(outputName === undefined ? [] : [outputName]), "--", ...command],
      {
        detached: true,
        stdio: ["ignore", "ignore", stderr],
        cwd: workdir,
        env: environment,
      },
    );
    child.once("error", () => undefined); // Told below, by the missing process id.
    child.once("exit", onExit);
    child.unref();
    if (child.pid === undefined)
      throw new CoordinatorError("CODEX", `cannot start a worker for ${runDir} in ${workdir}`);
    return child.pid;
  } finally {
    closeSync(stderr); // The child holds its own copy.
  }
}
