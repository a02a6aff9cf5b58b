import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, existsSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { waitFor } from "../../support/wait-for.ts";
import type { LifeFault } from "../history.ts";

/** One coordinator from its start to its end. */
export interface CoordinatorLife {
  readonly pid: number;
  readonly fault: LifeFault | undefined;
  isOver(): boolean;
  isStopped(): boolean;
  log(): string;
  /** Resolves once it serves, or is over, or has stopped. */
  begun(): Promise<void>;
  signal(signal: NodeJS.Signals): void;
  readonly ended: Promise<{ readonly code: number | null; readonly signal: string | null }>;
  /** Sends a request to it; `undefined` where no answer came. */
  ask(
    method: string,
    path: string,
    body?: unknown,
    headers?: Readonly<Record<string, string>>,
  ): Promise<Answer | undefined>;
}

export interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

export interface LifeOptions {
  readonly dir: string;
  readonly stateDir: string;
  readonly packageDir: string;
  readonly environment: NodeJS.ProcessEnv;
  readonly logPath: string;
  readonly faultsPath: string;
  readonly fault: LifeFault | undefined;
  readonly without: string | undefined;
  readonly args: readonly string[];
}

const BEGIN_MS = 180_000; // Also where the disk of the machine stands still for a minute.
const ANSWER_MS = 3_000;
/** As bin/codex-inbox.js starts itself again, and as tests start it: it does not live for long. */
const NODE_ARGS = ["--single-threaded-gc", "--v8-pool-size=0"];
const LAYER = join(import.meta.dirname, "../../fixtures/fault-layer.mjs");

export function startLife(options: LifeOptions): CoordinatorLife {
  const { dir, stateDir, packageDir, environment, logPath, faultsPath, fault, without, args } = options;
  const log = openSync(logPath, "w");
  const entry = join(packageDir, "bin/codex-inbox.js");
  const child = spawn(process.execPath, [...NODE_ARGS, "--import", LAYER, entry, "serve", ...args], {
    cwd: dir,
    env: {
      ...environment,
      NODE_COMPILE_CACHE: join(packageDir, "compiled"),
      TORTURE_FAULTS: faultsPath,
      ...(typeof fault?.at === "string" ? { CODEX_INBOX_FAULT: fault.at } : {}),
      ...(fault === undefined ? {} : { TORTURE_ACTION: fault.action }),
      ...(without === undefined ? {} : { TORTURE_WITHOUT: without }),
    },
    stdio: ["ignore", "ignore", log],
  });
  closeSync(log);
  const { pid } = child;
  if (pid === undefined) throw new Error("the coordinator has no process id");
  const isOver = (): boolean => child.exitCode !== null || child.signalCode !== null;
  const readLog = (): string => readFileSync(logPath, "utf8");
  const server = (): { readonly url?: string; readonly token?: string } | undefined => {
    const path = join(stateDir, "server.json");
    try {
      const record = JSON.parse(readFileSync(path, "utf8"));
      return record.pid === pid ? record : undefined;
    } catch {
      return undefined; // Not yet, or no longer.
    }
  };
  return {
    pid,
    fault,
    isOver,
    isStopped: () => stateOf(pid) === "T",
    log: readLog,
    begun: () =>
      waitFor(() => isOver() || stateOf(pid) === "T" || readLog().includes(" serving "), {
        what: "a start",
        timeoutMs: BEGIN_MS,
      }).then(() => undefined),
    signal: (signal) => void child.kill(signal),
    ended: endOf(child),
    async ask(method, path, body, headers = {}) {
      const { url, token } = server() ?? {};
      if (url === undefined || token === undefined || isOver()) return undefined;
      try {
        const response = await fetch(url + path, {
          method,
          headers: {
            authorization: `Bearer ${token}`,
            "content-type": "application/json",
            connection: "close",
            ...headers,
          },
          ...(method === "GET" ? {} : { body: typeof body === "string" ? body : JSON.stringify(body ?? {}) }),
          signal: AbortSignal.timeout(ANSWER_MS),
        });
        return { status: response.status, body: (await response.json()) as Answer["body"] };
      } catch {
        return undefined; // It has died, is stopped, or was slow.
      }
    },
  };
}

function endOf(child: ChildProcess): CoordinatorLife["ended"] {
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code, signal) => resolve({ code, signal }));
  });
}

/** Returns the letter of the process's state, or `undefined` where it is gone. */
function stateOf(pid: number): string | undefined {
  if (!existsSync(`/proc/${pid}`)) return undefined;
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return stat[stat.lastIndexOf(")") + 2];
  } catch {
    return undefined;
  }
}
