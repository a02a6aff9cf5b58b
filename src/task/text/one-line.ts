/** Characters that change how text is shown without being seen: direction overrides and a stray byte order mark. */
const INVISIBLE = /[\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069\uFEFF]/g;

/** Returns `text` without control characters (line breaks and tabs stay) and without direction overrides. */
export function printable(text: string): string {
  return text
    .replaceAll(/\r\n?|[\u2028\u2029]/g, "\n")
    .replaceAll(/(?![\n\t])\p{Cc}/gu, "")
    .replaceAll(INVISIBLE, "")
    .toWellFormed();
}

/**
 * Returns `text` as one line for people: line breaks and runs of blanks become one space, control characters go.
 *
 * @param charactersMax characters (Unicode code points) that may be left, an ellipsis included
 */
export function oneLine(text: string, charactersMax: number): string {
  // Two code units hold any character, and blanks at the front may take as many again: more is never looked at.
  const flat = printable(text.slice(0, charactersMax * 8))
    .replaceAll(/[\s\u2028\u2029]+/g, " ")
    .trim();
  const isCut = text.length > charactersMax * 8;
  return shorten(isCut ? `${flat} …`.trimStart() : flat, charactersMax);
}

/** Returns `text` cut to `charactersMax` code points; the last of them is an ellipsis when something was cut. */
export function shorten(text: string, charactersMax: number): string {
  if (text.length <= charactersMax) return text;
  const characters = [...text.slice(0, charactersMax * 2 + 2)];
  if (characters.length <= charactersMax) return text;
  return `${characters
    .slice(0, charactersMax - 1)
    .join("")
    .trimEnd()}…`;
}

const CONFLICT_MARKER = /^(?:<{7}|={7}|>{7}|\|{7})(?: |\r?$)/;

/** Returns whether the line is one that `git merge` leaves around a conflict. */
export function isConflictMarker(line: string): boolean {
  return CONFLICT_MARKER.test(line);
}
