import type { TranscriptBody } from "../task/session/transcript-entry.ts";
import type { Usage } from "../task/state/run.ts";
import { oneLine } from "../task/text/one-line.ts";
import type { RunEvent } from "./driver.ts";

/** What a run under way does, as its events tell; texts are one line each. Unix ms. */
export interface RunProgress {
  readonly lastAtMs: number | undefined;
  readonly last: string | undefined;
  /** Of the commands under way the one that began last. */
  readonly command: { readonly text: string; readonly sinceMs: number } | undefined;
  /** Commands that have ended. */
  readonly commands: number;
  readonly usage: Usage | undefined;
}

/** Follows the events of one run in bounded memory. */
export interface ProgressTracker {
  noticed(event: RunEvent): void;
  progress(): RunProgress;
}

export const PROGRESS_CHARACTERS_MAX = 200;
/** Commands under way at one time that are told apart. */
const OPEN_COMMANDS_MAX = 20;

export function createProgressTracker(): ProgressTracker {
  const open = new Map<string, NonNullable<RunProgress["command"]>>();
  let lastAtMs: number | undefined;
  let last: string | undefined;
  let commands = 0;
  let usage: Usage | undefined;
  return {
    noticed(event) {
      if (event.kind === "output" || event.kind === "exited") return;
      lastAtMs = Math.max(lastAtMs ?? 0, event.atMs);
      if (event.kind === "usage") usage = event.usage;
      if (event.kind !== "item") return;
      const { id, body, phase, atMs } = event;
      last = lineOf(body);
      if (body.kind !== "command") return;
      if (phase === "completed") {
        open.delete(id);
        commands += 1;
        return;
      }
      open.set(id, open.get(id) ?? { text: oneLine(body.command, PROGRESS_CHARACTERS_MAX), sinceMs: atMs });
      const [oldest] = open.keys();
      if (open.size > OPEN_COMMANDS_MAX && oldest !== undefined) open.delete(oldest);
    },
    progress: () => ({ lastAtMs, last, command: [...open.values()].at(-1), commands, usage }),
  };
}

function lineOf(body: TranscriptBody): string {
  return oneLine(textOf(body), PROGRESS_CHARACTERS_MAX);
}

function textOf(body: TranscriptBody): string {
  switch (body.kind) {
    case "command":
      return body.exitCode === null ? `$ ${body.command}` : `$ ${body.command} (exit code ${body.exitCode})`;
    case "verify":
      return `$ ${body.command}`;
    case "files":
      return `changes ${body.changes.map(({ path }) => path).join(", ")}`;
    case "tool":
      return `uses ${body.name}`;
    case "error":
      return body.message;
    case "end":
      return body.outcome;
    default:
      return body.text;
  }
}
