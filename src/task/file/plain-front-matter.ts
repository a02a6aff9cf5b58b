import { readPlainLines } from "../spec/plain-lines.ts";
import { type Place, placeAt } from "../spec/task-problem.ts";
import type { TaskProblem } from "../spec/task-spec.ts";
import type { YamlLimits } from "../spec/yaml-limits.ts";
import type { YamlEntry } from "../spec/yaml-mapping.ts";
import { utf8Length } from "../text/utf8.ts";

/** A Markdown file taken apart. `body` is what follows the newline of the closing line, byte for byte. */
export interface FrontMatter {
  readonly entries: readonly YamlEntry[];
  readonly body: string;
  readonly bodyPlace: Place;
  readonly problems: readonly TaskProblem[];
}

export interface FrontMatterLimits extends YamlLimits {
  readonly bytes: number;
  readonly lines: number;
}

/** The limits for the front matter of a dropped file. */
export const DROPPED: FrontMatterLimits = { bytes: 65_536, lines: 1_000, nesting: 32, tokens: 3_000 };

const BYTE_ORDER_MARK = "\uFEFF";
const OPENING = "---\n";
const CLOSING = "\n---\n";

/**
 * Separates front matter and body where each line of the front matter says what it means without a parser (spec/plain-lines.ts): a file
 * of ours, and most that people write. Returns `undefined` for any other text, which `readFrontMatter` reads.
 */
export function readPlainFrontMatter(text: string, limits: FrontMatterLimits = DROPPED): FrontMatter | undefined {
  if (!text.startsWith("---") && !text.startsWith(BYTE_ORDER_MARK))
    return { entries: [], body: text, bodyPlace: { line: 1, column: 1 }, problems: [] };
  if (!text.startsWith(OPENING)) return undefined;
  const end = text.indexOf(CLOSING, OPENING.length);
  if (end === -1 || text.indexOf("\n---", OPENING.length) !== end) return undefined;
  const block = text.slice(OPENING.length, end + 1);
  if (block.length > limits.bytes || utf8Length(block) > limits.bytes) return undefined;
  const entries = readPlainLines(block, 2, limits);
  if (entries === undefined) return undefined;
  const body = text.slice(end + CLOSING.length);
  return { entries, body, bodyPlace: placeAt(text, text.length - body.length), problems: [] };
}
