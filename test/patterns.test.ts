import { describe, expect, it } from "vitest";
import {
  PROGRAM_FOLDERS,
  patternsBelow,
  patternsOf,
  proofOf,
  provenPatterns,
  type SourcePattern,
  slownessOf,
} from "./support/patterns.ts";
import { seededRandom, testSeed } from "./support/seeded-random.ts";

/** Fewer than this, and something went missing. */
const PATTERNS_MIN = 150;
/** So many of the patterns that were judged before are judged again, drawn anew in each run. */
const SAMPLE_COUNT = 8;
/** Enough for a new list of patterns or a new checker: 20 s for all of them, more on a busy machine. */
const ALL_PATTERNS_TIMEOUT_MS = 240_000;

describe("regular expressions", () => {
  const patterns = patternsBelow(PROGRAM_FOLDERS);
  const proven = provenPatterns();
  const isProven = (pattern: SourcePattern): boolean => pattern.source !== undefined && proven.has(proofOf(pattern));

  it(
    "of the program all take linear time, whatever text they meet",
    () => {
      expect(patterns.length).toBeGreaterThan(PATTERNS_MIN);
      // `npm run patterns` writes them down: then they are judged once, and not in every run.
      expect(patterns.filter((pattern) => !isProven(pattern)).flatMap((pattern) => slownessOf(pattern) ?? [])).toEqual(
        [],
      );
    },
    ALL_PATTERNS_TIMEOUT_MS,
  );

  it(
    "that are written down as linear are so when they are judged again",
    () => {
      const random = seededRandom(testSeed("patterns"));
      const known = patterns.filter(isProven);
      const sample = Array.from({ length: SAMPLE_COUNT }, () => known[random.below(known.length)]);
      expect(sample.flatMap((pattern) => (pattern && slownessOf(pattern)) ?? [])).toEqual([]);
    },
    ALL_PATTERNS_TIMEOUT_MS,
  );

  it.each([
    { what: "two runs that share a character", code: String.raw`/^---[ \t]*(\w*)[ \t]*\r?$/`, text: "'\\t'.repeat(" },
    { what: "a part that is looked for from everywhere", code: "/model .*not found/", text: "model '.repeat(" },
    { what: "nested repetition", code: "/^(a|a)*$/", text: "'a'" },
    { what: "a text given to RegExp", code: 'new RegExp("_+$", "g")', text: "'_'.repeat(" },
    { what: "a template", code: `const A = "_+";\nRegExp(\`x?\${A}$\`)`, text: "'_'.repeat(" },
  ])("that are slow are reported with place, pattern and attack: $what", ({ code, text }) => {
    const reports = patternsOf("src/a.ts", `\n${code}`).map(slownessOf);
    expect(reports).toHaveLength(1);
    expect(reports[0]).toMatch(/^src\/a\.ts:[23]: \/.+\/g? takes (2nd degree polynomial|exponential) time for /);
    expect(reports[0]).toContain(text);
  });

  it("that nobody can read before a run are reported too", () => {
    const [pattern] = patternsOf("src/a.ts", "export const f = (name: string) => new RegExp(name);");
    expect(pattern && slownessOf(pattern)).toBe(
      "src/a.ts:1: this pattern is put together at run time, so that nothing can check it",
    );
  });

  it("that take linear time are not reported, with any flags that the program uses", () => {
    const patterns = patternsOf("src/a.ts", "[/^[a-z]+$/, /\\p{L}+x?/gu, new RegExp(String.raw`\\d{1,3}\\.`, 'y')]");
    expect(patterns.map(({ source }) => source)).toEqual(["^[a-z]+$", "\\p{L}+x?", "\\d{1,3}\\."]);
    expect(patterns.map(slownessOf)).toEqual([undefined, undefined, undefined]);
  });
});
