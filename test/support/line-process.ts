import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "./test-end.ts";

/** A child process that answers each line on its stdin with one line. Killed when the test is finished. */
export interface LineProcess {
  readonly pid: number;
  /** Sends `line` and returns the answer. @throws Error if the process ends without one */
  ask(line: string): Promise<string>;
  /** What it has written to stderr until now. */
  stderr(): string;
  /** Closes stdin, upon which the process ends by itself. */
  end(): Promise<ProcessEnd>;
  kill(signal?: NodeJS.Signals): Promise<ProcessEnd>;
  /** Resolves when the process is gone. */
  readonly ended: Promise<ProcessEnd>;
}

export interface ProcessEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface LineProcessOptions {
  readonly args?: readonly string[];
  /** Added to the environment of the tests. */
  readonly environment?: Readonly<Record<string, string>>;
  /** No file can grow beyond this: a write across it stops short, and the next one fails, as on a full disk. */
  readonly fileSizeMaxKb?: number;
  /** A command that starts it, as `unshare` does. */
  readonly wrap?: readonly string[];
}

/** Starts `script` (a TypeScript file in this folder) with the Node that runs the tests. */
export function startLineProcess(script: string, options: LineProcessOptions = {}): LineProcess {
  const path = fileURLToPath(new URL(script, import.meta.url));
  const { args = [], environment = {}, fileSizeMaxKb = "unlimited", wrap = [] } = options;
  const command = [...wrap, process.execPath, path, ...args];
  const child = spawn("bash", ["-c", `ulimit -f ${fileSizeMaxKb}; exec "$0" "$@"`, ...command], {
    env: { ...process.env, ...environment },
    stdio: "pipe",
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
    stderr += chunk;
  });
  const ended = endOf(child);
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  child.stdin.on("error", () => undefined); // Written to after its end: `ask` says so.
  return {
    pid: child.pid ?? Number.NaN,
    async ask(line) {
      child.stdin.write(`${line}\n`);
      const answer = await lines.next();
      if (answer.done !== true) return answer.value;
      const { code, signal } = await ended;
      throw new Error(`${script} ended (code ${code}, signal ${signal}) instead of answering "${line}": ${stderr}`);
    },
    stderr: () => stderr,
    end() {
      child.stdin.end();
      return ended;
    },
    kill(signal = "SIGKILL") {
      child.kill(signal);
      return ended;
    },
    ended,
  };
}

async function endOf(child: ChildProcess): Promise<ProcessEnd> {
  await once(child, "close");
  return { code: child.exitCode, signal: child.signalCode };
}
