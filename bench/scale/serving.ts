import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, renameSync, watch, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { benchEnvironment, ENTRY } from "./workspace.ts";

/** One line of the coordinator's log. */
export interface LogLine {
  /** Unix ms. */
  readonly atMs: number;
  readonly event: string;
  readonly fields: Readonly<Record<string, string>>;
}

/** A coordinator at work, in a process of its own. */
export interface Serving {
  readonly dir: string;
  /** From the start of the process to the log line that says that it serves. */
  readonly startMs: number;
  /** Puts a task into the inbox by rename, under its id; returns when that was (Unix ms, with fractions). */
  publish(id: string, text: string): number;
  /** Resolves with the line of this event for the task (any task when `undefined`), also if it came before the call. */
  line(event: string, task: string | undefined): Promise<LogLine>;
  /** All lines since the last call of `forget`. */
  lines(): readonly LogLine[];
  forget(): void;
  /** Resolves with the time at which the branch was seen to move, after the next move. */
  nextMove(): Promise<number>;
  /** Asks the HTTP interface how the coordinator is doing, and waits for the answer. */
  askHealth(): Promise<void>;
  /** Kilobytes, as the system counts them. */
  memory(): { readonly residentKb: number; readonly peakKb: number };
  /** Processor time used up to now, in ms: of the process itself, and of its children that have ended. */
  cpu(): { readonly ownMs: number; readonly childrenMs: number };
  stop(): Promise<void>;
}

/** The kernel's unit in /proc/<pid>/stat (USER_HZ). */
const TICK_MS = 10;
const START_TIMEOUT_MS = 60_000;

/** Starts a coordinator for `dir` and waits until it serves. */
export async function startServing(dir: string): Promise<Serving> {
  const startedMs = clock();
  const child = spawn(process.execPath, [ENTRY, "-C", dir, "serve", "--port", "0", "--max-workers", "4"], {
    env: benchEnvironment(),
    stdio: ["ignore", "ignore", "pipe"],
  });
  const log = followLog(child);
  const serving = await log.line("serving", undefined);
  const branchDir = join(dir, ".git/refs/heads");
  const pid = String(child.pid);
  return {
    dir,
    startMs: serving.atMs - startedMs,
    publish(id, text) {
      const path = join(dir, "inbox", `${id}.md`);
      const draft = join(dir, "inbox", `.${id}.tmp`);
      writeFileSync(draft, text);
      const atMs = clock();
      renameSync(draft, path);
      return atMs;
    },
    ...log,
    nextMove() {
      const watcher = watch(branchDir);
      return new Promise((resolve) => {
        watcher.on("change", (_event, name) => {
          if (name !== "main") return;
          resolve(clock());
          watcher.close();
        });
      });
    },
    async askHealth() {
      const response = await fetch(`${serving.fields.url}/health`);
      await response.arrayBuffer();
      if (!response.ok) throw new Error(`${serving.fields.url}/health answers ${response.status}`);
    },
    memory() {
      const status = readFileSync(`/proc/${pid}/status`, "utf8");
      const kb = (key: string): number => Number(new RegExp(`^${key}:\\s+(\\d+) kB`, "m").exec(status)?.[1]);
      return { residentKb: kb("VmRSS"), peakKb: kb("VmHWM") };
    },
    cpu() {
      const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
      const times = stat
        .slice(stat.lastIndexOf(")") + 2)
        .split(" ")
        .slice(11, 15)
        .map((ticks) => Number(ticks) * TICK_MS);
      const [user = 0, system = 0, childUser = 0, childSystem = 0] = times;
      return { ownMs: user + system, childrenMs: childUser + childSystem };
    },
    async stop() {
      const ended = once(child, "exit");
      child.kill("SIGTERM");
      await ended;
    },
  };
}

/** Unix ms, with fractions. */
export function clock(): number {
  return performance.timeOrigin + performance.now();
}

function followLog(child: ChildProcess): Pick<Serving, "line" | "lines" | "forget"> {
  let seen: LogLine[] = [];
  let waiting: { matches(line: LogLine): boolean; resolve(line: LogLine): void; reject(error: Error): void }[] = [];
  if (child.stderr === null) throw new Error("the coordinator has no log");
  const rest: string[] = [];
  createInterface({ input: child.stderr }).on("line", (text) => {
    const line = parseLine(text);
    if (line === undefined) return void rest.push(text);
    seen.push(line);
    for (const waiter of waiting.filter((one) => one.matches(line))) waiter.resolve(line);
    waiting = waiting.filter((one) => !one.matches(line));
  });
  child.once("exit", () => {
    for (const { reject } of waiting) reject(new Error(`the coordinator ended: ${rest.join("\n")}`));
  });
  return {
    lines: () => seen,
    forget: () => {
      seen = [];
    },
    line(event, task) {
      const matches = (line: LogLine): boolean =>
        line.event === event && (task === undefined || line.fields.task === task);
      const known = seen.find(matches);
      if (known !== undefined) return Promise.resolve(known);
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`no log line "${event}" came`)), START_TIMEOUT_MS);
        const done = (line: LogLine): void => {
          clearTimeout(timer);
          resolve(line);
        };
        waiting.push({ matches, resolve: done, reject });
      });
    },
  };
}

function parseLine(text: string): LogLine | undefined {
  const [, time = "", event, rest = ""] = /^(\d{4}-\S+Z) ([\w-]+) ?(.*)$/.exec(text) ?? [];
  if (event === undefined) return undefined;
  const fields = [...rest.matchAll(/([\w-]+)=("(?:[^"\\]|\\.)*"|\S+)/g)].map(([, key = "", value = ""]) => [
    key,
    value,
  ]);
  return { atMs: Date.parse(time), event, fields: Object.fromEntries(fields) };
}
