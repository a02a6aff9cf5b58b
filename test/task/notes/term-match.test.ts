import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createTermMatcher } from "../../../src/task/notes/term-match.ts";

/** The rule, written down as plainly as can be: a character per byte, ASCII letters small. */
function holds(line: Uint8Array, term: string): boolean {
  const asBytes = (bytes: Uint8Array): string =>
    Array.from(bytes, (byte) => String.fromCharCode(byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte)).join("");
  return createTermMatcher([term]).patterns.some((form) =>
    asBytes(line).includes(asBytes(new TextEncoder().encode(form))),
  );
}

describe("the spellings", () => {
  it.each([
    { term: "Login", forms: ["login"] },
    { term: "größe", forms: ["größe", "gro\u0308ße", "grÖsse", "gro\u0308sse"] },
    { term: "été", forms: ["été", "e\u0301te\u0301", "ÉtÉ", "Été"] },
    { term: "МоКласс", forms: ["МоКласс", "мокласс", "МОКЛАСС", "Мокласс"] },
    { term: "ПРИВЕТ", forms: ["ПРИВЕТ", "привет", "Привет"] },
    { term: "𐐨𐐨𐐨", forms: ["𐐨𐐨𐐨", "𐐀𐐀𐐀", "𐐀𐐨𐐨"] },
    { term: "c#", forms: ["c#"] },
  ])("of $term", ({ term, forms }) => expect(new Set(createTermMatcher([term]).patterns)).toEqual(new Set(forms)));
});

describe("createTermMatcher", () => {
  const mask = (terms: readonly string[], text: string): readonly string[] => {
    const matcher = createTermMatcher(terms);
    const bytes = new TextEncoder().encode(text);
    return matcher.named(matcher.maskOf(bytes, 0, bytes.length));
  };

  it.each<{ name: string; terms: readonly string[]; text: string; found: readonly string[] }>([
    {
      name: "finds terms within words, in any case",
      terms: ["log", "Redirect"],
      text: "relogREDIRECTS",
      found: ["log", "Redirect"],
    },
    {
      name: "finds terms that share letters",
      terms: ["abab", "babb", "bb"],
      text: "xababb",
      found: ["abab", "babb", "bb"],
    },
    { name: "finds a term that ends within another", terms: ["login", "logical", "gi"], text: "logi", found: ["gi"] },
    {
      name: "finds other letters small, in capitals, or with a capital first",
      terms: ["привет"],
      text: "ПРИВЕТ",
      found: ["привет"],
    },
    { name: "does not find them in a mixture that nobody writes", terms: ["привет"], text: "пРИвет", found: [] },
    { name: "does not take the Kelvin sign for a k", terms: ["kelvin"], text: "\u212aelvin", found: [] },
    { name: "finds decomposed letters", terms: ["café"], text: "CAFE\u0301 cafe\u0301", found: ["café"] },
    { name: "finds nothing in nothing", terms: ["abc"], text: "", found: [] },
  ])("$name", ({ terms, text, found }) => expect(mask(terms, text)).toEqual(found));

  it("finds what a plain search for each spelling finds, in any bytes", () => {
    const letter = fc.constantFrom("a", "b", "A", "ä", "Ä", "ß", "ſ", "К", "к", "\u0301", ".", "*", "😀");
    const terms = fc.uniqueArray(fc.string({ unit: letter, minLength: 1, maxLength: 4 }), { maxLength: 30 });
    const line = fc.oneof(
      fc.string({ unit: letter, maxLength: 30 }).map((text) => new TextEncoder().encode(text)),
      fc.uint8Array({ maxLength: 30 }),
    );
    fc.assert(
      fc.property(terms, line, fc.nat(5), (words, bytes, start) => {
        const matcher = createTermMatcher(words);
        const part = bytes.subarray(start);
        expect(matcher.named(matcher.maskOf(bytes, start, Math.max(start, bytes.length)))).toEqual(
          words.filter((term) => holds(part, term)),
        );
      }),
      { numRuns: 1_000 },
    );
  });

  it("tells where the first of the terms found begins", () => {
    const matcher = createTermMatcher(["redirect", "größe", "login"]);
    expect(matcher.firstIn("The LOGIN redirect", 0b101)).toBe(4);
    expect(matcher.firstIn("The LOGIN redirect", 0b001)).toBe(10);
    expect(matcher.firstIn("Keine GRÖSSE", 0b010)).toBe(6);
    expect(matcher.firstIn("nothing", 0b111)).toBe(0);
  });

  it("refuses more terms than fit into a number", () => {
    expect(() => createTermMatcher(Array.from({ length: 31 }, (_, n) => `t${n}`))).toThrow("31 terms");
  });
});
