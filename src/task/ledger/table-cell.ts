/** What cannot stand in a table cell as it is: controls, line separators, lone surrogates, marks that turn the writing direction, Markdown's own signs, and what begins a picture. */
const SPECIAL = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\u{feff}\u{202a}-\u{202e}\u{2066}-\u{2069}\\|<]|!(?=\[)/gu;
const ESCAPE = /\\(?:u\{([0-9a-f]{1,6})\}|([nrt\\|<![\]`]))/g;
/** What would end the text of a link, or begin code that goes on behind it. */
const LINK_SIGN = /[[\]`]/g;
const SHORT: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t" };
const HIGHEST_CODE_POINT = 0x10_ffff;

/**
 * Returns `text` as the content of one cell of a Markdown table: one line, which GitHub shows as it was meant.
 * `\n`, `\r`, `\t`, `\\`, `\|`, `\<`, `\![` are short; anything else special is `\u{hex}`, and so is a space at either end, since
 * editors that align tables change the padding. `unescapeCell` gives back exactly `text`.
 */
export function escapeCell(text: string): string {
  const inner = text.replace(SPECIAL, escapeSign);
  const start = inner.startsWith(" ") ? codePointEscape(" ") + inner.slice(1) : inner;
  return start.endsWith(" ") ? start.slice(0, -1) + codePointEscape(" ") : start;
}

/** Returns `text` as the text of a link in a cell; `unescapeCell` gives it back. */
export function escapeLinkText(text: string): string {
  return escapeCell(text).replace(LINK_SIGN, "\\$&");
}

/** Returns the text a cell stands for. A backslash that begins no escape of ours is itself. */
export function unescapeCell(cell: string): string {
  if (!cell.includes("\\")) return cell;
  return cell.replace(ESCAPE, (whole, hex: string | undefined, sign: string | undefined) => {
    if (hex === undefined) return sign === undefined ? whole : (SHORT[sign] ?? sign);
    const codePoint = Number.parseInt(hex, 16);
    return codePoint > HIGHEST_CODE_POINT ? whole : String.fromCodePoint(codePoint);
  });
}

/**
 * Returns the cells of one line of a table, still escaped and without their padding; `undefined` when the line is no
 * complete row, that is, does not begin and end with a pipe (a torn last line).
 */
export function splitTableRow(line: string): readonly string[] | undefined {
  const row = line.trim();
  if (row.length < 2 || !row.startsWith("|")) return undefined;
  const cells: string[] = [];
  let start = 1;
  for (let at = 1; at < row.length; at += 1) {
    const sign = row.charCodeAt(at);
    if (sign === BACKSLASH) {
      at += 1;
    } else if (sign === PIPE) {
      cells.push(trimPadding(row.slice(start, at)));
      start = at + 1;
    }
  }
  return start === row.length ? cells : undefined;
}

const BACKSLASH = 0x5c;
const PIPE = 0x7c;
const SPACE = 0x20;
const TAB = 0x09;

/** Only spaces and tabs are padding; `trim` would take other white space that belongs to the text. */
function trimPadding(cell: string): string {
  let start = 0;
  let end = cell.length;
  while (start < end && isPadding(cell.charCodeAt(start))) start += 1;
  while (end > start && isPadding(cell.charCodeAt(end - 1))) end -= 1;
  return cell.slice(start, end);
}

function isPadding(code: number): boolean {
  return code === SPACE || code === TAB;
}

function escapeSign(sign: string): string {
  switch (sign) {
    case "\n":
      return "\\n";
    case "\r":
      return "\\r";
    case "\t":
      return "\\t";
    case "\\":
    case "|":
    case "<":
    case "!":
      return `\\${sign}`;
    default:
      return codePointEscape(sign);
  }
}

function codePointEscape(sign: string): string {
  return `\\u{${(sign.codePointAt(0) ?? 0).toString(16)}}`;
}
