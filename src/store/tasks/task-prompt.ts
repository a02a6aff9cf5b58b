import { parseDropText } from "../../task/file/task-file.ts";
import type { JournalRecord } from "../journal/journal-record.ts";

/** Returns the prompt of a task from its journal: that of the newest text. */
export function readPrompt(records: readonly JournalRecord[]): string {
  const last = records.findLast((record) => record.k === "accepted" || record.k === "replaced");
  if (last === undefined) throw new Error("a task's journal must begin with its acceptance");
  const parsed = parseDropText(last.text, last.folderKey ?? undefined);
  if (!parsed.ok) throw new Error("an accepted task is no longer valid");
  return parsed.prompt;
}
