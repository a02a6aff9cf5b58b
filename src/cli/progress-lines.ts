import type { TaskView } from "../app/views/task-view.ts";
import { durationText } from "../task/text/duration-text.ts";
import { ageText } from "./time-text.ts";

/** A command that is under way counts as life, however long: after so much of it people are told what ends it. As `stallTimeoutMs` is by default. */
const LONG_COMMAND_MS = 30 * 60_000;

/** Returns what the run under way of a task does, line by line; none where none is. */
export function progressLines({ id, progress, status }: TaskView, nowMs: number): readonly string[] {
  if (progress === null) return [];
  const { kind, startedAt, lastEventAt, last, command, commandSince, commands, usage } = progress;
  const since = (iso: string): number => Math.max(0, nowMs - Date.parse(iso));
  const parts = [
    `${kind === "verify" ? "verifies" : status === "stopping" ? "stops" : "runs"} for ${durationText(since(startedAt))}`,
    ...(lastEventAt === null ? [] : [`last event ${ageText(since(lastEventAt))} ago`]),
    ...(commands === 0 ? [] : [`${commands} ${commands === 1 ? "command" : "commands"}`]),
    ...(usage === null ? [] : [`${usage.inputTokens} tokens in, ${usage.outputTokens} out`]),
  ];
  const doing =
    command !== null ? `$ ${command}${commandSince === null ? "" : `  (for ${ageText(since(commandSince))})`}` : last;
  const isLong = command !== null && commandSince !== null && since(commandSince) >= LONG_COMMAND_MS;
  return [
    parts.join(", "),
    ...(doing === null ? [] : [doing]),
    ...(isLong && status !== "stopping" ? [endOf(id)] : []),
  ];
}

function endOf(id: string): string {
  return `only timeoutMs ends a command that goes on: codex-inbox stop ${id} ends this run now`;
}
