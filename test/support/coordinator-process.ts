import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { inject } from "vitest";
import type { ProcessEnd } from "./line-process.ts";
import { waitFor } from "./wait-for.ts";

/** What `serve` starts itself again with (bin/codex-inbox.js); whoever starts with it saves a start of Node. */
const LEAN = {
  args: ["--max-semi-space-size=2", "--heap-growing-percent=40", "--expose-gc"],
  environment: { MALLOC_ARENA_MAX: "2", MALLOC_MMAP_THRESHOLD_: "32768" },
};

/**
 * Of what runs for a second the memory is not worth collecting, and not by threads beside it. Nothing but the speed differs, and the
 * first flag tells the entry that it need not start itself again. Most other flags cost more than they save: with them V8 compiles Node's own
 * modules from their source (14 ms; `node --no-opt -e "require('http')"` beside one without).
 */
export const SHORT_LIVED = ["--single-threaded-gc", "--min-semi-space-size=32"];

/** One line of the log: `key=value` fields beside its event. */
export interface LogLine {
  readonly event: string;
  readonly text: string;
  field(key: string): string | undefined;
}

/** What a coordinator has logged until now. */
export interface ServedLog {
  log(): string;
  lines(event?: string): readonly LogLine[];
}

/** `codex-inbox serve`, as a process of its own. */
export interface CoordinatorProcess extends ServedLog {
  readonly pid: number;
  /** Waits until it has logged `event` (`count` times). @throws Error with the log when it ends without */
  saw(event: string, count?: number, timeoutMs?: number): Promise<LogLine>;
  /** Waits until it serves; returns the address of its HTTP interface. */
  url(): Promise<string>;
  /** Of its HTTP interface, once it serves. */
  token(): string;
  /** Sends a request with its token, once it serves. */
  ask(path: string, init?: RequestInit): Promise<Response>;
  /** Closes our end of its log, as the end of a pager does. */
  closeLog(): void;
  signal(signal: NodeJS.Signals): void;
  /** Ends it by SIGKILL; its workers go on. */
  kill(): Promise<ProcessEnd>;
  /** Resolves when it is gone. */
  readonly ended: Promise<ProcessEnd>;
}

