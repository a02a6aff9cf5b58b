import type { ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";

/** One line of the coordinator's log. */
export interface LogLine {
  /** Unix ms. */
  readonly atMs: number;
  readonly event: string;
  readonly fields: Readonly<Record<string, string>>;
}

/** The log of a coordinator at work. */
export interface ServingLog {
  /** Resolves with the line of this event for the task (any task when `undefined`), also if it came before the call. */
  line(event: string, task: string | undefined): Promise<LogLine>;
  /** All lines since the last call of `forget`; the array grows as more come. @throws Error once the coordinator has ended */
  lines(): readonly LogLine[];
  forget(): void;
}

const LINE_TIMEOUT_MS = 60_000;

export function followLog(child: ChildProcess): ServingLog {
  let seen: LogLine[] = [];
  let waiting: { matches(line: LogLine): boolean; resolve(line: LogLine): void; reject(error: Error): void }[] = [];
  let ended: Error | undefined;
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
    ended = new Error(`the coordinator ended: ${rest.join("\n")}`);
    for (const { reject } of waiting) reject(ended);
  });
  return {
    lines() {
      if (ended !== undefined) throw ended;
      return seen;
    },
    forget: () => {
      seen = [];
    },
    line(event, task) {
      const matches = (line: LogLine): boolean =>
        line.event === event && (task === undefined || line.fields.task === task);
      const known = seen.find(matches);
      if (known !== undefined) return Promise.resolve(known);
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`no log line "${event}" came`)), LINE_TIMEOUT_MS);
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
