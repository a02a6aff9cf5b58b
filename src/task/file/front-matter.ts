import matter from "gray-matter";
import { type Place, placeAt, problemAt, quoted } from "../spec/task-problem.ts";
import type { TaskProblem } from "../spec/task-spec.ts";
import { utf8Length } from "../text/utf8.ts";
import { readYamlMapping, type YamlEntry, type YamlLimits } from "./yaml-mapping.ts";

/** A Markdown file taken apart. `body` is what follows the newline of the closing line, byte for byte. */
export interface FrontMatter {
  readonly entries: readonly YamlEntry[];
  readonly body: string;
  readonly bodyPlace: Place;
  readonly problems: readonly TaskProblem[];
}

export interface FrontMatterLimits extends YamlLimits {
  readonly bytes: number;
  /** gray-matter looks for comments in time quadratic in the number of empty lines: 65,000 of them take 5 s (4.0.3). */
  readonly lines: number;
}

/** What the front matter of a file that somebody dropped may have at most. */
const DROPPED: FrontMatterLimits = { bytes: 65_536, lines: 1_000, nesting: 32, tokens: 10_000 };

const BYTE_ORDER_MARK = "\uFEFF";
const OPENING = /^---[ \t]*(?:ya?ml[ \t]*)?\r?$/;
/** gray-matter takes any word here for a language, and evaluates the block where the word is `js`. */
const OTHER_LANGUAGE = /^---[ \t]*([A-Za-z][A-Za-z0-9_+-]*)[ \t]*\r?$/;
const CARRIAGE_RETURNS = /^---[ \t]*\r./;
const LINE_ENDS = "lines that end with a line feed (LF or CRLF)";
const CLOSING = /^---[ \t]*\r?$/;

const EXAMPLE = "---\ntitle: Fix the login redirect\n---\nThe prompt.";
const CLOSED = { expected: 'a line "---" alone after the keys', example: EXAMPLE };
const RULE_HINT = 'a prompt that begins with a horizontal rule writes it "***", or has an empty line before it';

/**
 * Separates front matter and body. A file whose first line is not `---` has none: all of it is body, a byte order mark
 * included. What is wrong is in `problems`; then `entries` may be incomplete.
 */
export function readFrontMatter(text: string, limits: FrontMatterLimits = DROPPED): FrontMatter {
  const start = text.startsWith(BYTE_ORDER_MARK) ? 1 : 0;
  const [opening, blockStart] = lineAt(text, start);
  const none = { entries: [], body: text, bodyPlace: { line: 1, column: 1 }, problems: [] };
  if (CARRIAGE_RETURNS.test(opening)) {
    const message = "the lines of this file end with a carriage return alone";
    return { ...none, problems: [problemAt(none.bodyPlace, message, { ...CLOSED, expected: LINE_ENDS })] };
  }
  if (!OPENING.test(opening)) {
    const language = OTHER_LANGUAGE.exec(opening)?.[1];
    if (language === undefined) return none;
    const message = `the first line asks for front matter in ${quoted(language)}; only YAML is read`;
    return {
      ...none,
      problems: [problemAt({ line: 1, column: 4 + start }, message, { expected: '"---" alone', example: EXAMPLE })],
    };
  }
  const closing = findClosing(text, blockStart);
  if (closing.problem !== undefined) return { ...none, body: "", problems: [closing.problem] };
  const block = text.slice(blockStart, closing.lineStart);
  const body = { body: text.slice(closing.bodyStart), bodyPlace: placeAt(text, closing.bodyStart) };
  const tooLarge = sizeProblem(block, limits);
  if (tooLarge !== undefined) return { entries: [], ...body, problems: [tooLarge] };
  return { ...parseBlock(block, limits), ...body };
}

interface Closing {
  readonly lineStart: number;
  readonly bodyStart: number;
  readonly problem: TaskProblem | undefined;
}

/** Finds the line that closes the front matter: the first that begins with `---`, which then has to be all of it. */
function findClosing(text: string, blockStart: number): Closing {
  let lineStart = blockStart;
  while (lineStart < text.length) {
    const [line, next] = lineAt(text, lineStart);
    if (CLOSING.test(line)) return { lineStart, bodyStart: next, problem: undefined };
    if (line.startsWith("---")) {
      const message = `the line ${quoted(line)} neither closes the front matter nor belongs to it (${RULE_HINT})`;
      return { lineStart, bodyStart: next, problem: problemAt(placeAt(text, lineStart), message, CLOSED) };
    }
    lineStart = next;
  }
  const message = `the front matter that begins here is never closed (${RULE_HINT})`;
  return { lineStart, bodyStart: lineStart, problem: problemAt({ line: 1, column: 1 }, message, CLOSED) };
}

function sizeProblem(block: string, limits: FrontMatterLimits): TaskProblem | undefined {
  const expectation = { expected: "keys and short values; the long part is the prompt", example: EXAMPLE };
  const place = { line: 1, column: 1 };
  if (block.length > limits.bytes || utf8Length(block) > limits.bytes) {
    return problemAt(place, `the front matter is longer than ${limits.bytes} bytes`, expectation);
  }
  if (block.split("\n").length - 1 > limits.lines) {
    return problemAt(place, `the front matter has more than ${limits.lines} lines`, expectation);
  }
  return undefined;
}

/**
 * Hands the block to gray-matter with one engine, ours. Options are always passed: without them it returns `{}` for the
 * second parse of a broken text. The opening line it sees names no language, and the other engines are replaced by one
 * that throws, so nothing is ever evaluated.
 */
function parseBlock(block: string, limits: FrontMatterLimits): Pick<FrontMatter, "entries" | "problems"> {
  let parsed: Pick<FrontMatter, "entries" | "problems"> = { entries: [], problems: [] }; // Stays so for an empty block.
  const read = (yaml: string): object => {
    // gray-matter hands over the newline of the opening line too: line 1 of `yaml` is line 1 of the file.
    parsed = readYamlMapping(yaml.slice(1), 2, limits);
    return {};
  };
  const engines = { yaml: read, json: refuse, javascript: refuse, js: refuse, coffee: refuse, cson: refuse };
  matter(`---\n${block}---\n`, { language: "yaml", engines });
  return parsed;
}

function refuse(): never {
  throw new Error("front matter in another language than YAML reached the parser");
}

/** Returns the line at `start`, without its line feed, and where the next one begins. */
function lineAt(text: string, start: number): readonly [line: string, next: number] {
  const end = text.indexOf("\n", start);
  return end === -1 ? [text.slice(start), text.length] : [text.slice(start, end), end + 1];
}
