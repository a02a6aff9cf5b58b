import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createRanking, fittingLines, LINES_MAX, type MemoryLine } from "../../../src/task/notes/memory-rank.ts";

interface Line {
  readonly path: string;
  readonly line: number;
  readonly mask: number;
  readonly text: string;
}

const NAMES = ["zero", "one", "two", "three"];

function rank(lines: readonly Line[], show: (text: string) => string = (text) => text): readonly MemoryLine[] {
  const ranking = createRanking({ named: (mask) => NAMES.filter((_, index) => mask & (1 << index)) });
  for (const { path, line, mask, text } of lines) ranking.add(path, line, mask, () => text);
  return ranking.best(show);
}

const line = (mask: number, text: string, path = "a.md", number = 1): Line => ({ path, line: number, mask, text });

describe("a ranking", () => {
  it.each<{ name: string; lines: readonly Line[]; best: readonly string[] }>([
    {
      name: "puts a line with more terms before one with fewer",
      lines: [line(0b001, "one"), line(0b111, "three"), line(0b011, "two")],
      best: ["three", "two", "one"],
    },
    {
      name: "puts a rare term before a common one",
      lines: [line(0b001, "common"), line(0b001, "common too", "b.md"), line(0b010, "rare", "c.md")],
      best: ["rare", "common", "common too"],
    },
    {
      name: "puts one very rare term before two that are everywhere",
      lines: [
        ...Array.from({ length: 99 }, (_, n) => line(0b0011, `common ${String(n).padStart(2, "0")}`, "b.md", n)),
        line(0b0100, "rare", "z.md"),
      ],
      best: ["rare", ...Array.from({ length: 99 }, (_, n) => `common ${String(n).padStart(2, "0")}`)],
    },
    {
      name: "orders what counts the same by path and line, whichever the terms are",
      lines: [
        line(0b01, "c", "b.md", 10),
        line(0b10, "d", "b.md", 20),
        line(0b01, "b", "b.md", 9),
        line(0b10, "a", "a.md", 30),
      ],
      best: ["a", "b", "c", "d"],
    },
    {
      name: "keeps the first of lines that read the same",
      lines: [line(1, "same", "b.md", 2), line(1, "same", "a.md", 7), line(1, "same", "a.md", 3)],
      best: ["same"],
    },
    { name: "passes over a line without a term", lines: [line(0, "none")], best: [] },
  ])("$name", ({ lines, best }) => expect(rank(lines).map(({ text }) => text)).toEqual(best));

  it("tells where a line stands and which terms it holds", () => {
    const lines = [line(1, "same", "b.md", 2), line(1, "same", "a.md", 7), line(0b1010, " other ", "c.md", 4)];
    expect(rank(lines, (text) => text.trim())).toEqual([
      { path: "c.md", line: 4, text: "other", terms: ["one", "three"] },
      { path: "a.md", line: 7, text: "same", terms: ["zero"] },
    ]);
  });

  it("takes lines for the same that are shown alike", () => {
    expect(rank([line(1, "- a"), line(1, "* a", "b.md")], (text) => text.slice(2))).toHaveLength(1);
  });

  it("does not depend on the order in which lines come", () => {
    const anyLine = fc.record({
      path: fc.constantFrom("a.md", "b.md", "a/b.md", "ä.md"),
      line: fc.integer({ min: 1, max: 400 }),
      mask: fc.integer({ min: 0, max: 15 }),
    });
    const lines = fc.uniqueArray(anyLine, {
      selector: ({ path, line }) => `${path}:${line}`,
      minLength: 1,
      maxLength: 600,
      size: "max",
    });
    fc.assert(
      fc.property(lines, fc.integer({ min: 1, max: 500 }), fc.infiniteStream(fc.nat()), (found, texts, chances) => {
        const all = found.map((one) => ({ ...one, text: `text ${(one.line * 7) % texts}` }));
        const shuffled = all
          .map((one) => ({ one, chance: chances.next().value }))
          .sort((a, b) => a.chance - b.chance)
          .map(({ one }) => one);
        const best = rank(all);
        expect(rank(shuffled)).toEqual(best);
        expect(best.length).toBe(
          Math.min(LINES_MAX, new Set(all.filter(({ mask }) => mask !== 0).map(({ text }) => text)).size),
        );
      }),
      { numRuns: 50 },
    );
  });

  it("remembers a bounded number of lines, and forgets none that matters", () => {
    const lines = Array.from({ length: 50_000 }, (_, n) => line(1 + (n % 3), `line ${n}`, `${n % 100}.md`, n));
    const best = rank(lines.toReversed());
    expect(best).toHaveLength(LINES_MAX);
    expect(best).toEqual(rank(lines));
  });

  it("forgets the sets with the fewest terms where there are too many, but not how common their terms are", () => {
    const masks = Array.from({ length: 30_000 }, (_, n) => n + 1);
    const lines = masks.map((mask) => line(mask, `mask ${mask}`, `${mask}.md`));
    const bits = (mask: number): readonly number[] => [...Array(15).keys()].filter((index) => mask & (1 << index));
    const weight = (index: number): number =>
      Math.log(1 + masks.length / masks.filter((mask) => mask & (1 << index)).length);
    const weights = [...Array(15).keys()].map(weight);
    const score = (mask: number): number => bits(mask).reduce((sum, index) => sum + (weights[index] ?? 0), 0);
    const best = rank(lines);
    expect(best).toHaveLength(LINES_MAX);
    expect(rank(lines.toReversed())).toEqual(best);
    const scores = best.map(({ text }) => score(Number(text.slice(5))));
    const right = masks.map(score).sort((a, b) => b - a);
    for (const [index, found] of scores.entries()) expect(found).toBeCloseTo(right[index] ?? 0, 9);
  });
});

describe("fittingLines", () => {
  const lines: readonly MemoryLine[] = [
    { path: "MEMORY.md", line: 3, text: "first", terms: [] },
    { path: "memory/a\nb.md", line: 12, text: "second, which is longer", terms: [] },
    { path: "memory/c.md", line: 1, text: "😀", terms: [] },
  ];

  it.each([
    { max: 1_000, text: "MEMORY.md:3 first\nmemory/a b.md:12 second, which is longer\nmemory/c.md:1 😀" },
    {
      max: 17 + 1 + 40 + 1 + 15,
      text: "MEMORY.md:3 first\nmemory/a b.md:12 second, which is longer\nmemory/c.md:1 😀",
    },
    { max: 17 + 1 + 40 + 1 + 14, text: "MEMORY.md:3 first\nmemory/a b.md:12 second, which is longer" },
    { max: 17 + 1 + 39, text: "MEMORY.md:3 first\nmemory/c.md:1 😀" },
    { max: 16, text: "memory/c.md:1 😀" },
    { max: 14, text: "" },
    { max: 0, text: "" },
  ])("keeps whole lines within $max characters", ({ max, text }) => {
    const fitting = fittingLines(lines, max);
    expect(fitting.text).toBe(text);
    expect(fitting.lines.map((one) => lines.indexOf(one))).not.toContain(-1);
    expect(fitting.lines.length).toBe(text === "" ? 0 : text.split("\n").length);
  });

  it("shortens a path that is out of measure", () => {
    const { text } = fittingLines(
      [{ path: `memory/${"x".repeat(4_000)}.md`, line: 1, text: "note", terms: [] }],
      1_000,
    );
    expect(text).toMatch(/^memory\/x+…:1 note$/);
    expect(text.length).toBe(207);
  });
});
