import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it, onTestFinished } from "vitest";
import { createLineReader } from "../../../../src/run/codex/events/line-reader.ts";

function temporaryFile(): string {
  const folder = mkdtempSync(join(tmpdir(), "line-reader-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, "events.jsonl");
}

describe("reading lines of a growing file", () => {
  it("gives the same lines however the bytes arrive", () => {
    const path = temporaryFile();
    const pieces = fc.array(fc.uint8Array({ maxLength: 9 }), { maxLength: 12 });
    const text = fc.string({ unit: fc.constantFrom("a", "ü", "😀", "\n", "日", "\0"), maxLength: 60 });
    fc.assert(
      fc.property(text, pieces, (content, sizes) => {
        writeFileSync(path, "");
        const reader = createLineReader(path);
        const seen: [number, string | undefined][] = [];
        const bytes = Buffer.from(content);
        let offset = 0;
        for (const { length } of [...sizes, bytes]) {
          appendFileSync(path, bytes.subarray(offset, offset + length));
          offset += length;
          reader.poll((line, lineText) => seen.push([line, lineText]));
        }
        reader.close();
        expect(seen).toEqual(
          content
            .split("\n")
            .slice(0, -1)
            .map((line, index) => [index + 1, line]),
        );
      }),
    );
  });

  it("waits for a file that is not there yet", () => {
    const path = temporaryFile();
    const reader = createLineReader(path);
    const lines: (string | undefined)[] = [];
    reader.poll((_, text) => lines.push(text));
    writeFileSync(path, "a\n");
    reader.poll((_, text) => lines.push(text));
    reader.close();
    expect(lines).toEqual(["a"]);
  });

  it("passes a line of many megabytes on whole", () => {
    const path = temporaryFile();
    const long = "x".repeat(6 * 1024 * 1024);
    writeFileSync(path, `a\n${long}\nb\n`);
    const reader = createLineReader(path);
    const lengths: (number | undefined)[] = [];
    reader.poll((_, text) => lengths.push(text?.length));
    reader.close();
    expect(lengths).toEqual([1, long.length, 1]);
  });

  it("counts a line that is too long, and holds none of it", () => {
    const path = temporaryFile();
    writeFileSync(path, `a\n${"x".repeat(2_000)}\nb\n`);
    const reader = createLineReader(path, 1_000);
    const seen: [number, string | undefined][] = [];
    reader.poll((line, text) => seen.push([line, text]));
    reader.close();
    expect(seen).toEqual([
      [1, "a"],
      [2, undefined],
      [3, "b"],
    ]);
  });

  it("goes on with the next line when the caller throws, and stops when it closes", () => {
    const path = temporaryFile();
    writeFileSync(path, "a\nb\nc\nd\n");
    const reader = createLineReader(path);
    const seen: number[] = [];
    const onLine = (line: number): void => {
      seen.push(line);
      if (line === 1) throw new Error("not now");
      if (line === 3) reader.close();
    };
    expect(() => reader.poll(onLine)).toThrow("not now");
    reader.poll(onLine);
    reader.poll(onLine);
    expect(seen).toEqual([1, 2, 3]);
  });
});
