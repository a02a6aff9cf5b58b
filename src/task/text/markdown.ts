import { oneLine, printable } from "./one-line.ts";

/** Escape sequences of terminals: colours, cursor movements, titles. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const TERMINAL_SEQUENCE = /\u001B(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001B]*(?:\u0007|\u001B\\)|[@-Z\\-_])/g;
const FENCE_LENGTH_MIN = 3;
const INLINE_LENGTH_MAX = 1_000;

/** Returns `text` without what only a terminal understands. */
export function withoutTerminalCodes(text: string): string {
  return printable(text.replaceAll(TERMINAL_SEQUENCE, ""));
}

/** Returns `text` as a fenced block of Markdown that nothing in it can close. `language` stands behind the opening fence. */
export function fenced(text: string, language = ""): string {
  const fence = "`".repeat(Math.max(FENCE_LENGTH_MIN, longestRun(text) + 1));
  return `${fence}${language}\n${text}${text.endsWith("\n") || text === "" ? "" : "\n"}${fence}`;
}

/** Returns `text` as a Markdown code span, on one line. `parseInlineCode` gives it back. */
export function inlineCode(text: string): string {
  const line = oneLine(text, INLINE_LENGTH_MAX);
  const longest = longestRun(line);
  const mark = "`".repeat(longest + 1);
  return longest === 0 ? `${mark}${line}${mark}` : `${mark} ${line} ${mark}`;
}

/** Returns `text` as words in Markdown, on one line: what would be HTML, code, a link, a picture or a heading shows as it is. */
export function plainMarkdown(text: string, charactersMax = INLINE_LENGTH_MAX): string {
  return oneLine(text, charactersMax)
    .replaceAll(/[\\<`[\]]/g, "\\$&")
    .replace(/^[#>+=~*|-]/, "\\$&")
    .replace(/^(\d{1,9})(?=[.)])/, "$1\\");
}

/** Returns the text of a code span that is all of `markdown`, or `undefined`. Takes linear time. */
export function parseInlineCode(markdown: string): string | undefined {
  const [mark = ""] = /^`+/.exec(markdown) ?? [];
  if (mark === "" || markdown.length <= mark.length * 2 || !markdown.endsWith(mark)) return undefined;
  const inner = markdown.slice(mark.length, -mark.length);
  if (inner.endsWith("`") || inner.includes("\n")) return undefined;
  return mark.length > 1 ? inner.slice(1, -1) : inner;
}

/** The length of the longest run of backticks. */
function longestRun(text: string): number {
  let longest = 0;
  for (const [run] of text.matchAll(/`+/g)) longest = Math.max(longest, run.length);
  return longest;
}
