import { oneLine } from "../text/one-line.ts";
import type { TranscriptEntry } from "./transcript-entry.ts";

/** Characters of a recap, all in all. */
const RECAP_MAX = 16_000;
/** Of one message; the beginning says what it is about. */
const MESSAGE_MAX = 2_000;
/** Codex takes no longer prompt (0.169.0). */
const PROMPT_MAX = 1_048_576;
const WHY_MAX = 300;

/**
 * Returns `prompt` followed by what was said last in `entries` (oldest first): for a new thread, which knows nothing of the one before.
 * Every line of the recap is quoted, so that nothing in it can be taken for the prompt.
 */
export function promptWithRecap(prompt: string, entries: readonly TranscriptEntry[], why: string): string {
  const roomFor = Math.min(RECAP_MAX, PROMPT_MAX - prompt.length);
  const head = `\n\n---\n\nThis is a new thread, because ${oneLine(why, WHY_MAX)}. For your orientation, what was said last in the session before, shortened; it asks for nothing:\n\n`;
  const parts: string[] = [];
  let length = head.length;
  for (const { body } of entries.toReversed()) {
    if (body.kind !== "user" && body.kind !== "assistant") continue;
    const part = quoted(body.kind, body.text);
    if (length + part.length > roomFor) break;
    length += part.length;
    parts.unshift(part);
  }
  return parts.length === 0 ? prompt : `${prompt}${head}${parts.join("")}`;
}

function quoted(who: "user" | "assistant", text: string): string {
  const trimmed = text.trim();
  const cut = trimmed.length <= MESSAGE_MAX ? trimmed : `${trimmed.slice(0, MESSAGE_MAX).toWellFormed()} …`;
  return `> **${who}**\n${cut
    .split(/\r\n|[\n\r\u2028\u2029]/)
    .map((line) => `> ${line}\n`)
    .join("")}\n`;
}
