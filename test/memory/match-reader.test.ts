import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createMatchReader } from "../../src/memory/match-reader.ts";

/** Of a line; the rest is not looked at. */
const LINE_BYTES_READ = 64 * 1024;

/** What the reader tells of `chunks`. */
function read(chunks: readonly Buffer[]): readonly (readonly [path: string, line: number, text: string])[] {
  const found: (readonly [string, number, string])[] = [];
  let path = "";
  const reader = createMatchReader({
    file: (bytes) => {
      path = bytes.toString("latin1");
    },
    line: (line, data, start, end) => void found.push([path, line, data.toString("latin1", start, end)]),
  });
  for (const chunk of chunks) {
    const own = Buffer.from(chunk);
    reader.push(own);
    own.fill(0x78); // The reader may keep nothing of it.
  }
  reader.end();
  return found;
}

const bytes = (text: string): Buffer => Buffer.from(text, "latin1");

describe("a match reader", () => {
  it.each<{ name: string; output: string; found: ReturnType<typeof read> }>([
    { name: "reads path, line and text", output: "a.md\x0012:one\n", found: [["a.md", 12, "one"]] },
    {
      name: "reads names with line feeds and colons",
      output: "a\nb:1:.md\x003:x:y\n",
      found: [["a\nb:1:.md", 3, "x:y"]],
    },
    { name: "reads bytes that are no UTF-8", output: "\xff.md\x001:\xe9\xff\n", found: [["\xff.md", 1, "\xe9\xff"]] },
    { name: "keeps a carriage return", output: "a\x001:one\r\n", found: [["a", 1, "one\r"]] },
    {
      name: "reads a line without an end",
      output: "a\x001:one\na\x002:two",
      found: [
        ["a", 1, "one"],
        ["a", 2, "two"],
      ],
    },
    { name: "reads an empty line", output: "a\x001:\n", found: [["a", 1, ""]] },
    { name: "passes over a line with a NUL", output: "a\x001:o\0e\na\x002:two\n", found: [["a", 2, "two"]] },
    { name: "reads nothing from nothing", output: "", found: [] },
    { name: "finds nothing in what is no match", output: "Binary file matches\n", found: [] },
  ])("$name", ({ output, found }) => expect(read([bytes(output)])).toEqual(found));

  it("reads the same however the output is cut into pieces", () => {
    const match = fc.record({
      path: fc.constantFrom("a.md", "b\nc.md", "memory/ä.md"),
      line: fc.integer({ min: 1, max: 1e9 }),
      text: fc.oneof(
        fc.string({ maxLength: 20 }).map((text) => text.replaceAll(/[\n\0]/g, " ")),
        fc.constantFrom("l".repeat(LINE_BYTES_READ), "l".repeat(LINE_BYTES_READ + 9_000), "l".repeat(200_000)),
      ),
    });
    fc.assert(
      fc.property(fc.array(match, { maxLength: 8 }), fc.array(fc.nat(300_000)), (matches, cuts) => {
        const output = bytes(matches.map(({ path, line, text }) => `${path}\0${line}:${text}\n`).join(""));
        const places = [0, ...cuts.map((cut) => Math.min(cut, output.length)).sort((a, b) => a - b), output.length];
        const chunks = places.slice(1).map((place, index) => output.subarray(places[index], place));
        expect(read(chunks)).toEqual(
          matches.map(({ path, line, text }) => [path, line, text.slice(0, LINE_BYTES_READ)]),
        );
      }),
      { numRuns: 200 },
    );
  });

  it("keeps no more than a line of output", () => {
    const piece = Buffer.alloc(64 * 1024, 0x6c);
    const found = read([bytes("a\x001:"), ...Array<Buffer>(200).fill(piece), bytes("\nb\x002:two\n")]);
    expect(found).toEqual([
      ["a", 1, "l".repeat(LINE_BYTES_READ)],
      ["b", 2, "two"],
    ]);
  });
});
