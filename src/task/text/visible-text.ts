/**
 * Characters that act where they are shown instead of being seen: what a terminal obeys (controls, the bytes that begin an escape
 * sequence, also in their one-byte form), what turns the writing direction, what breaks a line without being a line feed, what has no
 * width, tags, and halves of characters.
 */
const ACTING =
  /[\p{Cc}\p{Cs}\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]/gu;

/** Returns `text` such that it only shows: what acts is its escape, `\u001b`. Line feeds and tabs stay. JSON stays JSON, of the same value. */
export function visibleText(text: string): string {
  return text
    .replaceAll("\r\n", "\n")
    .replace(ACTING, (sign) => (sign === "\n" || sign === "\t" ? sign : escapeOf(sign)));
}

/** Does the same for one line: a line feed in it is an escape too. */
export function visibleLine(text: string): string {
  return text.replace(ACTING, (sign) => (sign === "\t" ? sign : escapeOf(sign)));
}

function escapeOf(sign: string): string {
  let code = "";
  for (let at = 0; at < sign.length; at += 1) code += `\\u${sign.charCodeAt(at).toString(16).padStart(4, "0")}`;
  return code;
}
