import type { Usage } from "../../../task/state/run.ts";
import { runPaths } from "../../worker/run-directory.ts";
import { type CodexEvent, parseEventLine } from "./events.ts";
import { createLineReader } from "./line-reader.ts";

/** What the events of a run add up to. */
export interface RunSummary {
  readonly threadId: string | undefined;
  readonly turnEnd: TurnEnd | undefined;
  /** The last message of the agent before its turn was completed; `undefined` where the events hold none. */
  readonly lastMessage: string | undefined;
  readonly usageTotal: Usage | undefined;
  readonly commandCount: number;
}

export type TurnEnd = { readonly kind: "completed" } | { readonly kind: "failed"; readonly message: string };

/** Reads all complete lines of the run's events. A torn last line (a kill, a full disk) is left out, as it is everywhere. */
export function summarizeRun(runDir: string): RunSummary {
  let threadId: string | undefined;
  let turnEnd: TurnEnd | undefined;
  let lastMessage: string | undefined;
  let usageTotal: Usage | undefined;
  const commands = new Set<string>();
  forEachEvent(runDir, (_line, event) => {
    if (event.type === "thread.started") threadId ??= event.thread_id;
    else if (event.type === "turn.failed") turnEnd = { kind: "failed", message: event.message };
    else if (event.type === "turn.completed") {
      turnEnd = { kind: "completed" };
      usageTotal = event.usage;
    } else if (event.type === "item.started" || event.type === "item.completed") {
      if (event.item.type === "command_execution") commands.add(event.item.id);
      if (event.item.type === "agent_message" && turnEnd === undefined) lastMessage = event.item.text;
    }
  });
  return { threadId, turnEnd, lastMessage, usageTotal, commandCount: commands.size };
}

/** Calls `onEvent` for every complete line of the run's events, from 1. Returns how many there are. */
export function forEachEvent(runDir: string, onEvent: (line: number, event: CodexEvent) => void): number {
  const reader = createLineReader(runPaths(runDir).events);
  let count = 0;
  try {
    reader.poll((line, text) => {
      count = line;
      onEvent(line, parseEventLine(text));
    });
  } finally {
    reader.close();
  }
  return count;
}
