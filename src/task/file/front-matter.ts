import matter from "gray-matter";
import { stringify } from "yaml";
import { isPlainText } from "../spec/plain-lines.ts";
import { type Place, placeAt, problemAt, quoted } from "../spec/task-problem.ts";
import type { TaskProblem } from "../spec/task-spec.ts";
import { readYamlMapping, type YamlMapping } from "../spec/yaml-mapping.ts";
import { utf8Length } from "../text/utf8.ts";
import { DROPPED, type FrontMatter, type FrontMatterLimits, readPlainFrontMatter } from "./plain-front-matter.ts";

/**
 * Blanks in a row where empty lines are among them. gray-matter looks for comments anew at each line, through all blanks that follow:
 * 65,000 empty lines took 5 s, 1 MB of blanks in 2,000 lines 2.2 s (4.0.3).
 */
const BLANKS_MAX = 200;

const BYTE_ORDER_MARK = "\uFEFF";
/** The opening line without blanks at its end. gray-matter takes any word here for a language, and evaluates the block where it is `js`. */
const OPENING = /^---[ \t]*([A-Za-z][A-Za-z0-9_+-]*)?$/;
const CARRIAGE_RETURNS = /^---[ \t]*\r./;
const LINE_ENDS = "lines that end with a line feed (LF or CRLF)";
const CLOSING = /^---[ \t]*\r?$/;

const EXAMPLE = "---\ntitle: Fix the login redirect\n---\nThe prompt.";
const CLOSED = { expected: 'a line "---" alone after the keys', example: EXAMPLE };
const RULE_HINT = 'a prompt that begins with a horizontal rule writes it "***", or has an empty line before it';
const START: Place = { line: 1, column: 1 };

/**
 * Separates front matter and body. A file whose first line is not `---` has none: all of it is body, a byte order mark
 * included. What is wrong is in `problems`; then `entries` may be incomplete.
 */
export function readFrontMatter(text: string, limits: FrontMatterLimits = DROPPED): FrontMatter {
  const start = text.startsWith(BYTE_ORDER_MARK) ? 1 : 0;
  const plain = readPlainFrontMatter(text, limits);
  if (plain !== undefined) return plain;
  const opening = lineAt(text, start);
  const refuse = (problem: TaskProblem, body = text): FrontMatter => ({
    ...{ entries: [], body, bodyPlace: placeAt(text, text.length - body.length), problems: [problem] },
  });
  if (CARRIAGE_RETURNS.test(opening)) {
    const message = "the lines of this file end with a carriage return alone";
    return refuse(problemAt(START, message, { ...CLOSED, expected: LINE_ENDS }));
  }
  const [isFrontMatter, language] = OPENING.exec(withoutBlanksAtEnd(opening)) ?? [];
  if (isFrontMatter === undefined) return { entries: [], body: text, bodyPlace: START, problems: [] };
  if (language !== undefined && !/^ya?ml$/.test(language)) {
    const message = `the first line asks for front matter in ${quoted(language)}; only YAML is read`;
    return refuse(problemAt({ line: 1, column: 4 + start }, message, { expected: '"---" alone', example: EXAMPLE }));
  }
  const blockStart = start + opening.length;
  const blockEnd = text.indexOf("\n---", blockStart);
  if (blockEnd === -1) {
    const message = `the front matter that begins here is never closed (${RULE_HINT})`;
    return refuse(problemAt(START, message, CLOSED), "");
  }
  const closing = lineAt(text, blockEnd + 1);
  if (!CLOSING.test(closing)) {
    const message = `the line ${quoted(closing)} neither closes the front matter nor belongs to it (${RULE_HINT})`;
    return refuse(problemAt(placeAt(text, blockEnd + 1), message, CLOSED), "");
  }
  // Before gray-matter sees it, see BLANKS_MAX.
  const tooLarge = sizeProblem(text.slice(blockStart + 1, blockEnd + 1), limits);
  if (tooLarge !== undefined) return refuse(tooLarge, text.slice(blockEnd + closing.length + 2));
  return split(text, closing, limits);
}

