import type { TaskView } from "../app/views/task-view.ts";
import { durationText } from "../task/text/duration-text.ts";
import { ageText } from "./time-text.ts";

/** Returns what the run under way of a task does, line by line; none where none is. */
export function progressLines({ progress, status }: TaskView, nowMs: number): readonly string[] {
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
  return [parts.join(", "), ...(doing === null ? [] : [doing])];
}
