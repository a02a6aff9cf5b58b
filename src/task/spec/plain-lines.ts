import type { YamlLimits } from "./yaml-limits.ts";
import type { YamlEntry, YamlValue } from "./yaml-mapping.ts";

/** `key: value`; nothing else that YAML knows begins like this. */
const LINE = /^([A-Za-z][A-Za-z0-9_]{0,99}): (\S.*)$/;
const KEY_LENGTH_MAX = 100;
/** More are left to the parser, which counts them. */
const LINES_MAX = 200;
const NUMBER = /^(?:0|[1-9]\d{0,14})$/;
/** Begins like a word, a path or an id. */
const PLAIN_START = /^[A-Za-z0-9/]/;
/** What YAML takes for a number. */
const NUMERIC = /^(?:\d+(?:\.\d*)?(?:[eE][-+]?\d+)?|0x[\da-fA-F]+|0o[0-7]+)$/;
/** What ends a plain text or begins a comment, and what does not stand in one line. */
const NOT_PLAIN = /:(?:\s|$)|\s#|\s$|[\p{Cc}\p{Cs}\u2028\u2029\uFEFF]/u;
/** What YAML takes for something else than text. */
const WORDS: ReadonlySet<string> = new Set(["null", "Null", "NULL", "true", "True", "TRUE", "false", "False", "FALSE"]);

/** Tells whether YAML 1.2 reads `text`, written as it is behind "key: ", as this very text. May say no where it does. */
export function isPlainText(text: string): boolean {
  return PLAIN_START.test(text) && !NOT_PLAIN.test(text) && !NUMERIC.test(text) && !WORDS.has(text);
}

/**
 * Reads a block of YAML of which every line is "key: value", each value a plain text, a number, `true`, `false` or JSON: as nearly all
 * are written, and in a tenth of a parser's time. Returns `undefined` for anything else, right or wrong: the parser's to read.
 *
 * @param firstLine the line of the file on which the block begins
 */
export function readPlainLines(block: string, firstLine: number, limits: YamlLimits): readonly YamlEntry[] | undefined {
  const lines = block.split("\n");
  if (lines.pop() !== "" || lines.length > LINES_MAX) return undefined;
  const entries: YamlEntry[] = [];
  for (const [index, text] of lines.entries()) {
    const [, key = "", written = ""] = LINE.exec(text) ?? [];
    if (key === "" || WORDS.has(key)) return undefined;
    const line = firstLine + index;
    const value = readValue(written, { line, column: key.length + 3 }, limits);
    if (value === undefined) return undefined;
    entries.push({ key, keyPlace: { line, column: 1 }, value });
  }
  const isEachOnce = new Set(entries.map(({ key }) => key)).size === entries.length;
  return isEachOnce || limits.repeatedKeys === true ? entries : undefined;
}

function readValue(written: string, place: YamlValue["place"], limits: YamlLimits): YamlValue | undefined {
  const leaf = (plain: unknown, text: string | undefined): YamlValue => ({
    ...{ plain, text, place, items: undefined, entries: undefined },
  });
  if (isPlainText(written)) return leaf(written, written);
  if (NUMBER.test(written)) return leaf(Number(written), written);
  if (written === "true" || written === "false") return leaf(written === "true", written);
  if (!/^["[{]/.test(written)) return undefined;
  if (written.split(/[[{]/).length > limits.nesting) return undefined;
  const plain = parsedJson(written);
  // The places of what stands in a list or a mapping are known to the parser alone, and of a file of ours nobody asks for them.
  if (typeof plain === "string") return leaf(plain, plain);
  const isRead = plain !== undefined && limits.repeatedKeys === true && hasUsualKeys(plain);
  return isRead ? leaf(plain, undefined) : undefined;
}

/** Tells whether the keys of all mappings in `value` are such that are read. */
function hasUsualKeys(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return true;
  const isUsual = (key: string): boolean => key !== "" && key !== "<<" && key.length <= KEY_LENGTH_MAX;
  return (Array.isArray(value) || Object.keys(value).every(isUsual)) && Object.values(value).every(hasUsualKeys);
}

/** `undefined` also for what is written in another way than `JSON.stringify` does. */
function parsedJson(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return JSON.stringify(value) === text ? value : undefined;
  } catch {
    return undefined;
  }
}
