import { shorten } from "./one-line.ts";

/**
 * Characters that are read without being seen: controls, format characters (zero-width blanks, direction overrides, tags) and
 * the variation selectors beyond those that pictures use. Joiners stay, as Persian and Hindi are written with them.
 */
const UNSEEN = /(?![\u200c\u200d])(?:\p{Cc}|\p{Cf}|[\u{e0100}-\u{e01ef}])/gu;
/** Long enough for the text before a match to be understood. */
const BEFORE_MATCH_SHARE = 0.25;

/** Returns `text` on one line, with nothing in it that cannot be seen: blanks and line breaks of every kind become one space. */
export function plainLine(text: string): string {
  return text
    .replaceAll(/[\s\u0085]+/g, " ")
    .replaceAll(UNSEEN, "")
    .replaceAll(/ {2,}/g, " ")
    .trim()
    .toWellFormed();
}

/** Returns `text` cut to `charactersMax` code points around the one at `index` (UTF-16), an ellipsis at either cut. */
export function shortenAround(text: string, index: number, charactersMax: number): string {
  if (shorten(text, charactersMax) === text) return text;
  const wanted = Math.min(index - Math.floor(charactersMax * BEFORE_MATCH_SHARE), text.length - charactersMax + 1);
  if (wanted <= 0) return shorten(text, charactersMax);
  const isHalf = /[\udc00-\udfff]/.test(text.charAt(wanted));
  return shorten(`…${text.slice(isHalf ? wanted + 1 : wanted).trimStart()}`, charactersMax);
}
