/** A text as it reads without its escapes, and where each place of it stands in the text. */
export interface PlainView {
  readonly text: string;
  /** Returns the place in the original text of the place `at` in this one. */
  start(at: number): number;
  /** Returns the end in the original text of what ends at `at` here. */
  end(at: number): number;
}

/**
 * What hides a secret without changing it: escapes of JSON (once or several times over), shells, HTML and URLs, codes of terminals, characters that
 * are not seen, and the line ends that `base64` puts into what it prints.
 */
const HIDING =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  /\\{1,64}(?:u[0-9a-fA-F]{4}|[nrtbf!-/:-@[\]^`{-~])|&(?:amp|lt|gt|quot|apos|#\d{1,6}|#x[0-9a-fA-F]{1,5});|\\{2,64}|%[0-9A-Fa-f]{2}|\u001B\[[0-?]{0,32}[ -/]{0,4}[@-~]|(?![\n\r\t])(?:[\p{Cc}\p{Cf}]|[\u{e0100}-\u{e01ef}])|\r?\n(?=[A-Za-z0-9+/=_-])/uy;
/** What each of them begins with. One class is looked for several times as fast as all of them at every place. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const BEGINNING = /[\\&%\n\r\0-\x08\v\f\x0E-\x1F\x7F-\x9F\p{Cf}]|[\u{e0100}-\u{e01ef}]/gu;
/** `base64` breaks its lines after 76 characters, PEM after 64. */
const WRAPPED_MIN = 60;
const WRAPPED = /^[A-Za-z0-9+/_-]{60}$/;
const LETTERS: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", b: " ", f: " " };

/** Tells whether the line end at `at` is one that `base64` may have put there. */
export function isWrappedAt(text: string, at: number): boolean {
  return WRAPPED.test(text.slice(Math.max(0, at - WRAPPED_MIN), at));
}

/** Returns the view of a text, or `undefined` where nothing in it is escaped. Takes linear time. */
export function plainView(text: string): PlainView | undefined {
  /** Of each stretch that is the same in both: where it begins, here and there. */
  const here: number[] = [0];
  const there: number[] = [0];
  const parts: string[] = [];
  let length = 0;
  let at = 0;
  for (const [index, sequence] of hidingSequences(text)) {
    if (sequence.endsWith("\n") && !isWrappedAt(text, index)) continue;
    const character = meaningOf(sequence);
    parts.push(text.slice(at, index), character);
    length += index - at;
    at = index + sequence.length;
    if (character !== "") {
      here.push(length);
      there.push(index);
      length += character.length;
    }
    here.push(length);
    there.push(at);
  }
  if (parts.length === 0) return undefined;
  parts.push(text.slice(at));
  const place = (to: number): number => {
    const stretch = lastAtMost(here, to);
    return Math.min((there[stretch] ?? 0) + to - (here[stretch] ?? 0), there[stretch + 1] ?? text.length);
  };
  return { text: parts.join(""), start: place, end: (to) => (to === 0 ? 0 : place(to - 1) + widthAt(to - 1)) };

  /** How many units of the original one unit of the view takes. */
  function widthAt(to: number): number {
    const stretch = lastAtMost(here, to);
    const isEscape = (here[stretch + 1] ?? -1) === to + 1 && (there[stretch + 1] ?? 0) - (there[stretch] ?? 0) > 1;
    return isEscape && here[stretch] === to ? (there[stretch + 1] ?? 0) - (there[stretch] ?? 0) : 1;
  }
}

/** Yields what `HIDING` finds from left to right, and where. */
function* hidingSequences(text: string): Generator<readonly [index: number, sequence: string]> {
  let from = 0;
  for (;;) {
    BEGINNING.lastIndex = from;
    const found = BEGINNING.exec(text);
    if (found === null) return;
    const [{ length }] = found;
    HIDING.lastIndex = found.index;
    const sequence = HIDING.exec(text)?.[0];
    from = found.index + (sequence?.length ?? length);
    if (sequence !== undefined) yield [found.index, sequence];
  }
}

function meaningOf(sequence: string): string {
  if (sequence.startsWith("%")) {
    const code = Number.parseInt(sequence.slice(1), 16);
    return code < 0x80 ? String.fromCharCode(code) : "\uFFFD";
  }
  if (sequence.startsWith("&")) return entity(sequence.slice(1, -1));
  if (!sequence.startsWith("\\")) return "";
  const [, hex] = /^\\+u(.{4})$/.exec(sequence) ?? [];
  if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16));
  const letter = sequence.at(-1) ?? "";
  return LETTERS[letter] ?? letter;
}

const ENTITIES: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

/** Returns the character of an entity of HTML; of one outside of ASCII only that it is one. */
function entity(name: string): string {
  const code = name.startsWith("#x") ? Number.parseInt(name.slice(2), 16) : Number(name.slice(1));
  return ENTITIES[name] ?? (code < 0x80 ? String.fromCharCode(code) : "\uFFFD");
}

/** Returns the greatest index of a rising list whose number is at most `limit`; of equal ones the last. */
function lastAtMost(numbers: readonly number[], limit: number): number {
  let low = 0;
  let high = numbers.length;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((numbers[middle] ?? 0) <= limit) low = middle;
    else high = middle;
  }
  return low;
}
