import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { renderLines } from "../../../src/task/file/front-matter.ts";
import { isPlainText, readPlainLines } from "../../../src/task/spec/plain-lines.ts";
import { readYamlMapping } from "../../../src/task/spec/yaml-mapping.ts";

const LIMITS = { nesting: 32, tokens: 3_000 };
const OURS = { ...LIMITS, repeatedKeys: true };

/** Texts that are nearly something else: marks, words and numbers of YAML, at their ends and between. */
const pieces = fc.constantFrom(
  ...[
    "a",
    "Z",
    "null",
    "True",
    "false",
    "yes",
    "~",
    "0x1f",
    "0o17",
    "1e5",
    "1e-5",
    "12:30",
    ".5",
    "1.",
    "-1",
    "+1",
    "2026-11-21",
  ],
  ...[
    ".inf",
    ".NaN",
    "<<",
    "---",
    "...",
    ":",
    ": ",
    " #",
    "#",
    "'",
    '"',
    "[",
    "]",
    "{",
    "}",
    ",",
    "&",
    "*",
    "!",
    "|",
    ">",
    "%",
    "@",
  ],
  ...[
    "`",
    "?",
    "-",
    "=",
    "\\",
    "/",
    " ",
    "  ",
    "\t",
    "é",
    "😀",
    "\u00a0",
    "\u2028",
    "\u0085",
    "\ufeff",
    "\r",
    "\ud800",
    "\u007f",
  ],
);
const texts = fc.array(pieces, { minLength: 1, maxLength: 5 }).map((parts) => parts.join(""));
const keys = fc.oneof(
  { weight: 1, arbitrary: texts },
  { weight: 9, arbitrary: fc.constantFrom("title", "id", "sessionKey", "dependsOn", "null", "true", "y", "__proto__") },
);
const json = fc.jsonValue({ maxDepth: 3 }).map((value) => JSON.stringify(value));
const lines = fc
  .tuple(keys, fc.constantFrom(": ", ": ", ": ", ":", ":  "), fc.oneof(texts, json))
  .map((parts) => `${parts.join("")}\n`);
const blocks = fc.array(lines, { minLength: 1, maxLength: 2 }).map((parts) => parts.join(""));

describe("what is read without the parser", () => {
  it.each([LIMITS, OURS])("means what the parser says it means, where it is (%j)", (limits) => {
    let read = 0;
    fc.assert(
      fc.property(blocks, (block) => {
        const plain = readPlainLines(block, 1, limits);
        if (plain === undefined) return;
        read += 1;
        const parsed = readYamlMapping(block, 1, limits);
        expect(parsed.problems).toEqual([]);
        const flat = ({ key, keyPlace, value: { plain: data, text, place } }: (typeof plain)[number]) => {
          return { key, keyPlace, data, text, place };
        };
        expect(plain.map(flat)).toEqual(parsed.entries.map(flat));
      }),
      { numRuns: 3_000 },
    );
    expect(read).toBeGreaterThan(30); // Or it would prove nothing.
  });

  it("is what we write, lists and mappings included", () => {
    const block = renderLines([
      ...[["title", "Fix: it"] as const, ["thread", "01a1f950-5f71"] as const, ["durationMs", 42_000] as const],
      ...[["usage", { inputTokens: 10 }] as const, ["dependsOn", ["a", "b"]] as const, ["resume", false] as const],
      ["acceptedAt", "2026-11-21T00:48:54.744Z"],
    ]);
    expect(readPlainLines(block, 1, OURS)?.map(({ value }) => value.plain)).toEqual([
      ...["Fix: it", "01a1f950-5f71", 42_000, { inputTokens: 10 }, ["a", "b"], false, "2026-11-21T00:48:54.744Z"],
    ]);
  });

  it.each([
    ...[
      "",
      "a: b",
      "a\n",
      "a:\n",
      "- a: b\n",
      " a: b\n",
      "a: b\n  c\n",
      "a: |\n  b\n",
      "a: b\na: c\n",
      "a: [1]\n",
      "a: &x b\n",
    ],
    ...[
      "a: b # c\n",
      "a: b: c\n",
      "a: ~\n",
      "a: null\n",
      "null: a\n",
      "a: -1\n",
      "a: 017\n",
      "a: 1.5\n",
      "a: 'b'\n",
      "a: b\r\n",
    ],
  ])("is not %j", (block) => {
    const plain = readPlainLines(block, 1, LIMITS);
    expect(plain === undefined || plain.length === 0).toBe(true);
  });
});

it("a plain text is written as the library writes it", () => {
  fc.assert(
    fc.property(texts, (text) => {
      if (isPlainText(text))
        expect(stringify(text, { version: "1.2", schema: "core", lineWidth: 0 })).toBe(`${text}\n`);
    }),
    { numRuns: 5_000 },
  );
});
