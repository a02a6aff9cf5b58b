import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readJson } from "../../../src/task/spec/yaml-mapping.ts";

const LIMITS = { nesting: 20, tokens: 10_000 };

function read(text: string): unknown {
  const reading = readJson(text, LIMITS);
  if ("value" in reading) return reading.value.plain;
  const { line, column, message } = reading.problem;
  return { place: { line, column }, message };
}

describe("a JSON text", () => {
  it("means what JSON.parse says", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5 }), fc.boolean(), (value, isWide) => {
        const text = JSON.stringify(value, undefined, isWide ? 2 : 0);
        // A key `__proto__` is a key like any other there, and a prototype in an object literal.
        fc.pre(!text.includes("__proto__") && !text.includes('"":')); // An empty key is refused.
        expect(read(text)).toEqual(JSON.parse(text));
      }),
    );
  });

  it("is refused wherever JSON.parse refuses it", () => {
    const pieces = [
      "{",
      "}",
      "[",
      "]",
      ":",
      ",",
      '"a"',
      '"',
      "1",
      "-",
      "01",
      "1.",
      "true",
      "nul",
      " ",
      "\n",
      "\\",
      "\u0001",
    ];
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...pieces), { maxLength: 8 }), (parts) => {
        const text = parts.join("");
        let parsed: unknown = "refused";
        try {
          parsed = JSON.parse(text);
        } catch {
          // That is the answer.
        }
        const reading = readJson(text, LIMITS);
        if (parsed === "refused") expect(reading).toHaveProperty("problem.line", expect.any(Number));
        else if ("value" in reading) expect(reading.value.plain).toEqual(parsed);
        else expect(reading.problem.message).toContain("twice");
      }),
      { numRuns: 3_000 },
    );
  });

  it.each<{ text: string; line: number; column: number; says: string }>([
    { text: "", line: 1, column: 1, says: "the text ends too early" },
    { text: '{\n  "a": 1,\n}', line: 3, column: 1, says: "Expected double-quoted property name" },
    { text: '{"a": 1\n "b": 2}', line: 2, column: 2, says: "Expected ',' or '}' after property value" },
    { text: "{'a': 1}", line: 1, column: 2, says: "Expected property name or '}'" },
    { text: '{"a" 1}', line: 1, column: 6, says: "Expected ':' after property name" },
    { text: '["x\ny"]', line: 1, column: 4, says: "Bad control character in string literal" },
    { text: '{"a": tru}', line: 1, column: 7, says: '"tru" is not valid JSON' },
    { text: '{"a": [1,, 2]}', line: 1, column: 10, says: "not valid JSON: Unexpected , in flow sequence" },
    { text: '{"a": 1, "a": 2}', line: 1, column: 10, says: 'the key "a" is there twice' },
    { text: "{} {}", line: 1, column: 4, says: "Unexpected non-whitespace character after JSON" },
    { text: "// no\n{}", line: 1, column: 1, says: '"// no {}" is not valid JSON' },
    {
      text: "[".repeat(30) + "]".repeat(30),
      line: 1,
      column: 21,
      says: "there are lists or mappings more than 20 levels deep",
    },
  ])("is refused with the place of its mistake: $text", ({ text, line, column, says }) => {
    expect(read(text)).toEqual({ place: { line, column }, message: says });
  });

  it("may begin with a byte order mark", () => {
    expect(read('\uFEFF{"a": [1, "\\u00e9"]}')).toEqual({ a: [1, "é"] });
  });
});
