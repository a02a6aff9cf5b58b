import { statSync } from "node:fs";
import type { TranscriptBody, TranscriptEntry } from "../../../task/session/transcript-entry.ts";
import { describeFailure } from "../../../task/state/failure.ts";
import { readExitRecord } from "../../worker/exit-record.ts";
import { readRunCommand, runPaths } from "../../worker/run-directory.ts";
import { judgeRun } from "../verdict.ts";
import type { CodexItem } from "./events.ts";
import { forEachEvent } from "./run-summary.ts";
import { boundText, transcriptBody } from "./transcript-body.ts";

/** What the files of a run do not say. */
export interface EntryContext {
  readonly task: string;
  readonly run: number;
  readonly attempt: number;
  readonly prompt: string;
  readonly startedAtMs: number;
  /** When the coordinator saw each line of events.jsonl, Unix ms; a line it never saw gets the time of the file's last change. */
  readonly seenAt: ReadonlyMap<number, number>;
}

interface PlacedBody {
  readonly line: number;
  readonly body: TranscriptBody;
}

/**
 * Returns what the transcript says of a run that has ended, by line: the prompt (line 0), what codex reported, and the end (one
 * past the last line). Only the times depend on who reads, so two readers of one run write the same keys and bodies.
 */
export function entriesOfRun(runDir: string, context: EntryContext, codexHome?: string): readonly TranscriptEntry[] {
  const command = readRunCommand(runDir);
  const { lineCount, bodies } = collectBodies(runDir, command?.workdir ?? "/");
  const verdict = judgeRun(runDir, command?.resumeThread, codexHome);
  const lastChangeMs = statSync(runPaths(runDir).events, { throwIfNoEntry: false })?.mtimeMs ?? context.startedAtMs;
  const endedAtMs = readExitRecord(runDir)?.endedAtMs ?? lastChangeMs;

  function entry(line: number, timeMs: number, body: TranscriptBody): TranscriptEntry {
    const { task, run, attempt } = context;
    const time = new Date(timeMs).toISOString();
    return { v: 1, task, run, attempt, line, thread: verdict.threadId ?? null, time, body };
  }
  return [
    entry(0, context.startedAtMs, { kind: "user", text: boundText(context.prompt) }),
    ...bodies.map(({ line, body }) =>
      entry(line, Math.min(context.seenAt.get(line) ?? lastChangeMs, lastChangeMs), body),
    ),
    entry(lineCount + 1, endedAtMs, {
      kind: "end",
      outcome: verdict.outcome,
      reason: verdict.failure === undefined ? null : describeFailure(verdict.failure),
    }),
  ];
}

function collectBodies(
  runDir: string,
  workdir: string,
): { readonly lineCount: number; readonly bodies: readonly PlacedBody[] } {
  const bodies: PlacedBody[] = [];
  const started = new Map<string, { readonly line: number; readonly item: CodexItem }>();
  let lastNotice: string | undefined;

  function addError(line: number, message: string): void {
    const notice = message.replace(RETRY_COUNT, "");
    if (notice !== lastNotice) bodies.push({ line, body: { kind: "error", message: boundText(message) } });
    lastNotice = notice;
  }
  const lineCount = forEachEvent(runDir, (line, event) => {
    if (event.type === "error") return addError(line, event.message);
    if (event.type !== "item.started" && event.type !== "item.updated" && event.type !== "item.completed") return;
    const { item } = event;
    if (event.type === "item.completed") {
      started.delete(item.id);
      if (item.type === "error") return addError(line, item.message);
      bodies.push({ line, body: transcriptBody(item, false, workdir) });
      lastNotice = undefined;
    } else {
      started.set(item.id, { line: started.get(item.id)?.line ?? line, item });
    }
  });
  // A background command, or the run was cut off. The line of the start is free: only the end of an item takes its own.
  const unfinished = [...started.values()].map(({ line, item }) => ({
    line,
    body: transcriptBody(item, true, workdir),
  }));
  return { lineCount, bodies: [...bodies, ...unfinished].sort((one, other) => one.line - other.line) };
}

/** "Reconnecting... 2/5 (…)": the same notice five times over says no more than once. */
const RETRY_COUNT = /^Reconnecting\.\.\. (\d+\/\d+ )?/;
