import { oneLine } from "../text/one-line.ts";

/** Characters of a title; with the session's name it still fits a commit's subject. */
export const TITLE_CHARACTERS_MAX = 72;

/** How far into a prompt a heading is looked for, and how much of a line is read (UTF-16 units). */
const SEARCHED_LENGTH = 65_536;
const LINE_LENGTH = 500;

const HEADING = /^ {0,3}#{1,6}(?:[ \t](.*))?$/;
const FENCE = /^ {0,3}(`{3,}|~{3,})/;

/**
 * Returns the title of a task that gives none: the prompt's first heading (`# …`, not in a code block), else its first
 * line with a letter or digit. Never empty, one line, at most `TITLE_CHARACTERS_MAX` characters.
 */
export function titleOf(prompt: string): string {
  const lines = prompt
    .slice(0, SEARCHED_LENGTH)
    .split(/\r\n|\r|\n/)
    .map((line) => line.slice(0, LINE_LENGTH));
  const candidates = [...headings(lines), ...lines].map((line) => oneLine(line, TITLE_CHARACTERS_MAX));
  return (
    candidates.find((line) => /[\p{L}\p{N}]/u.test(line)) ?? candidates.find((line) => line !== "") ?? "(no title)"
  );
}

function headings(lines: readonly string[]): readonly string[] {
  const found: string[] = [];
  let fence: string | undefined;
  for (const line of lines) {
    const mark = FENCE.exec(line)?.[1];
    if (fence !== undefined) {
      if (mark?.startsWith(fence) && line.trim() === mark) fence = undefined;
    } else if (mark !== undefined) {
      fence = mark;
    } else {
      const text = HEADING.exec(line)?.[1]
        ?.trim()
        .replace(/(^|[ \t])#+$/, "");
      if (text !== undefined) found.push(text);
    }
  }
  return found;
}
