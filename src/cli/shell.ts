import { spawnSync } from "node:child_process";
import { CoordinatorError } from "../base/errors.ts";

/** Interrupts are meant for the shell; when the terminal goes away, so does the shell, and what follows it is still to be done. */
const SIGNALS = ["SIGINT", "SIGQUIT", "SIGTERM", "SIGHUP"] as const;

const LATE_SIGNAL_MS = 200;

/**
 * Opens the user's shell in `dir` (absolute), in this terminal, and returns when it ends.
 *
 * @throws CoordinatorError `USAGE` where it cannot be started
 */
export function openShell(dir: string, environment: NodeJS.ProcessEnv): void {
  const shell = environment.SHELL || "/bin/sh";
  const ignore = (): void => undefined;
  for (const signal of SIGNALS) process.on(signal, ignore);
  try {
    const { error } = spawnSync(shell, [], { cwd: dir, env: environment, stdio: "inherit" });
    if (error !== undefined)
      throw new CoordinatorError("USAGE", `cannot start ${shell}: ${error.message}; set SHELL`, { cause: error });
  } finally {
    // One that came just before the shell ended may be on its way to us still.
    setTimeout(() => {
      for (const signal of SIGNALS) process.off(signal, ignore);
    }, LATE_SIGNAL_MS).unref();
  }
}
