import { stringify } from "yaml";
import { keepText } from "../text/kept-text.ts";

/** Returns front matter with these keys, one line each, in their order; absent values (`undefined`) are left out. */
export function renderFrontMatter(values: readonly (readonly [key: string, value: unknown])[]): string {
  const lines = values.flatMap(([key, value]) =>
    value === undefined ? [] : [`${scalar(keepText(key))}: ${valueText(kept(value))}\n`],
  );
  return `---\n${lines.join("")}---\n`;
}

/** Every text passes the redaction boundary by itself: once it is part of YAML, a replaced span could break the syntax. */
function kept(value: unknown): unknown {
  if (typeof value === "string") return keepText(value);
  if (Array.isArray(value)) return value.map(kept);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [keepText(key), kept(inner)]));
}

/** Lists and mappings are written as JSON, which YAML 1.2 contains: one line whatever is in them. */
function valueText(value: unknown): string {
  if (typeof value === "object" && value !== null) return JSON.stringify(value);
  return scalar(value);
}

function scalar(value: unknown): string {
  // A text with a line break would be written as a block; JSON keeps every key on its own line.
  if (typeof value === "string" && /[\p{Cc}\u2028\u2029\uFEFF]/u.test(value)) return JSON.stringify(value);
  return stringify(value, { version: "1.2", schema: "core", lineWidth: 0 }).trimEnd();
}
