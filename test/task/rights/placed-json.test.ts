import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type PlacedJson, readPlacedJson } from "../../../src/task/rights/placed-json.ts";

/** The value without its places. */
function plain({ items, entries, plain: value }: PlacedJson): unknown {
  if (items !== undefined) return items.map(plain);
  return entries === undefined
    ? value
    : Object.fromEntries(entries.map(({ key, value: inner }) => [key, plain(inner)]));
}

function read(text: string): unknown {
  const reading = readPlacedJson(text);
  return "value" in reading ? plain(reading.value) : reading.problem;
}

describe("a JSON text", () => {
  it("means what JSON.parse says", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5 }), fc.boolean(), (value, isWide) => {
        const text = JSON.stringify(value, undefined, isWide ? 2 : 0);
        // A key `__proto__` is a key like any other there, and a prototype in an object literal.
        fc.pre(!text.includes("__proto__"));
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
        const reading = readPlacedJson(text);
        if (parsed === "refused") expect(reading).toHaveProperty("problem");
        else if ("value" in reading) expect(plain(reading.value)).toEqual(parsed);
        else expect(reading.problem.message).toContain("twice");
      }),
      { numRuns: 3_000 },
    );
  });

  it.each<{ text: string; line: number; column: number; says: string }>([
    { text: "", line: 1, column: 1, says: "the text ends too early" },
    { text: '{\n  "a": 1,\n}', line: 3, column: 1, says: '"}" where a key in double quotes is expected' },
    { text: '{"a": 1\n "b": 2}', line: 2, column: 2, says: '""b"" where "," or "}" is expected' },
    { text: "{'a': 1}", line: 1, column: 2, says: `"'a'" is not valid JSON` },
    { text: '{"a" 1}', line: 1, column: 6, says: '"1" where ":" is expected' },
    { text: '["x\ny"]', line: 1, column: 2, says: '""x" is not valid JSON' },
    { text: '{"a": 1, "a": 2}', line: 1, column: 10, says: 'the key "a" is there twice' },
    { text: "{} {}", line: 1, column: 4, says: '"{" after the end of the value' },
    { text: "// no\n{}", line: 1, column: 1, says: '"//" is not valid JSON' },
    { text: "[".repeat(30), line: 1, column: 22, says: "there are more than 20 levels" },
  ])("is refused with the place of its mistake: $text", ({ text, line, column, says }) => {
    expect(read(text)).toEqual({ place: { line, column }, message: says });
  });

  it("may begin with a byte order mark", () => {
    expect(read('\uFEFF{"a": [1, "\\u00e9"]}')).toEqual({ a: [1, "é"] });
  });
});
