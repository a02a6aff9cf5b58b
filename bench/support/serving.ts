import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, renameSync, watch, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Drop } from "./drops.ts";
import { forgetPeak, type Memory, memory, type ProcessorTime, processorTime } from "./process-figures.ts";
import { followLog, type ServingLog } from "./serving-log.ts";
import { benchEnvironment, ENTRY, NODE_ARGS } from "./workspace.ts";

/** A coordinator at work, in a process of its own. */
export interface Serving extends ServingLog {
  readonly dir: string;
  readonly pid: number;
  /** Of the HTTP interface. */
  readonly url: string;
  /** From the start of the process to the log line that says that it serves. */
  readonly startMs: number;
  /** Puts the tasks into the inbox, each by a rename; returns when the first one was (Unix ms, with fractions). */
  publish(drops: readonly Drop[]): number;
  /** Resolves with the time at which the branch was seen to move, after the next move. */
  nextMove(): Promise<number>;
  /** Asks the HTTP interface and reads the whole answer, which may be a refusal. */
  request(path: string, init?: RequestInit): Promise<Response>;
  memory(): Memory;
  forgetPeak(): void;
  cpu(): ProcessorTime;
  stop(): Promise<void>;
}

export interface ServingOptions {
  /** Beside `benchEnvironment()`. */
  readonly environment?: NodeJS.ProcessEnv;
  /** For node itself. */
  readonly nodeArgs?: readonly string[];
  /** For `serve`. */
  readonly flags?: readonly string[];
}

/** What a coordinator may need to end: a run that is just being started, and the last commit. */
const STOP_TIMEOUT_MS = 30_000;

/** Starts a coordinator for `dir` and waits until it serves. */
export async function startServing(dir: string, options: ServingOptions = {}): Promise<Serving> {
  const { environment = {}, nodeArgs = [], flags = [] } = options;
  const startedMs = clock();
  const command = [...NODE_ARGS, ...nodeArgs, ENTRY, "-C", dir, "serve", "--port", "0", "--max-workers", "4", ...flags];
  const child = spawn(process.execPath, command, {
    env: { ...benchEnvironment(), ...environment },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const log = followLog(child);
  const serving = await log.line("serving", undefined);
  const { pid } = child;
  if (pid === undefined) throw new Error("the coordinator has no process id");
  return {
    dir,
    pid,
    url: serving.fields.url ?? "",
    startMs: serving.atMs - startedMs,
    publish: (drops) => publish(dir, drops),
    ...log,
    nextMove: () => nextMove(dir),
    async request(path, init) {
      const response = await fetch(`${serving.fields.url}${path}`, {
        ...init,
        headers: { ...authorization(dir), ...init?.headers },
      });
      await response.arrayBuffer();
      return response;
    },
    memory: () => memory(pid),
    forgetPeak: () => forgetPeak(pid),
    cpu: () => processorTime(pid),
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, "exit");
      child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), STOP_TIMEOUT_MS);
      await ended;
      clearTimeout(timer);
    },
  };
}

/** Unix ms, with fractions. */
export function clock(): number {
  return performance.timeOrigin + performance.now();
}

/** The texts are written elsewhere first, so that nothing but renames stands between the first task and the last. */
function publish(dir: string, drops: readonly Drop[]): number {
  const drafts = join(dir, ".git", "bench-drafts");
  mkdirSync(drafts, { recursive: true });
  for (const { id, text } of drops) writeFileSync(join(drafts, id), text);
  const atMs = clock();
  for (const { id } of drops) renameSync(join(drafts, id), join(dir, "inbox", `${id}.md`));
  return atMs;
}

function nextMove(dir: string): Promise<number> {
  const watcher = watch(join(dir, ".git/refs/heads"));
  return new Promise((resolve) => {
    watcher.on("change", (_event, name) => {
      if (name !== "main") return;
      resolve(clock());
      watcher.close();
    });
  });
}

/** The header that the coordinator of the workspace `dir` asks for, where it asks for one. */
export function authorization(dir: string): Readonly<Record<string, string>> {
  const { token } = JSON.parse(readFileSync(join(dir, ".git/codex-inbox/server.json"), "utf8")) as { token?: string };
  return token === undefined ? {} : { authorization: `Bearer ${token}` };
}
