import { type ChildProcess, spawn } from "node:child_process";
import { Socket } from "node:net";
import { join } from "node:path";
import { readStartTicks } from "../../../base/process/process-identity.ts";
import { runPaths } from "../run-directory.ts";
import { startWorker, type WorkerSpec, workerCommand } from "../worker.ts";
import { startRequest, waitRequest } from "./request.ts";

const LAUNCHER_PATH = join(import.meta.dirname, "launcher.sh");
/** A launcher that has not answered by then never will: it is ended. */
const ANSWER_MS = 5_000;
/** How long a worker that has ended may stay a zombie when nothing else is to be said to the launcher. */
const REAP_MS = 100;
/** Launchers that end without having started anything; after them workers are started without one. */
const USELESS_MAX = 3;

/** Starts the workers of one coordinator. */
export interface Launcher {
  /** Makes ready for the starts to come, without waiting. */
  open(): void;
  /**
   * Starts a worker as `startWorker` does, which is what it falls back on.
   *
   * @param onExit called once when the worker says that it has ended. One that was killed says nothing.
   * @returns to be called when the worker was found gone without a word
   * @throws CoordinatorError `CODEX` if no process could be made
   */
  start(spec: WorkerSpec, onExit: () => void): Promise<() => void>;
  /** What was started goes on. */
  close(): void;
}

/** Starts each worker itself. */
export const directLauncher: Launcher = {
  open: () => undefined,
  async start(spec, onExit) {
    await startWorker(spec, onExit);
    return () => undefined;
  },
  close: () => undefined,
};

/**
 * Lets a small shell start the workers: a process that holds much memory forks slowly, and slows down for a while after, since every
 * page that it writes is copied first. A run for which no shell is ready is started here, and a shell for those after it.
 *
 * @param program of the shell; tests name others than the system's own
 */
export function createLauncher(program = "/bin/sh"): Launcher {
  let shell: LauncherShell | undefined;
  let useless = 0;
  let isClosed = false;

  const open = (): void => {
    if (shell !== undefined || isClosed || useless >= USELESS_MAX) return;
    try {
      const opened = openShell(program, (wasUseless) => {
        useless = wasUseless ? useless + 1 : 0;
        if (shell === opened) shell = undefined;
      });
      shell = opened;
    } catch {
      shell = undefined; // No memory for another process: the start that follows tells, or the next one tries again.
    }
  };

  return {
    open,
    start(spec, onExit) {
      const request = isClosed || shell?.isReady() !== true ? undefined : requestFor(spec);
      if (shell !== undefined && request !== undefined) return shell.start(request, spec, onExit);
      open();
      return directLauncher.start(spec, onExit);
    },
    close() {
      isClosed = true;
      shell?.close();
    },
  };
}

interface LauncherShell {
  isReady(): boolean;
  start(request: string, spec: WorkerSpec, onExit: () => void): Promise<() => void>;
  close(): void;
}

interface Asked {
  /** @param pid `undefined`: there is none, or it is not known */
  answer(pid: number | undefined): void;
}

/** @param onGone told once when it has ended, and whether it was there in vain */
function openShell(program: string, onGone: (wasUseless: boolean) => void): LauncherShell {
  const child = spawn(program, ["-s", LAUNCHER_PATH], {
    cwd: "/",
    detached: true,
    env: { PATH: process.env.PATH ?? "" },
    stdio: ["pipe", "ignore", "ignore", "pipe"],
  });
  const [input, words] = [socketOf(child, 0), socketOf(child, 3)];
  /** By number: starts without an answer. */
  const asked = new Map<number, Asked>();
  /** By process id: what is to be done when the worker has ended; `undefined` where it was faster than the word that it was started. */
  const running = new Map<number, (() => void) | undefined>();
  let ended: number[] = [];
  let reapTimer: NodeJS.Timeout | undefined;
  let number = 0;
  let isReady = false;
  let hasStarted = false;
  let isGone = false;
  let partial = "";

  const write = (text: string): void => {
    if (!isGone) input?.write(text);
  };
  const flushEnded = (): string => {
    clearTimeout(reapTimer);
    reapTimer = undefined;
    const text = ended.length === 0 ? "" : waitRequest(ended);
    ended = [];
    return text;
  };
  /** Soon, and not at once: it says so before it has ended, and the shell would stand still until then. */
  const reap = (pid: number): void => {
    ended.push(pid);
    reapTimer ??= setTimeout(() => write(flushEnded()), REAP_MS).unref();
  };
  const finish = (pid: number): void => {
    const onExit = running.get(pid);
    running.delete(pid);
    reap(pid);
    onExit?.();
  };
  const take = (line: string): void => {
    const [word, first, second] = line.split(" ");
    if (word === "ready") isReady = true;
    else if (word === "started") asked.get(Number(first))?.answer(Number(second));
    else if (word === "failed") asked.get(Number(first))?.answer(undefined);
    else if (word === "ended" && running.has(Number(first))) finish(Number(first));
    else if (word === "ended") running.set(Number(first), undefined);
  };
  const goAway = (): void => {
    if (isGone) return;
    isGone = true;
    isReady = false;
    clearTimeout(reapTimer);
    onGone(child.pid !== undefined && !hasStarted);
    for (const { answer } of asked.values()) answer(undefined);
  };

  words?.setEncoding("utf8");
  words?.on("data", (text: string) => {
    const lines = (partial + text).split("\n");
    partial = lines.pop() ?? "";
    for (const line of lines) take(line);
  });
  for (const socket of [input, words]) socket?.on("error", () => undefined).unref(); // Its end tells.
  // Its workers hold the other end of `words` and go on speaking there.
  child.once("error", goAway).once("exit", goAway).unref();
  write(`. "$1"\n`);

  return {
    isReady: () => isReady,
    start(request, spec, onExit) {
      number += 1;
      const id = number;
      const answered = new Promise<number | undefined>((resolve) => {
        const timer = setTimeout(() => child.kill("SIGKILL"), ANSWER_MS);
        const answer = (pid: number | undefined): void => {
          clearTimeout(timer);
          asked.delete(id);
          if (pid !== undefined) begin(pid);
          resolve(pid);
        };
        asked.set(id, { answer });
      });
      const begin = (pid: number): void => {
        hasStarted = true;
        const isOver = running.has(pid);
        running.set(pid, onExit);
        if (isOver) finish(pid);
      };
      write(`start ${id} ${request}\n${flushEnded()}`);
      return answered.then((pid) => {
        // Also where it may have started one: the claim lets only one of them run.
        if (pid === undefined) return directLauncher.start(spec, onExit);
        return () => {
          // It may still be about to end: then it will say so.
          if (running.has(pid) && readStartTicks(pid) === undefined) {
            running.delete(pid);
            reap(pid);
          }
        };
      });
    },
    close() {
      isReady = false;
      write(flushEnded());
      input?.end();
    },
  };
}

function requestFor(spec: WorkerSpec): string | undefined {
  return startRequest(spec.workdir, runPaths(spec.runDir).stderr, spec.environment, workerCommand(spec));
}

function socketOf(child: ChildProcess, descriptor: number): Socket | undefined {
  const stream = child.stdio?.[descriptor]; // None where no process could be made.
  return stream instanceof Socket ? stream : undefined;
}
