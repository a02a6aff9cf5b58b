import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { makeDirectory, syncDirectory, writeFileAtomic } from "../../../src/base/files/write-file-atomic.ts";
import { startLineProcess } from "../../support/line-process.ts";
import { tempDir } from "../../support/temp-dir.ts";

it("writes the file, with the folders above it and nothing beside it", () => {
  const dir = tempDir();
  writeFileAtomic(join(dir, "a/b/file.md"), "text");
  expect(readFileSync(join(dir, "a/b/file.md"), "utf8")).toBe("text");
  expect(readdirSync(join(dir, "a/b"))).toEqual(["file.md"]);
});

it("keeps bytes as they are", () => {
  const path = join(tempDir(), "file");
  const bytes = new Uint8Array([0, 255, 13, 10, 128]);
  writeFileAtomic(path, bytes);
  expect(new Uint8Array(readFileSync(path))).toEqual(bytes);
});

it("gives the file the mode asked for, also where an older one had another", () => {
  const path = join(tempDir(), "file");
  writeFileSync(path, "old");
  chmodSync(path, 0o644);
  writeFileAtomic(path, "secret", 0o600);
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

it.each([
  { mode: 0o600, shown: 0 },
  { mode: 0o644, shown: 0o044 },
])(
  "lets others read what has the mode $mode at no moment more than that, also before it has its name",
  ({ mode, shown }) => {
    const dir = tempDir();
    const seen: number[] = [];
    const content = new TextEncoder().encode("secret");
    Object.defineProperty(content, "length", {
      get() {
        for (const name of readdirSync(dir)) seen.push(statSync(join(dir, name)).mode & 0o077);
        return content.byteLength;
      },
    });
    writeFileAtomic(join(dir, "file"), content, mode);
    expect(readFileSync(join(dir, "file"), "utf8")).toBe("secret");
    expect(new Set(seen)).toEqual(new Set([shown])); // It was there, under another name, while it was written.
  },
);

it("writes a file whose name is as long as a name can be", () => {
  const path = join(tempDir(), "n".repeat(255));
  writeFileAtomic(path, "text");
  expect(readFileSync(path, "utf8")).toBe("text");
});

it("replaces a symbolic link, and leaves what it points to", () => {
  const dir = tempDir();
  writeFileSync(join(dir, "outside"), "theirs");
  symlinkSync(join(dir, "outside"), join(dir, "link"));
  writeFileAtomic(join(dir, "link"), "ours");
  expect(readFileSync(join(dir, "outside"), "utf8")).toBe("theirs");
  expect(readFileSync(join(dir, "link"), "utf8")).toBe("ours");
});

it("leaves nothing behind when it fails", () => {
  const dir = tempDir();
  mkdirSync(join(dir, "folder"));
  expect(() => writeFileAtomic(join(dir, "folder"), "text")).toThrow(/EISDIR/);
  expect(readdirSync(dir)).toEqual(["folder"]);
});

it("never shows a reader half a file", async () => {
  const dir = tempDir();
  const path = join(dir, "file");
  const texts = ["a".repeat(100_000), "b".repeat(200_000)];
  writeFileAtomic(path, "a".repeat(100_000));
  const writer = startLineProcess("write-process.ts", { args: [path] });
  const written = writer.ask("200");
  let [reads, done] = [0, false];
  void written.finally(() => {
    done = true;
  });
  while (!done) {
    const text = readFileSync(path, "utf8");
    if (!texts.includes(text)) throw new Error(`read ${text.length} characters`);
    reads += 1;
    await new Promise(setImmediate); // Lets the answer in.
  }
  expect(await written).toBe("written 200 times");
  expect(reads).toBeGreaterThan(10);
});

it("makes folders as deep as needed, and is content with those that are there", () => {
  const dir = tempDir();
  makeDirectory(join(dir, "a/b/../b/c/"), 0o700);
  makeDirectory(join(dir, "a/b/c"));
  expect(statSync(join(dir, "a/b/c")).mode & 0o777).toBe(0o700);
});

it("says so when a folder to be synced is not there", () => {
  expect(() => syncDirectory(join(tempDir(), "absent"))).toThrow(/ENOENT/);
  expect(existsSync("absent")).toBe(false);
});
