import {
  CST,
  type Document,
  type ErrorCode,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  Lexer,
  LineCounter,
  parseDocument,
  type YAMLError,
} from "yaml";
import { type Expectation, type Place, problemAt, quoted } from "../spec/task-problem.ts";
import type { TaskProblem } from "../spec/task-spec.ts";
import { oneLine } from "../text/one-line.ts";

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

/** What a block may have at most. Real ones have dozens of tokens and one or two levels. */
export interface YamlLimits {
  /** Levels of lists and mappings inside each other. The parser recurses, and 65,000 levels end the whole process. */
  readonly nesting: number;
  /** Keys, values and marks. Parsing 65,000 brackets takes more than a second. */
  readonly tokens: number;
  /** Keeps a key that stands there more than once, as a merge of two files leaves it; otherwise that is a problem. */
  readonly repeatedKeys?: boolean;
}

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
  DUPLICATE_KEY: {
    message: "this key is there twice",
    expectation: { expected: "every key once", example: undefined },
  },
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
  const start = { line: firstLine, column: 1 };
  const excess = excessOf(block, limits);
  if (excess !== undefined) return { entries: [], problems: [problemAt(start, excess, KEY_VALUE)] };
  const lines = new LineCounter();
  const placeOf = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { line: line + firstLine - 1, column: col };
  };
  const document: Document = parseDocument(block, {
    version: "1.2",
    schema: "core",
    merge: false,
    strict: true,
    uniqueKeys: limits.repeatedKeys !== true,
    intAsBigInt: true, // A number that does not fit keeps its digits, see numberOf.
    prettyErrors: false,
    logLevel: "error", // "silent" would also leave out that a second document follows.
    lineCounter: lines,
  });
  if (document.errors.length > 0) {
    return { entries: [], problems: document.errors.map((error) => yamlErrorProblem(error, placeOf(error.pos[0]))) };
  }
  const problems: TaskProblem[] = [];
  const root = readNode(document.contents, { placeOf, problems, limits, fallback: start }, 0);
  if (root.entries === undefined && problems.length === 0 && document.contents !== null) {
    problems.push(problemAt(root.place, "the front matter is not a mapping", KEY_VALUE));
  }
  return { entries: root.entries ?? [], problems };
}

/** Returns why the block is not worth parsing. The lexer, unlike the parser, does not recurse. */
function excessOf(block: string, limits: YamlLimits): string | undefined {
  let depth = 0;
  let inLine = 0;
  let tokens = 0;
  let isScalarNext = false;
  for (const source of new Lexer().lex(block)) {
    tokens += 1;
    if (tokens > limits.tokens) return `the front matter has more than ${limits.tokens} keys, values and marks`;
    const type: CST.TokenType | null = isScalarNext ? null : CST.tokenType(source);
    isScalarNext = type === "scalar";
    if (type === "flow-map-start" || type === "flow-seq-start") depth += 1;
    else if (type === "flow-map-end" || type === "flow-seq-end") depth = Math.max(0, depth - 1);
    else if (type === "seq-item-ind" || type === "explicit-key-ind") inLine += 1;
    else if (type === "newline") inLine = 0;
    if (depth + inLine > limits.nesting) return tooDeep(limits);
  }
  return undefined;
}

function tooDeep({ nesting }: YamlLimits): string {
  return `the front matter has lists or mappings more than ${nesting} levels deep`;
}

interface Reading {
  readonly placeOf: (offset: number) => Place;
  readonly problems: TaskProblem[];
  readonly limits: YamlLimits;
  /** Where a value is said to be that has no place of its own. */
  readonly fallback: Place;
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
  const entries = node.items.flatMap((pair) => entryOf(pair.key, pair.value, inner, depth));
  // fromEntries defines properties, so that a key "__proto__" is a key like any other.
  return { ...leaf(Object.fromEntries(entries.map(({ key, value }) => [key, value.plain])), undefined), entries };
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
function yamlErrorProblem(error: YAMLError, place: Place): TaskProblem {
  const meaning = MEANINGS[error.code];
  if (meaning !== undefined) return problemAt(place, meaning.message, meaning.expectation);
  return problemAt(place, `not valid YAML: ${oneLine(error.message, 200)}`, KEY_VALUE);
}