/**
 * Lets gray-matter split the file and call the only engine it has, ours. Options are always passed: without them it returns
 * `{}` for the second parse of a broken text. The opening line names no other language, and the other engines are replaced by
 * one that throws, so nothing is ever evaluated.
 */
function split(text: string, closing: string, limits: FrontMatterLimits): FrontMatter {
  // The block begins with the line feed of the opening line, so that its second line is the second of the file.
  const yaml = (block: string): YamlMapping => readYamlMapping(block, 1, limits);
  const engines = { yaml, json: refuseLanguage, javascript: refuseLanguage };
  const { data, content } = matter(text, { language: "yaml", engines }) as {
    data: Partial<YamlMapping>;
    content: string;
  };
  // Blanks after the closing mark are left to the body by gray-matter, with the line's end.
  const body = /^---[ \t]/.test(closing) ? content.slice(closing.length - 3).replace(/^\n/, "") : content;
  const bodyPlace = placeAt(text, text.length - body.length);
  return { entries: data.entries ?? [], body, bodyPlace, problems: data.problems ?? [] };
}

function refuseLanguage(): never {
  throw new Error("front matter in another language than YAML reached the parser");
}

function sizeProblem(block: string, limits: FrontMatterLimits): TaskProblem | undefined {
  const expectation = { expected: "keys and short values; the long part is the prompt", example: EXAMPLE };
  if (block.length > limits.bytes || utf8Length(block) > limits.bytes) {
    return problemAt(START, `the front matter is longer than ${limits.bytes} bytes`, expectation);
  }
  if (block.split("\n").length - 1 > limits.lines) {
    return problemAt(START, `the front matter has more than ${limits.lines} lines`, expectation);
  }
  for (const [blanks] of block.matchAll(/\s+/g)) {
    if (blanks.length > BLANKS_MAX && /[\n\r\u2028\u2029].*[\n\r\u2028\u2029]/su.test(blanks))
      return problemAt(START, `the front matter has more than ${BLANKS_MAX} blanks over empty lines`, expectation);
  }
  return undefined;
}

/** Returns a line without a carriage return at its end and the blanks before that. */
function withoutBlanksAtEnd(line: string): string {
  let end = line.endsWith("\r") ? line.length - 1 : line.length;
  while (end > 0 && (line[end - 1] === " " || line[end - 1] === "\t")) end -= 1;
  return line.slice(0, end);
}

/** Returns the line at `start`, without its line feed. */
function lineAt(text: string, start: number): string {
  const end = text.indexOf("\n", start);
  return end === -1 ? text.slice(start) : text.slice(start, end);
}

/**
 * Returns front matter with these keys, one line each, in their order; absent values (`undefined`) are left out. Keys and values have
 * passed the redaction boundary one by one: once they are part of YAML, a replaced span could break the syntax.
 */
export function renderFrontMatter(values: readonly (readonly [key: string, value: unknown])[]): string {
  return `---\n${renderLines(values)}---\n`;
}

/** Returns the lines between the marks. */
export function renderLines(values: readonly (readonly [key: string, value: unknown])[]): string {
  return values.map(([key, value]) => (value === undefined ? "" : `${scalar(key)}: ${valueText(value)}\n`)).join("");
}

/** Lists and mappings are written as JSON, which YAML 1.2 contains: one line for any content. */
function valueText(value: unknown): string {
  if (typeof value === "object" && value !== null) return JSON.stringify(value);
  return scalar(value);
}

function scalar(value: unknown): string {
  if (typeof value === "string" && isPlainText(value)) return value;
  if (typeof value === "boolean" || Number.isSafeInteger(value)) return String(value);
  // A text with a line break would be written as a block; JSON keeps every key on its own line.
  if (typeof value === "string" && /[\p{Cc}\u2028\u2029\uFEFF]/u.test(value)) return JSON.stringify(value);
  return stringify(value, { version: "1.2", schema: "core", lineWidth: 0 }).trimEnd();
}
