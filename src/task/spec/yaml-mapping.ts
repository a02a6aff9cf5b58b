import {
  type Document,
  type ErrorCode,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  type YAMLError,
  type YAMLMap,
} from "yaml";
import { oneLine } from "../text/one-line.ts";
import { type Expectation, type Place, placeAt, problemAt, quoted } from "./task-problem.ts";
import type { TaskProblem } from "./task-spec.ts";
import { excessOf, tooDeep, type YamlLimits } from "./yaml-limits.ts";

/** A value with its place in the file. */
export interface YamlValue {
  /** As plain data: text, numbers, booleans, `null`, lists, records. */
  readonly plain: unknown;
  /** How it reads as text: `1.10` stays "1.10". `undefined` for lists, mappings and nothing. */
  readonly text: string | undefined;
  readonly place: Place;
  readonly items: readonly YamlValue[] | undefined;
  readonly entries: readonly YamlEntry[] | undefined;
}

export interface YamlEntry {
  readonly key: string;
  readonly keyPlace: Place;
  readonly value: YamlValue;
}

export interface YamlMapping {
  readonly entries: readonly YamlEntry[];
  readonly problems: readonly TaskProblem[];
}

const BYTE_ORDER_MARK = "\uFEFF";
const KEY_LENGTH_MAX = 100;

const KEY_VALUE = { expected: 'lines of the form "key: value"', example: "title: Fix the login redirect" };
const QUOTED = { expected: "the value in double quotes", example: 'title: "Login: fix the redirect"' };

/** The parser's errors in the words of a task file; all others keep the parser's message. */
const MEANINGS: Partial<Record<ErrorCode, { readonly message: string; readonly expectation: Expectation }>> = {
  BLOCK_AS_IMPLICIT_KEY: {
    message: 'a value with ": " in it is not in quotes, or a line is indented',
    expectation: QUOTED,
  },
  MULTILINE_IMPLICIT_KEY: { message: "a value goes on in the next line", expectation: QUOTED },
  BAD_SCALAR_START: { message: "a value begins with a character that has a meaning in YAML", expectation: QUOTED },
  TAB_AS_INDENT: { message: "a tab is used as indentation", expectation: { expected: "spaces", example: undefined } },
  MULTIPLE_DOCS: { message: 'a line "..." ends the YAML early', expectation: KEY_VALUE },
};

/**
 * Reads a block of YAML 1.2 (core schema) that has to be a mapping. Nothing in it is evaluated, and it means what it
 * shows: tags, anchors, aliases and merge keys are refused.
 *
 * @param firstLine the line of the file on which the block begins
 */
export function readYamlMapping(block: string, firstLine: number, limits: YamlLimits): YamlMapping {
  const { root, problems } = readYaml(block, firstLine, limits, false);
  if (root?.entries === undefined && root !== undefined && root.plain !== null && problems.length === 0)
    return { entries: [], problems: [problemAt(root.place, "the front matter is not a mapping", KEY_VALUE)] };
  return { entries: root?.entries ?? [], problems };
}

export type JsonReading = { readonly value: YamlValue } | { readonly problem: TaskProblem };

/**
 * Reads a JSON text strictly, with the place of every key and value: JSON is YAML 1.2. `JSON.parse` decides what is JSON but
 * takes the last of two equal keys without a word, and does not tell the place of every mistake.
 */
export function readJson(text: string, limits: YamlLimits): JsonReading {
  const start = text.startsWith(BYTE_ORDER_MARK) ? 1 : 0;
  const { root, problems } = readYaml(text, 1, limits, true);
  const [first] = problems;
  try {
    JSON.parse(text.slice(start));
  } catch (error) {
    const { message } = error as SyntaxError;
    const [, sentence = message, offset] = /^(.*?)(?: in JSON)? at position (\d+)/.exec(message) ?? [];
    if (message.startsWith("Unexpected end"))
      return { problem: jsonProblem(text, text.length, "the text ends too early") };
    if (offset !== undefined) return { problem: jsonProblem(text, start + Number(offset), sentence) };
    return { problem: first ?? jsonProblem(text, start, message) };
  }
  if (first !== undefined || root === undefined) return { problem: first ?? jsonProblem(text, start, "no JSON") };
  return { value: root };
}

function jsonProblem(text: string, offset: number, message: string): TaskProblem {
  return problemAt(placeAt(text, offset), message, { expected: "JSON", example: undefined });
}

interface YamlReading {
  /** `undefined` where the text could not be parsed. */
  readonly root: YamlValue | undefined;
  readonly problems: readonly TaskProblem[];
}

function readYaml(block: string, firstLine: number, limits: YamlLimits, isJson: boolean): YamlReading {
  const start = { line: firstLine, column: 1 };
  const excess = excessOf(block, limits);
  if (excess !== undefined) {
    const place = placeAt(block, excess.offset);
    const problem = problemAt({ ...place, line: place.line + firstLine - 1 }, excess.message, KEY_VALUE);
    return { root: undefined, problems: [problem] };
  }
  const lines = new LineCounter();
  const placeOf = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { line: line + firstLine - 1, column: col };
  };
  const document: Document = withoutStacks(() =>
    parseDocument(block, {
      version: "1.2",
      schema: "core",
      merge: false,
      strict: true,
      uniqueKeys: false, // Told with its name, see entriesOf.
      intAsBigInt: true, // A number that does not fit keeps its digits, see plainScalar.
      prettyErrors: false,
      logLevel: "error", // "silent" would also leave out that a second document follows.
      lineCounter: lines,
    }),
  );
  if (document.errors.length > 0)
    return {
      root: undefined,
      problems: document.errors.map((error) => yamlErrorProblem(error, placeOf(error.pos[0]), isJson)),
    };
  const problems: TaskProblem[] = [];
  const json = isJson ? block : undefined;
  return { root: readNode(document.contents, { placeOf, problems, limits, fallback: start, json }, 0), problems };
}

