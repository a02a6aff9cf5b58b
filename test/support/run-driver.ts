import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { DriverReport } from "./commit-driver.ts";

const DRIVER = fileURLToPath(new URL("./commit-driver.ts", import.meta.url));

export interface RunningDriver {
  readonly child: ChildProcess;
  /** Resolves when it has ended: with its report, or with the signal or status that ended it and what it said. */
  readonly ended: Promise<{ readonly report: DriverReport | undefined; readonly how: string; readonly stderr: string }>;
}

/** Starts a committer in a process of its own. `fault` names the fault point at which it dies. */
export function startDriver(args: readonly string[], fault = ""): RunningDriver {
  const env = { ...process.env, CODEX_INBOX_FAULT: fault };
  const child = spawn(process.execPath, [DRIVER, ...args], { stdio: ["pipe", "pipe", "pipe"], env });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk: Buffer) => {
    stdout += chunk.toString("utf8");
  });
  child.stderr.on("data", (chunk: Buffer) => {
    stderr += chunk.toString("utf8");
  });
  const ended = new Promise<Awaited<RunningDriver["ended"]>>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => {
      const report: DriverReport | undefined = code === 0 ? JSON.parse(stdout) : undefined;
      resolve({ report, how: signal ?? String(code), stderr });
    });
  });
  return { child, ended };
}
