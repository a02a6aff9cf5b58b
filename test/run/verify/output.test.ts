import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { BEGIN_LINE, readOutput, type VerifyOutput } from "../../../src/run/verify/output.ts";
import { tempDir } from "../../support/temp-dir.ts";

/** Of the output that is kept. */
const TAIL_BYTES = 16 * 1024;

function outputOf(content: string | Buffer): VerifyOutput {
  const path = join(tempDir(), "output.log");
  writeFileSync(path, content);
  return readOutput(path);
}

describe("what is kept of an output", () => {
  it("is all of a short one, without the line that says that it begins", () => {
    expect(outputOf(`${BEGIN_LINE}one\ntwo`)).toEqual({ begun: true, bytes: 7, tail: "one\ntwo" });
    expect(outputOf(BEGIN_LINE)).toEqual({ begun: true, bytes: 0, tail: "" });
  });

  it("is nothing where nothing was begun", () => {
    expect(outputOf("")).toEqual({ begun: false, bytes: 0, tail: "" });
    expect(readOutput("/nowhere/output.log")).toEqual({ begun: false, bytes: 0, tail: "" });
  });

  it("is the end of a long one, in whole lines", () => {
    const lines = Array.from({ length: 5_000 }, (_, index) => `line ${index} äöü\n`);
    const { bytes, tail } = outputOf(BEGIN_LINE + lines.join(""));
    expect(bytes).toBe(Buffer.byteLength(lines.join("")));
    expect(Buffer.byteLength(tail)).toBeLessThanOrEqual(TAIL_BYTES);
    expect(Buffer.byteLength(tail)).toBeGreaterThan(TAIL_BYTES - 100);
    expect(lines.join("").endsWith(tail)).toBe(true);
    expect(tail).toMatch(/^line \d+ äöü\n/);
  });

  it("is whole characters of a line that alone is too long", () => {
    for (const more of ["", "x", "xx", "xxx"]) {
      const { tail } = outputOf(`${BEGIN_LINE}${"€".repeat(TAIL_BYTES)}${more}`);
      expect(tail).toMatch(/^€+x*$/);
    }
  });

  it("begins with a whole private key rather than within one, for without its first line nothing tells what it is", () => {
    const line = `${"k9Zr".repeat(16)}\n`;
    const [begin, end] = ["-----BEGIN OPENSSH PRIVATE", "-----END OPENSSH PRIVATE"].map(
      (words) => `${words} KEY-----\n`,
    );
    const key = `${begin}${line.repeat(50)}${end}`;
    for (let shift = -100; shift <= key.length + 100; shift += 13) {
      const output = `${"x\n".repeat(20_000)}key: ${key}${"y\n".repeat((TAIL_BYTES - key.length + shift) / 2)}`;
      const { tail } = outputOf(BEGIN_LINE + output);
      if (tail.includes("k9Zr")) expect(tail).toContain(key);
    }
    // What was closed before the cut is no reason to keep more.
    const closed = outputOf(`${BEGIN_LINE}${key}${"y\n".repeat(TAIL_BYTES)}`).tail;
    expect(closed).not.toContain("KEY");
  });

  it("is text, whatever the bytes are", () => {
    expect(outputOf(Buffer.concat([Buffer.from(BEGIN_LINE), Buffer.from([0x61, 0xff, 0x00, 0x62])])).tail).toBe(
      "a\uFFFDb",
    );
  });
});
