import { spawnSync } from "node:child_process";
import { appendFileSync, mkdirSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { readBounded, readBoundedText } from "../../../src/base/files/read-bounded.ts";
import { tempDir } from "../../support/temp-dir.ts";

function place(name = "file"): string {
  return join(tempDir(), name);
}

describe("a bounded read", () => {
  it("returns the whole of a plain file, up to the limit itself", () => {
    const path = place();
    writeFileSync(path, "grüße");
    expect(readBoundedText(path, 7)).toBe("grüße");
    writeFileSync(path, "");
    expect(readBounded(path, 7)).toEqual(Buffer.alloc(0));
  });

  it("returns nothing where there is no file; a file in place of its folder is wrong", () => {
    expect(readBounded(place(), 1)).toBeUndefined();
    expect(readBounded(join(place(), "below"), 1)).toBeUndefined();
    const file = place();
    writeFileSync(file, "x");
    expect(() => readBounded(join(file, "below"), 1)).toThrow("below cannot be read (ENOTDIR)");
  });

  it("refuses one byte too many before it reads, also in a file of many gigabytes", () => {
    const path = place();
    writeFileSync(path, "12345678");
    expect(() => readBounded(path, 7)).toThrow(`${path} has 8 bytes; at most 7 are read`);
    truncateSync(path, 5 * 1024 ** 3);
    expect(() => readBounded(path, 7)).toThrow("has 5368709120 bytes");
  });

  it("refuses a file that grows beyond the limit while it is read, and takes in one that grows below it", () => {
    const path = place();
    const grow = (by: number) => ({ check: () => appendFileSync(path, "x".repeat(by)) });
    writeFileSync(path, "1234");
    // `check` runs between the look at the size and, for the first case, the comparison: grow after it with a getter of the size.
    const late = {
      check: (stats: { size: number }) => {
        grow(6).check();
        Object.defineProperty(stats, "size", { value: 4 });
      },
    };
    expect(readBoundedText(path, 10, late)).toBe("1234xxxxxx");
    expect(() => readBounded(path, 12, late)).toThrow("at most 12 are read");
  });

  it.each<{ name: string; make: (path: string) => void; says: string; follow?: true }>([
    { name: "a pipe that nobody writes to", make: makePipe, says: "a device, a pipe or a socket" },
    { name: "a folder", make: (path) => mkdirSync(path), says: "a folder" },
    { name: "a link to a device", make: (path) => symlinkSync("/dev/zero", path), says: "a symbolic link" },
    {
      name: "a link to a device, where links are followed",
      make: (path) => symlinkSync("/dev/zero", path),
      says: "a device, a pipe or a socket",
      follow: true,
    },
  ])("refuses $name at once", ({ make, says, follow = false }) => {
    const path = place();
    make(path);
    expect(() => readBounded(path, 7, { followLinks: follow })).toThrow(
      expect.objectContaining({ code: "CONFIG", message: `${path} is ${says}, not a plain file; remove it` }),
    );
  });

  it("refuses a socket", async () => {
    const path = place();
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(path, resolve));
    onTestFinished(() => void server.close());
    expect(() => readBounded(path, 7)).toThrow("a device, a pipe or a socket");
  });

  it("follows a link to a plain file where it is told to, and only there", () => {
    const [target, link] = [place("target"), place("link")];
    writeFileSync(target, "text");
    symlinkSync(target, link);
    expect(readBoundedText(link, 7, { followLinks: true })).toBe("text");
    expect(() => readBounded(link, 7)).toThrow("is a symbolic link");
    symlinkSync(place("nothing"), `${link}2`);
    expect(readBounded(`${link}2`, 7, { followLinks: true })).toBeUndefined();
  });
});

function makePipe(path: string): void {
  expect(spawnSync("mkfifo", [path]).status).toBe(0);
}
