import { oneLine } from "./one-line.ts";

const LENGTH_MAX = 1_000;

/** Returns `text` as a Markdown code span, on one line. `parseInlineCode` gives it back. */
export function inlineCode(text: string): string {
  const line = oneLine(text, LENGTH_MAX);
  const longestRun = Math.max(0, ...[...line.matchAll(/`+/g)].map(([run]) => run.length));
  const mark = "`".repeat(longestRun + 1);
  return longestRun === 0 ? `${mark}${line}${mark}` : `${mark} ${line} ${mark}`;
}

/** Returns the text of a code span that is all of `markdown`, or `undefined`. */
export function parseInlineCode(markdown: string): string | undefined {
  const [, mark = "", inner] = /^(`+)(.*[^`]|[^`])\1$/.exec(markdown) ?? [];
  return mark.length > 1 ? inner?.slice(1, -1) : inner;
}
