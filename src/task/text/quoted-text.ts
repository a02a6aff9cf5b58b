import { fenced } from "./markdown.ts";

/**
 * What Markdown does not only format: HTML, comments and addresses in `<>`, pictures, definitions of links (they count for the whole
 * file), diagrams and maps that a host draws, files that it includes, and a carriage return alone, which ends a line.
 */
const ACTING =
  /<[a-z/!?]|!\[|\]:|::include|(?:```|~~~)[ \t]{0,9}\{?\.?(?:mermaid|plantuml|kroki|geojson|topojson|stl|graphviz|dot|vega)|\r(?!\n)/i;
const FENCE_LANGUAGE = "markdown";

/**
 * Returns `text`, which others wrote, as a block of a Markdown file of ours: a quote, where Markdown can only format it, or else a fenced
 * block, which shows it as it is. Nothing in it can load anything, end the block, swallow what follows, or pose as a heading of
 * ours. `readQuotedText` gives back exactly `text`. Empty text is no block.
 */
export function quotedText(text: string): string {
  if (text === "") return "";
  if (ACTING.test(text)) return fenced(`${text}\n`, FENCE_LANGUAGE);
  return text
    .split("\n")
    .map((line) => (line === "" || line === "\r" ? `>${line}` : `> ${line}`))
    .join("\n");
}

/** Returns the text of a block that `quotedText` has made. What somebody has written into it by hand belongs to it. */
export function readQuotedText(block: string): string {
  const [opening = ""] = block.split("\n", 1);
  const [, fence] = /^(`{3,})markdown\r?$/.exec(opening) ?? [];
  if (fence === undefined) {
    const lines = block.split("\n").map((line) => (line.startsWith("> ") ? line.slice(2) : line.replace(/^>/, "")));
    return lines.join("\n");
  }
  const end = block.lastIndexOf(`\n${fence}`);
  return end < opening.length ? block.slice(opening.length + 1) : block.slice(opening.length + 1, end);
}
