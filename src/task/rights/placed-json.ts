import { type Place, placeAt, quoted } from "../spec/task-problem.ts";

/** A value of a JSON text, and where it begins there. */
export interface PlacedJson {
  readonly place: Place;
  /** A list or an object has none. */
  readonly plain: string | number | boolean | null | undefined;
  readonly items: readonly PlacedJson[] | undefined;
  /** Every key once. */
  readonly entries: readonly PlacedEntry[] | undefined;
}

export interface PlacedEntry {
  readonly key: string;
  readonly place: Place;
  readonly value: PlacedJson;
}

export type JsonReading =
  | { readonly value: PlacedJson }
  | { readonly problem: { readonly place: Place; readonly message: string } };

const BLANKS = /[ \t\r\n]*/y;
const TOKEN =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: JSON's own rule for what a string may hold.
  /[{}[\]:,]|"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4}))*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.])|(?:true|false|null)(?!\w)/y;
const LEVELS_MAX = 20;

class JsonFault extends Error {
  readonly offset: number;

  constructor(offset: number, message: string) {
    super(message);
    this.offset = offset;
  }
}

/**
 * Reads a JSON text strictly. `JSON.parse` says of some mistakes where they are and of others not, and takes the last of two equal
 * keys without a word.
 */
export function readPlacedJson(text: string): JsonReading {
  const reader = { text, offset: text.startsWith("\uFEFF") ? 1 : 0 };
  try {
    const value = readValue(reader, next(reader), 0);
    const rest = peek(reader);
    if (rest !== undefined) throw new JsonFault(rest.offset, `${quoted(rest.text)} after the end of the value`);
    return { value };
  } catch (error) {
    if (!(error instanceof JsonFault)) throw error;
    return { problem: { place: placeAt(text, error.offset), message: error.message } };
  }
}

interface Reader {
  readonly text: string;
  offset: number;
}

interface Token {
  readonly text: string;
  readonly offset: number;
}

function peek(reader: Reader): Token | undefined {
  const { text } = reader;
  BLANKS.lastIndex = reader.offset;
  BLANKS.exec(text);
  const offset = BLANKS.lastIndex;
  if (offset >= text.length) return undefined;
  TOKEN.lastIndex = offset;
  const [found] = TOKEN.exec(text) ?? [];
  if (found !== undefined) return { text: found, offset };
  const [rest = ""] = /^(?:"[^\n]*|[^\s,:{}[\]]+|.)/u.exec(text.slice(offset, offset + 80)) ?? [];
  throw new JsonFault(offset, `${quoted(rest)} is not valid JSON`);
}

function next(reader: Reader): Token {
  const token = peek(reader);
  if (token === undefined) throw new JsonFault(reader.text.length, "the text ends too early");
  reader.offset = token.offset + token.text.length;
  return token;
}

function readValue(reader: Reader, token: Token, level: number): PlacedJson {
  const place = placeAt(reader.text, token.offset);
  if (level > LEVELS_MAX) throw new JsonFault(token.offset, `there are more than ${LEVELS_MAX} levels`);
  const empty = { place, plain: undefined, items: undefined, entries: undefined };
  if (token.text === "[") {
    const items: PlacedJson[] = [];
    readMembers(reader, "]", (first) => items.push(readValue(reader, first, level + 1)));
    return { ...empty, items };
  }
  if (token.text === "{") {
    const entries: PlacedEntry[] = [];
    readMembers(reader, "}", (first) => entries.push(readEntry(reader, first, level, entries)));
    return { ...empty, entries };
  }
  if (/^[}\]:,]/.test(token.text)) throw new JsonFault(token.offset, `${quoted(token.text)} where a value is expected`);
  return { ...empty, plain: JSON.parse(token.text) };
}

function readEntry(reader: Reader, name: Token, level: number, before: readonly PlacedEntry[]): PlacedEntry {
  if (!name.text.startsWith('"'))
    throw new JsonFault(name.offset, `${quoted(name.text)} where a key in double quotes is expected`);
  const key: string = JSON.parse(name.text);
  if (before.some((entry) => entry.key === key))
    throw new JsonFault(name.offset, `the key ${quoted(key)} is there twice`);
  const colon = next(reader);
  if (colon.text !== ":") throw new JsonFault(colon.offset, `${quoted(colon.text)} where ":" is expected`);
  return { key, place: placeAt(reader.text, name.offset), value: readValue(reader, next(reader), level + 1) };
}

/** Reads what is between a bracket and its `end`, which is read too. */
function readMembers(reader: Reader, end: "]" | "}", read: (first: Token) => void): void {
  let token = next(reader);
  if (token.text === end) return;
  for (;;) {
    read(token);
    const after = next(reader);
    if (after.text === end) return;
    if (after.text !== ",")
      throw new JsonFault(after.offset, `${quoted(after.text)} where "," or "${end}" is expected`);
    token = next(reader);
  }
}
