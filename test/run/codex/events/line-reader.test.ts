import { execFileSync } from "node:child_process";
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it, onTestFinished } from "vitest";
import { createLineReader, type LineReader } from "../../../../src/run/codex/events/line-reader.ts";

function temporaryFile(): string {
  const folder = mkdtempSync(join(tmpdir(), "line-reader-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, "events.jsonl");
}

/** Reads on to the end of the file as it is now. */
function linesOf(reader: LineReader): (readonly [number, string | undefined])[] {
  const seen: (readonly [number, string | undefined])[] = [];
  for (let lines = reader.read(); lines !== undefined; lines = reader.read())
    seen.push(...lines.map(({ line, text }) => [line, text] as const));
  return seen;
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
        const seen: (readonly [number, string | undefined])[] = [];
        const bytes = Buffer.from(content);
        let offset = 0;
        for (const { length } of [...sizes, bytes]) {
          appendFileSync(path, bytes.subarray(offset, offset + length));
          offset += length;
          seen.push(...linesOf(reader));
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
    expect(reader.read()).toBeUndefined();
    writeFileSync(path, "a\n");
    expect(linesOf(reader)).toEqual([[1, "a"]]);
    reader.close();
  });

  it("passes a line of many megabytes on whole", () => {
    const path = temporaryFile();
    const long = "x".repeat(6 * 1024 * 1024);
    writeFileSync(path, `a\n${long}\nb\n`);
    const reader = createLineReader(path);
    const lengths = linesOf(reader).map(([, text]) => text?.length);
    reader.close();
    expect(lengths).toEqual([1, long.length, 1]);
  });

  it("counts a line that is too long, and holds none of it", () => {
    const path = temporaryFile();
    writeFileSync(path, `a\n${"x".repeat(2_000)}\nb\n`);
    const reader = createLineReader(path, 1_000);
    const seen = linesOf(reader);
    reader.close();
    expect(seen).toEqual([
      [1, "a"],
      [2, undefined],
      [3, "b"],
    ]);
  });

  it("reads a little at a time, and nothing once it is closed", () => {
    const path = temporaryFile();
    writeFileSync(path, `${"x".repeat(99)}\n`.repeat(10_000));
    const reader = createLineReader(path);
    const first = reader.read()?.length ?? 0;
    expect(first).toBeGreaterThan(0);
    expect(first).toBeLessThan(1_000);
    expect(reader.sizeBytes).toBe(1_000_000);
    reader.close();
    expect(reader.read()).toBeUndefined();
  });

  it("knows the lines that were there before it", () => {
    const path = temporaryFile();
    writeFileSync(path, "a\nb");
    const reader = createLineReader(path);
    expect(reader.read()).toMatchObject([{ text: "a", isOld: true }]);
    appendFileSync(path, "\nc\n");
    expect(reader.read()).toMatchObject([
      { text: "b", isOld: false },
      { text: "c", isOld: false },
    ]);
    reader.close();
  });

  it.each<{ name: string; plant: (path: string) => void }>([
    { name: "a pipe", plant: (path) => execFileSync("mkfifo", [path]) },
    { name: "a folder", plant: (path) => mkdirSync(path) },
    { name: "a link", plant: (path) => symlinkSync("/dev/zero", path) },
  ])("is not held up by what stands in the file's place: $name", ({ plant }) => {
    const path = temporaryFile();
    plant(path);
    const reader = createLineReader(path);
    expect(reader.read()).toBeUndefined();
    reader.close();
  });
});
