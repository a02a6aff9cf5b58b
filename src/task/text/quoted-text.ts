import { fenced } from "./markdown.ts";
import { headingsDown, moveHeadings } from "./nested-headings.ts";

/**
 * What Markdown does not only format: HTML, comments and addresses in `<>`, pictures, definitions of links (they count for the whole
 * file), files that it includes, and a carriage return alone, which ends a line.
 */
const ACTING = /<[a-z/!?]|!\[|\]:|::include|\r(?!\n)/i;
/** What stands behind a fence. Anything but a word can name a language in disguise: `&#109;ermaid`, `{.mermaid}`, `json:table`. */
const FENCE = /(?:`{3,}|~{3,})([^\n]*)/g;
const LANGUAGE = /^[ \t]*(?:[\w+#-]{1,40}[ \t\r]*|\r[ \t\r]*)?$/;
/** Diagrams, maps, tables and queries that GitHub, GitLab (also by Kroki) or Gitea make of a block. */
const DRAWN = new Set(
  `mermaid plantuml c4plantuml puml uml kroki geojson topojson stl graphviz dot vega vegalite vega-lite actdiag blockdiag bpmn bytefield d2 dbml
  diagramsnet ditaa erd excalidraw glql nomnoml nwdiag packetdiag pikchr rackdiag seqdiag structurizr suggestion svgbob symbolator tikz
  umlet wavedrom wireviz`.split(/\s+/),
);
const FENCE_LANGUAGE = "markdown";

/**
 * Returns `text`, which others wrote, as a block of a Markdown file of ours: a quote, where Markdown can only format it, or else a fenced
 * block, which shows it as it is. Nothing in it can load anything, end the block, swallow what follows, or pose as a heading of
 * ours. `readQuotedText` gives back exactly `text`. Empty text is no block.
 */
function quotedText(text: string): string {
  if (text === "") return "";
  if (ACTING.test(text) || drawsSomething(text)) return fenced(`${text}\n`, FENCE_LANGUAGE);
  return text
    .split("\n")
    .map((line) => (line === "" || line === "\r" ? `>${line}` : `> ${line}`))
    .join("\n");
}

function drawsSomething(text: string): boolean {
  for (const [, info = ""] of text.matchAll(FENCE))
    if (!LANGUAGE.test(info) || DRAWN.has(info.trim().toLowerCase())) return true;
  return false;
}

/**
 * Does the same for a text that stands below a heading of ours: its own are moved down, by `down` levels, so that they nest. Where they
 * cannot, the text is fenced.
 */
export function quotedBelow(text: string): { readonly block: string; readonly down: number } {
  const down = headingsDown(text);
  if (down === undefined) return { block: fenced(`${text}\n`, FENCE_LANGUAGE), down: 0 };
  const block = quotedText(text);
  return down === 0 || !block.startsWith(">")
    ? { block, down: 0 }
    : { block: quotedText(moveHeadings(text, down)), down };
}

/**
 * Returns the text of a block that `quotedText` has made. What somebody has written into it by hand belongs to it.
 *
 * @param down by how many levels its headings were moved
 */
export function readQuotedText(block: string, down = 0): string {
  return moveHeadings(unquoted(block), -down);
}

function unquoted(block: string): string {
  const [opening = ""] = block.split("\n", 1);
  const [, fence] = /^(`{3,})markdown\r?$/.exec(opening) ?? [];
  if (fence === undefined) {
    const lines = block.split("\n").map((line) => (line.startsWith("> ") ? line.slice(2) : line.replace(/^>/, "")));
    return lines.join("\n");
  }
  const end = block.lastIndexOf(`\n${fence}`);
  return end < opening.length ? block.slice(opening.length + 1) : block.slice(opening.length + 1, end);
}

/**
 * Returns where the block that `text` begins with can have ended at the earliest, also where somebody has edited it: behind its closing
 * fence. In a quote no line can pass for one outside of it, so that for one the answer is 0.
 */
export function fencedBlockEnd(text: string): number {
  const [, fence] = /^(`{3,})markdown\r?\n/.exec(text) ?? [];
  if (fence === undefined) return 0;
  for (let at = text.indexOf(`\n${fence}`); at !== -1; at = text.indexOf(`\n${fence}`, at + 1)) {
    const end = at + 1 + fence.length;
    if (/^\r?(?:\n|$)/.test(text.slice(end, end + 2))) return end;
  }
  return 0;
}
