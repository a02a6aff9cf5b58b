import { spawn } from "node:child_process";

export interface ProgramOptions {
  /** The whole environment: nothing of ours is inherited. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Given on standard input, which is empty otherwise. */
  readonly input?: string;
  /** Then it is killed. */
  readonly timeMs: number;
  /** Of both outputs together; a program that prints more is killed. */
  readonly outputBytes: number;
  /** Kills it. */
  readonly signal?: AbortSignal;
  /** Its end counts although a process that it has started still holds its outputs: a moment later what was printed by then is the answer. */
  readonly leavesProcesses?: boolean;
  /** Is handed standard output piece by piece, which then is not in the result. */
  readonly onStdout?: (chunk: Buffer) => void;
}

/** Why a program has no exit status. */
export type ProgramFault = "not started" | "killed" | "out of time" | "too much output" | "aborted";

export interface ProgramEnd {
  readonly stdout: string;
  readonly stderr: string;
  /** `undefined` where there is a fault. */
  readonly status: number | undefined;
  readonly fault: ProgramFault | undefined;
  /** How it ended, for a message: "exit code 2", "<path> was killed by SIGSEGV". */
  readonly message: string;
}

/** From the end of a program: what it has printed lies in the pipe by then. */
const REST_OF_OUTPUT_MS = 200;

/**
 * Runs a program to its end, for its exit status and its output. What lives longer than one answer is started by `spawn` where it
 * is followed. Never rejects, and a program that cannot be killed (it hangs in the file system) is not waited for.
 */
export function runProgram(path: string, args: readonly string[], options: ProgramOptions): Promise<ProgramEnd> {
  const { env, cwd, input = "", timeMs, outputBytes, signal, onStdout, leavesProcesses = false } = options;
  return new Promise((resolve) => {
    const outputs = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
    let bytes = 0;
    let isOver = false;
    const child = spawn(path, args, { env: { ...env }, ...(cwd === undefined ? {} : { cwd }) });
    const finish = (status: number | undefined, fault: ProgramFault | undefined, message: string): void => {
      if (isOver) return;
      isOver = true;
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
      const [stdout, stderr] = [outputs.stdout, outputs.stderr].map((chunks) => Buffer.concat(chunks).toString());
      resolve({ stdout: stdout ?? "", stderr: stderr ?? "", status, fault, message });
    };
    const cutOff = (fault: ProgramFault, message: string): void => {
      finish(undefined, fault, `${path} ${message}`);
      child.kill("SIGKILL");
      child.stdout?.destroy();
      child.stderr?.destroy();
      child.unref();
    };
    const onAbort = (): void => cutOff("aborted", "was stopped");
    const timer = setTimeout(() => cutOff("out of time", `gave no answer for ${timeMs} ms`), timeMs);
    const take = (chunk: Buffer, keep: (chunk: Buffer) => void): void => {
      if (isOver) return;
      bytes += chunk.length;
      keep(chunk);
      if (bytes > outputBytes) cutOff("too much output", `printed more than ${outputBytes} bytes`);
    };
    signal?.addEventListener("abort", onAbort, { once: true });
    child.on("error", ({ message }) => finish(undefined, "not started", message));
    const end = (status: number | null, killedBy: NodeJS.Signals | null): void =>
      status === null
        ? finish(undefined, "killed", `${path} was killed by ${killedBy}`)
        : finish(status, undefined, `exit code ${status}`);
    child.on("close", end);
    if (leavesProcesses)
      child.on("exit", (status, killedBy) => {
        setTimeout(() => {
          end(status, killedBy);
          child.stdout?.destroy();
          child.stderr?.destroy();
        }, REST_OF_OUTPUT_MS).unref();
      });
    // Where the process has no file descriptors left there are no pipes, although the types promise them (Node 24.21); "error" follows.
    child.stdin?.on("error", () => undefined); // It ended before it had read all; its status tells.
    child.stdin?.end(input);
    child.stdout?.on("data", (chunk: Buffer) => take(chunk, onStdout ?? ((kept) => outputs.stdout.push(kept))));
    child.stderr?.on("data", (chunk: Buffer) => take(chunk, (kept) => outputs.stderr.push(kept)));
    if (signal?.aborted === true) onAbort();
  });
}
