import { shorten } from "../text/one-line.ts";
import { plainLine } from "../text/plain-line.ts";
import { TERMS_MAX } from "./memory-terms.ts";
import type { TermMatcher } from "./term-match.ts";

/** A line of a note that is worth showing. */
export interface MemoryLine {
  /** Relative to the workspace. */
  readonly path: string;
  /** From 1. */
  readonly line: number;
  /** What is shown of it: on one line, shortened around the match. */
  readonly text: string;
  /** The terms it holds, in the order of the search. */
  readonly terms: readonly string[];
}

/** Lines in a result, and lines remembered for each set of terms. */
export const LINES_MAX = 100;
/** Different sets of terms that are remembered: those with the most terms. Notes that are not made to fill it stay far below. */
const MASKS_MAX = 4_096;
const PATH_CHARACTERS_MAX = 200;

/** Takes lines in any order; what comes out does not depend on it, and what is remembered is bounded. */
export interface Ranking {
  /** @param mask the terms of the line, as `matcher` tells them; @param read returns the line; asked only if it may matter */
  add(path: string, line: number, mask: number, read: () => string): void;
  /** Returns the best lines, at most `LINES_MAX`, the best first; to be asked once. @param show returns what is shown of a line with these terms */
  best(show: (text: string, mask: number) => string): readonly MemoryLine[];
}

interface Place {
  readonly path: string;
  readonly line: number;
}

interface Passage extends Place {
  readonly text: string;
  readonly mask: number;
  readonly score: number;
}

/** Lines with the same terms: they count the same, so the first ones by path are the best. */
interface Group {
  /** How many were added. */
  lines: number;
  /** The first place of each text. */
  texts: Map<string, Place>;
  /** Once there are enough of them, the last that can matter. */
  last: Place | undefined;
}

/**
 * Ranks lines by the terms they hold: a term counts the more the fewer of the lines found have it (`ln(1 + lines / lines with
 * it)`), and the terms of a line add up. Of lines that count the same, the first by path and number comes first; of lines that
 * read the same, one is kept.
 */
export function createRanking(matcher: Pick<TermMatcher, "named">): Ranking {
  const groups = new Map<number, Group>();
  const linesWith = new Array<number>(TERMS_MAX).fill(0);
  let found = 0;
  const count = (mask: number, lines: number): void => {
    for (const index of linesWith.keys()) if (mask & (1 << index)) linesWith[index] = (linesWith[index] ?? 0) + lines;
  };
  const dropPoorest = (): void => {
    for (const mask of poorest(groups)) {
      count(mask, groups.get(mask)?.lines ?? 0);
      groups.delete(mask);
    }
  };
  return {
    add(path, line, mask, read) {
      if (mask === 0) return;
      found += 1;
      let group = groups.get(mask);
      if (group === undefined) {
        if (groups.size >= MASKS_MAX * 2) dropPoorest();
        group = { lines: 0, texts: new Map(), last: undefined };
        groups.set(mask, group);
      }
      group.lines += 1;
      const { last } = group;
      if (last !== undefined && (compareTexts(path, last.path) || line - last.line) > 0) return;
      const text = read();
      const place = { path, line };
      const known = group.texts.get(text);
      if (known !== undefined && compare(known, place) <= 0) return;
      group.texts.set(text, place);
      if (group.texts.size >= LINES_MAX * 2) keepFirst(group);
    },
    best(show) {
      dropPoorest();
      for (const [mask, { lines }] of groups) count(mask, lines);
      const weights = linesWith.map((lines) => (lines === 0 ? 0 : Math.log(1 + found / lines)));
      return bestOf(groups, weights, show).map(({ path, line, text, mask }) => ({
        ...{ path, line, text },
        terms: matcher.named(mask),
      }));
    },
  };
}

/** Returns as many of `lines` as fit into `charactersMax` code points, each whole, one per line: `path:line text`. */
export function fittingLines(
  lines: readonly MemoryLine[],
  charactersMax: number,
): { readonly lines: readonly MemoryLine[]; readonly text: string } {
  const kept: MemoryLine[] = [];
  const shown: string[] = [];
  let left = charactersMax;
  for (const line of lines) {
    const text = `${shorten(plainLine(line.path), PATH_CHARACTERS_MAX)}:${line.line} ${line.text}`;
    const length = [...text].length + (shown.length === 0 ? 0 : 1);
    if (length > left) continue;
    left -= length;
    kept.push(line);
    shown.push(text);
  }
  return { lines: kept, text: shown.join("\n") };
}

function bestOf(
  groups: ReadonlyMap<number, Group>,
  weights: readonly number[],
  show: (text: string, mask: number) => string,
): readonly Passage[] {
  const scored = [...groups].map(([mask, group]) => ({ mask, group, score: scoreOf(mask, weights) }));
  scored.sort((one, other) => other.score - one.score);
  const passages: Passage[] = [];
  const texts = new Set<string>();
  let lastScore: number | undefined;
  for (const { mask, group, score } of scored) {
    if (texts.size >= LINES_MAX && score !== lastScore) break; // What counts the same is sorted together.
    lastScore = score;
    for (const [whole, place] of group.texts) {
      const text = show(whole, mask);
      texts.add(text);
      passages.push({ ...place, text, mask, score });
    }
  }
  passages.sort((one, other) => other.score - one.score || compare(one, other) || compareTexts(one.text, other.text));
  const best = new Map<string, Passage>();
  for (const passage of passages) if (!best.has(passage.text)) best.set(passage.text, passage);
  return [...best.values()].slice(0, LINES_MAX);
}

/** Added up from the greatest down, so that equal weights make equal sums whichever terms they belong to. */
function scoreOf(mask: number, weights: readonly number[]): number {
  const own = weights.filter((_, index) => (mask & (1 << index)) !== 0).sort((a, b) => b - a);
  return own.reduce((sum, weight) => sum + weight, 0);
}

function keepFirst(group: Group): void {
  const first = [...group.texts]
    .sort(([text, a], [other, b]) => compare(a, b) || compareTexts(text, other))
    .slice(0, LINES_MAX);
  group.texts = new Map(first);
  group.last = first.at(-1)?.[1];
}

/** By the masks alone: which groups stay may not depend on the order in which they came. */
function poorest(groups: ReadonlyMap<number, Group>): readonly number[] {
  if (groups.size <= MASKS_MAX) return [];
  return [...groups.keys()].sort((a, b) => termCount(b) - termCount(a) || a - b).slice(MASKS_MAX);
}

function termCount(mask: number): number {
  let count = 0;
  for (let rest = mask; rest !== 0; rest &= rest - 1) count += 1;
  return count;
}

function compare(one: Place, other: Place): number {
  return compareTexts(one.path, other.path) || one.line - other.line;
}

/** By UTF-16 units. */
function compareTexts(one: string, other: string): number {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}