/** The parser makes an error of each mark that is out of place, and the stacks of thousands take longer than all else. */
function withoutStacks<Result>(parse: () => Result): Result {
  const before = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    return parse();
  } finally {
    Error.stackTraceLimit = before;
  }
}

interface Reading {
  readonly placeOf: (offset: number) => Place;
  readonly problems: TaskProblem[];
  readonly limits: YamlLimits;
  /** Where a value is said to be that has no place of its own. */
  readonly fallback: Place;
  /** The whole text where every scalar has to be one of JSON. */
  readonly json: string | undefined;
}

function readNode(node: unknown, reading: Reading, depth: number): YamlValue {
  const place = placeOfNode(node, reading);
  const leaf = (plain: unknown, text: string | undefined): YamlValue => ({
    plain,
    text,
    place,
    items: undefined,
    entries: undefined,
  });
  const refuse = (message: string, expected: string): YamlValue => {
    reading.problems.push(problemAt(place, message, { expected, example: undefined }));
    return leaf(null, undefined);
  };
  if (depth > reading.limits.nesting) return refuse(tooDeep(reading.limits), "a flat list of keys and values");
  if (isAlias(node)) return refuse(`the alias *${node.source} is not read`, "the value itself, written out");
  if (node === null || node === undefined) return leaf(null, undefined);
  if (!isScalar(node) && !isMap(node) && !isSeq(node))
    return refuse("this value is not read", "text, a number or a list");
  if (node.anchor !== undefined) return refuse(`the anchor &${node.anchor} is not read`, "the value without an anchor");
  if (node.tag !== undefined) return refuse(`the tag ${quoted(node.tag)} is not read`, "the value without a tag");
  const inner = { ...reading, fallback: place };
  if (isScalar(node) && reading.json !== undefined) {
    const token = reading.json.slice(...(node.range ?? [0, 0]).slice(0, 2));
    try {
      const plain: unknown = JSON.parse(token);
      return leaf(plain, typeof plain === "string" ? plain : token);
    } catch {
      return refuse(`${quoted(token)} is not valid JSON`, "JSON");
    }
  }
  if (isScalar(node)) {
    const plain = typeof node.value === "string" ? node.value : plainScalar(node.value, node.source);
    return leaf(plain, typeof plain === "string" ? plain : plain === null ? undefined : (node.source ?? String(plain)));
  }
  if (isSeq(node)) {
    const items = node.items.map((item) => readNode(item, inner, depth + 1));
    return {
      ...leaf(
        items.map((item) => item.plain),
        undefined,
      ),
      items,
    };
  }
  const entries = entriesOf(node, inner, depth);
  // fromEntries defines properties, so that a key "__proto__" is a key like any other.
  return { ...leaf(Object.fromEntries(entries.map(({ key, value }) => [key, value.plain])), undefined), entries };
}

function entriesOf(node: YAMLMap, reading: Reading, depth: number): readonly YamlEntry[] {
  const entries = node.items.flatMap((pair) => entryOf(pair.key, pair.value, reading, depth));
  if (reading.limits.repeatedKeys === true) return entries;
  const seen = new Set<string>();
  for (const { key, keyPlace } of entries) {
    const expected = { expected: "every key once", example: undefined };
    if (seen.has(key)) reading.problems.push(problemAt(keyPlace, `the key ${quoted(key)} is there twice`, expected));
    seen.add(key);
  }
  return entries;
}

function entryOf(keyNode: unknown, valueNode: unknown, reading: Reading, depth: number): readonly YamlEntry[] {
  const problemsBefore = reading.problems.length;
  const key = readNode(keyNode, reading, depth + 1);
  const value = readNode(valueNode, { ...reading, fallback: key.place }, depth + 1);
  const expected = { expected: "a word as the key", example: KEY_VALUE.example };
  if (key.text === undefined || key.text === "") {
    if (reading.problems.length === problemsBefore) {
      reading.problems.push(problemAt(key.place, "this key is not a word", expected));
    }
    return [];
  }
  if (key.text.length > KEY_LENGTH_MAX) {
    reading.problems.push(problemAt(key.place, `this key is longer than ${KEY_LENGTH_MAX} characters`, expected));
    return [];
  }
  if (key.text === "<<") {
    const message = 'the merge key "<<" is not read';
    reading.problems.push(problemAt(key.place, message, { ...expected, expected: "the keys themselves, written out" }));
    return [];
  }
  return [{ key: key.text, keyPlace: key.place, value }];
}

function placeOfNode(node: unknown, reading: Reading): Place {
  if (!isScalar(node) && !isMap(node) && !isSeq(node) && !isAlias(node)) return reading.fallback;
  return node.range ? reading.placeOf(node.range[0]) : reading.fallback;
}

/** Keeps a number as it was written wherever JavaScript would write it otherwise: nothing of an unknown key is lost. */
function plainScalar(value: unknown, source: string | undefined): unknown {
  if (typeof value !== "bigint" && typeof value !== "number") return value ?? null;
  const number = Number(value);
  return source === undefined || String(number) === source ? number : source;
}

/** Returns a parser's error as a problem of a task file. */
function yamlErrorProblem(error: YAMLError, place: Place, isJson: boolean): TaskProblem {
  const meaning = MEANINGS[error.code];
  if (meaning !== undefined && !isJson) return problemAt(place, meaning.message, meaning.expectation);
  return problemAt(place, `not valid ${isJson ? "JSON" : "YAML"}: ${oneLine(error.message, 200)}`, KEY_VALUE);
}
