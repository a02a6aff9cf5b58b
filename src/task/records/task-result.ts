import type { ChangedFile } from "../state/run.ts";
import { parseInlineCode } from "../text/markdown.ts";
import { cutUtf8 } from "../text/utf8.ts";
import { beforeVerification, VERIFICATION_HEADING } from "./verification-section.ts";

/** What became of a task, as its file tells it. */
export interface TaskResult {
  readonly reason: string | undefined;
  readonly lastMessage: string;
  /** As many as the file shows. */
  readonly changedFiles: readonly ChangedFile[];
}

export const CHANGED_FILES_HEADING = "### Changed files";
/** What stands before the files that have the same author; files without one come first and have none. */
export const CHANGED_BY: Readonly<Record<NonNullable<ChangedFile["by"]>, string>> = {
  patch: "Written by the agent's own patches:",
  other: "Changed meanwhile by something else (a command of the agent, or someone at work in the same folder):",
};
export const WARNINGS_HEADING = "### Warnings";

/**
 * Reads what follows the prompt of a committed task file.
 *
 * @param messageBytes length of the final answer, where the file says it
 */
export function parseResult(tail: string, messageBytes: unknown, reason: string | undefined): TaskResult {
  const [, afterOutcome = ""] =
    /^\s*<!--.*-->\s*## Result\s*?\r?\n\r?\n(?:\*\*.*\r?\n)+\r?\n([\s\S]*)$/.exec(tail) ?? [];
  const exact = typeof messageBytes === "number" ? cutUtf8(afterOutcome, messageBytes) : undefined;
  const { head: lastMessage, tail: sections } =
    exact?.tail.startsWith("\n") === true ? exact : splitAtSections(afterOutcome);
  return { reason, lastMessage, changedFiles: parseChangedFiles(beforeVerification(sections)) };
}

/** The last of each heading: an answer may well have the same ones. */
function splitAtSections(text: string): { readonly head: string; readonly tail: string } {
  const headings = [CHANGED_FILES_HEADING, WARNINGS_HEADING, VERIFICATION_HEADING];
  const starts = headings.map((heading) => text.lastIndexOf(`\n${heading}`));
  const start = Math.min(...starts.filter((index) => index !== -1), text.length);
  return { head: text.slice(0, start).trimEnd(), tail: text.slice(start) };
}

const BY = ["patch", "other"] as const;

function parseChangedFiles(sections: string): readonly ChangedFile[] {
  const [, list = ""] = sections.replaceAll("\r\n", "\n").split(`\n${CHANGED_FILES_HEADING}\n`);
  const [files = ""] = list.split(`\n${WARNINGS_HEADING}`);
  let by: ChangedFile["by"];
  return files.split("\n").flatMap((line) => {
    by = BY.find((author) => line.trimEnd() === CHANGED_BY[author]) ?? by;
    const item = line.startsWith("- ") ? line.trimEnd().slice(2) : "";
    const change = item.slice(0, Math.max(0, item.indexOf(" `")));
    const path = parseInlineCode(item.slice(change.length + 1));
    return change === "" || path === undefined ? [] : [{ path, change, ...(by === undefined ? {} : { by }) }];
  });
}

/** A longer answer is cut, and says so. */
const MESSAGE_CHARACTERS_MAX = 1_048_576;

/** Returns an agent's final answer as a task file can hold it. */
export function boundedMessage(message: string): string {
  const text = message.replaceAll("\0", "").toWellFormed();
  if (text.length <= MESSAGE_CHARACTERS_MAX) return text;
  const head = text.slice(0, MESSAGE_CHARACTERS_MAX).toWellFormed();
  return `${head}\n\n(${text.length - MESSAGE_CHARACTERS_MAX} more characters were left out.)`;
}