/** What a command of codex-inbox printed, and how it ended. */
export interface CommandResult extends ProcessEnd {
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `codex-inbox <args>` in `dir` to its end. */
export async function runCommand(
  dir: string,
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
  input = "",
): Promise<CommandResult> {
  const child = spawnEntry(dir, args, environment);
  let [stdout, stderr] = ["", ""];
  child.stdout?.setEncoding("utf8").on("data", (chunk: string) => {
    stdout += chunk;
  });
  child.stderr?.setEncoding("utf8").on("data", (chunk: string) => {
    stderr += chunk;
  });
  child.stdin?.end(input);
  return { ...(await endOf(child)), stdout, stderr };
}

export interface StartOptions {
  /** As it starts itself again; true unless given. */
  readonly isLean?: boolean;
  /** It has so much to do that V8 shall optimise it; false unless given. */
  readonly isOptimised?: boolean;
}

/** Starts `codex-inbox serve <args>` in `dir`, whose state folder is `stateDir`. */
export function startCoordinatorProcess(
  dir: string,
  stateDir: string,
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
  { isLean = true, isOptimised = false }: StartOptions = {},
): CoordinatorProcess {
  const [leanArgs, allocator] = isLean ? [LEAN.args, LEAN.environment] : [[], {}];
  const nodeArgs = isOptimised || !isLean ? leanArgs : SHORT_LIVED;
  const child = spawnEntry(dir, ["serve", ...args], { ...environment, ...allocator }, nodeArgs);
  child.stdin?.end();
  let log = "";
  let rest = "";
  const parsed: LogLine[] = [];
  let over = false;
  child.stderr?.setEncoding("utf8").on("data", (chunk: string) => {
    log += chunk;
    const texts = (rest + chunk).split("\n");
    rest = texts.pop() ?? "";
    parsed.push(...texts.map(parseLine));
  });
  const ended = endOf(child).finally(() => {
    over = true;
  });
  const lines = (event?: string): readonly LogLine[] =>
    parsed.filter((line) => event === undefined || line.event === event);
  const saw = (event: string, count = 1, timeoutMs = 20_000): Promise<LogLine> =>
    waitFor(
      () => {
        const found = lines(event)[count - 1];
        if (found === undefined && over) throw new Error(`it ended without "${event}" (${count}):\n${log}`);
        return found;
      },
      { what: `"${event}" (${count}) in the log`, timeoutMs },
    );
  const record = join(stateDir, "server.json");
  let known: string | undefined;
  const token = (): string => {
    known ??= String(JSON.parse(readFileSync(record, "utf8")).token);
    return known;
  };
  const url = async (): Promise<string> => {
    const address = (await saw("serving")).field("url") ?? "";
    if (existsSync(record)) token(); // A test may move the repository away.
    return address;
  };
  return {
    pid: child.pid ?? Number.NaN,
    log: () => log,
    lines,
    saw,
    url,
    token,
    async ask(path, init) {
      const address = await url();
      return askWith(address, token())(path, init);
    },
    closeLog: () => void child.stderr?.destroy(),
    signal: (signal) => void child.kill(signal),
    kill() {
      child.kill("SIGKILL");
      return ended;
    },
    ended,
  };
}

let packageDir: string | undefined;

/** Says what is run where no test runner does, in a benchmark: a folder that `makeTestedPackage` has made. */
export function runPackage(dir: string): void {
  packageDir = dir;
}

/** Each command of the package stays compiled for those after it (bin/codex-inbox.js), and serve from before the first (warm-code-cache.ts). */
function spawnEntry(
  dir: string,
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
  nodeArgs: readonly string[] = SHORT_LIVED,
): ChildProcess {
  const place = packageDir ?? inject("packageDir");
  const entry = join(place, "bin/codex-inbox.js");
  return spawn(process.execPath, [...nodeArgs, entry, ...args], { cwd: dir, env: environment, stdio: "pipe" });
}

function endOf(child: ChildProcess): Promise<ProcessEnd> {
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    // Not "close": a worker that inherited nothing of ours must not be waited for, and one that did would be a bug.
    child.once("close", (code, signal) => resolve({ code, signal }));
  });
}

/** A line is `<time> <event> key=value …`; anything else (a crash of Node) is an event of its own. */
function parseLine(text: string): LogLine {
  const [, event = "?", rest = ""] = /^\S+Z (\S+) ?(.*)$/.exec(text) ?? [];
  const fields = new Map<string, string>();
  for (const [, key = "", quoted, plain = ""] of rest.matchAll(/(\w+)=(?:("(?:[^"\\]|\\.)*")|(\S+))/g))
    fields.set(key, quoted === undefined ? plain : String(JSON.parse(quoted)));
  return { event, text, field: (key) => fields.get(key) };
}

/** Returns the id of the task that was accepted into `session`; "" where there is none. */
export function taskOf(log: ServedLog, session: string): string {
  return (
    log
      .lines("accepted")
      .find((line) => line.field("session") === session)
      ?.field("task") ?? ""
  );
}

/** Returns what stands in a whole log. */
export function readLog(text: string): ServedLog {
  const parsed = text.split("\n").slice(0, -1).map(parseLine);
  return { log: () => text, lines: (event) => parsed.filter((line) => event === undefined || line.event === event) };
}

/** Returns `fetch` below `url` with `token`. */
export function askWith(url: string, token: string): CoordinatorProcess["ask"] {
  return (path, init = {}) => {
    const headers = new Headers(init.headers);
    headers.set("authorization", `Bearer ${token}`);
    return fetch(url + path, { ...init, headers });
  };
}
