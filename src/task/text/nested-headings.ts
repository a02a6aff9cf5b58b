/** Headings of a text that others wrote stand at this level or below in a file of ours, whose own are at the first three. */
const LEVEL_MIN = 3;
const LEVEL_MAX = 6;
/** Behind up to three blanks and the marks of lists and quotes. */
const HEADING = /^( {0,3}(?:(?:[-+*]|\d{1,9}[.)]|>)[ \t]+)*)(#{1,6})(?=[ \t\r]|$)/;
const UNDERLINE = /^ {0,3}(?:=+|-+)[ \t]*\r?$/;
const FENCE = /^[ \t>]*(`{3,}|~{3,})/;

/**
 * Returns by how many levels the headings of `text` have to move down to stand below ours; 0 where none has to. `undefined`: they
 * cannot, because one would be moved beyond the last level, or is underlined.
 */
export function headingsDown(text: string): number | undefined {
  let [highest, deepest] = [LEVEL_MAX, 0];
  let before = "";
  for (const [line, isCode] of linesOf(text)) {
    const [heading, , marks = ""] = isCode ? [] : (HEADING.exec(line) ?? []);
    if (heading !== undefined) [highest, deepest] = [Math.min(highest, marks.length), Math.max(deepest, marks.length)];
    if (!isCode && UNDERLINE.test(line) && before.trim() !== "") return undefined;
    before = isCode || heading !== undefined ? "" : line;
  }
  const down = Math.max(0, LEVEL_MIN - highest);
  return deepest + down > LEVEL_MAX ? undefined : down;
}

/** Returns `text` with its headings moved down by so many levels; up again, where `levels` is less than 0. */
export function moveHeadings(text: string, levels: number): string {
  if (levels === 0) return text;
  return Array.from(linesOf(text), ([line, isCode]) =>
    isCode
      ? line
      : line.replace(HEADING, (_, start: string, marks: string) => {
          const level = Math.min(Math.max(1, marks.length + levels), LEVEL_MAX);
          return start + "#".repeat(level);
        }),
  ).join("\n");
}

/** The lines of a text, and whether each belongs to a fenced block. */
function* linesOf(text: string): Generator<readonly [line: string, isCode: boolean]> {
  let fence: string | undefined;
  for (const line of text.split("\n")) {
    const [start = "", marks] = FENCE.exec(line) ?? [];
    const closes = marks?.startsWith(fence ?? "") === true && line.slice(start.length).trim() === "";
    const isMark = marks !== undefined && (fence === undefined || closes);
    yield [line, fence !== undefined || isMark];
    if (isMark) fence = fence === undefined ? marks : undefined;
  }
}
