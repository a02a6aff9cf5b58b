import type { ChangedFile } from "../../state/run.ts";
import { parseInlineCode } from "../../text/markdown.ts";
import { fencedBlockEnd } from "../../text/quoted-text.ts";
import { ACCOUNT_START } from "./task-file-layout.ts";
import { beforeVerification, outputOfVerification, VERIFICATION_HEADING } from "./verification-section.ts";

/** What became of a task, as its file tells it. */
export interface TaskResult {
  readonly reason: string | undefined;
  readonly lastMessage: string;
  /** As many as the file shows. */
  readonly changedFiles: readonly ChangedFile[];
  /** What its last verification printed, as far as the file shows it. */
  readonly verificationOutput: string | undefined;
}

export const CHANGED_FILES_HEADING = "### Changed files";
/** What stands before the files that have the same author; files without one come first and have none. */
export const CHANGED_BY: Readonly<Record<NonNullable<ChangedFile["by"]>, string>> = {
  patch: "Written by the agent's own patches:",
  other: "Changed meanwhile by something else (a command of the agent, or someone at work in the same folder):",
};
export const WARNINGS_HEADING = "### Warnings";

/** Reads what follows the prompt of a committed task file. */
export function parseResult(tail: string, reason: string | undefined): TaskResult {
  const [, afterOutcome = ""] = /^\s*## Result\s*?\n\n(?:\*\*.*\n)+\n([\s\S]*)$/.exec(tail) ?? [];
  const from = fencedBlockEnd(afterOutcome); // Of a quoted answer no line passes for a heading of ours.
  const text = `\n${afterOutcome}`;
  const starts = [CHANGED_FILES_HEADING, WARNINGS_HEADING, VERIFICATION_HEADING, ACCOUNT_START].map((heading) =>
    text.indexOf(`\n${heading}`, from),
  );
  const start = Math.min(...starts.filter((index) => index !== -1), text.length);
  const lastMessage = withoutLineFeeds(text.slice(1, start));
  const sections = text.slice(start);
  const before = beforeVerification(sections);
  const verificationOutput = outputOfVerification(sections.slice(before.length));
  return { reason, lastMessage, changedFiles: parseChangedFiles(before), verificationOutput };
}

/** Returns `text` without the line feeds at its end; a quoted block has none of its own there. */
export function withoutLineFeeds(text: string): string {
  let end = text.length;
  while (text[end - 1] === "\n") end -= 1;
  return text.slice(0, end);
}

const BY = ["patch", "other"] as const;

function parseChangedFiles(sections: string): readonly ChangedFile[] {
  const [, list = ""] = sections.split(`\n${CHANGED_FILES_HEADING}\n`);
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
