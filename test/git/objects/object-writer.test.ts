import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, readdirSync, rmdirSync, rmSync, statSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { createObjectWriter } from "../../../src/git/objects/object-writer.ts";
import { tempRepo } from "../../support/temp-repo.ts";

it("writes objects that git reads, with the ids git gives them", async () => {
  const repo = tempRepo();
  const writer = createObjectWriter(join(repo.dir, ".git/objects"), "sha1");
  const text = "x".repeat(100_000);
  const id = writer.add("blob", Buffer.from(text));
  expect(writer.pending(id)?.content).toEqual(Buffer.from(text));
  await writer.flush();
  expect(writer.pending(id)).toBeUndefined();
  expect(repo.git("cat-file", "blob", id)).toBe(text);
  const hashed = execFileSync("git", ["hash-object", "--stdin"], { cwd: repo.dir, input: text, encoding: "utf8" });
  expect(hashed.trim()).toBe(id);
});

it.each([0, 1, 8, 255, 256, 257, 4_096, 32_768, 70_000])(
  "writes %i bytes that git can read, however well they compress",
  async (size) => {
    const repo = tempRepo();
    const writer = createObjectWriter(join(repo.dir, ".git/objects"), "sha1");
    const contents = [Buffer.alloc(size, "a"), randomBytes(size)];
    const ids = contents.map((content) => writer.add("blob", content));
    await writer.flush();
    for (const [index, id] of ids.entries())
      expect(execFileSync("git", ["cat-file", "blob", id], { cwd: repo.dir })).toEqual(contents[index]);
    expect(repo.git("fsck", "--no-dangling")).toBe("");
  },
);

it("makes an object that is there already look young, so that git does not prune it", async () => {
  const repo = tempRepo();
  const objects = join(repo.dir, ".git/objects");
  const writer = createObjectWriter(objects, "sha1");
  const id = writer.add("blob", Buffer.from("old\n"));
  await writer.flush();
  const path = join(objects, id.slice(0, 2), id.slice(2));
  utimesSync(path, 1_000, 1_000);
  writer.add("blob", Buffer.from("old\n"));
  await writer.flush();
  expect(Date.now() - statSync(path).mtimeMs).toBeLessThan(60_000);
});

it("writes on while something removes empty folders, as gc does", async () => {
  const repo = tempRepo();
  const objects = join(repo.dir, ".git/objects");
  const writer = createObjectWriter(objects, "sha1");
  const ids = Array.from({ length: 300 }, (_, n) => writer.add("blob", Buffer.from(`blob ${n}\n`)));
  let isOver = false;
  const flushed = writer.flush().finally(() => {
    isOver = true;
  });
  while (!isOver) {
    for (const name of readdirSync(objects)) {
      try {
        if (name.length === 2) rmdirSync(join(objects, name));
      } catch {
        // Not empty: gc leaves it too.
      }
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  await flushed;
  const input = ids.join("\n");
  const found = execFileSync("git", ["cat-file", "--batch-check"], { cwd: repo.dir, input, encoding: "utf8" });
  expect(found).not.toContain("missing");
  expect(found.trim().split("\n")).toHaveLength(300);
});

it("writes again what vanishes with its folder while that is made durable, as what gc has packed does", async () => {
  const repo = tempRepo();
  const objects = join(repo.dir, ".git/objects");
  const writer = createObjectWriter(objects, "sha1");
  const before = new Set(readdirSync(objects));
  const ids = Array.from({ length: 300 }, (_, n) => writer.add("blob", Buffer.from(`blob ${n}\n`)));
  const removed = new Set<string>();
  let isOver = false;
  const flushed = writer.flush().finally(() => {
    isOver = true;
  });
  while (!isOver) {
    for (const name of readdirSync(objects)) {
      if (before.has(name) || removed.has(name)) continue;
      if (!readdirSync(join(objects, name)).some((file) => /^[0-9a-f]{38}$/.test(file))) continue;
      rmSync(join(objects, name), { recursive: true });
      removed.add(name);
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  await flushed;
  expect(removed.size).toBeGreaterThan(0);
  const found = ids.filter((id) => existsSync(join(objects, id.slice(0, 2), id.slice(2))));
  expect(writer.hasFlushed()).toBe(found.length === ids.length);
});

it("forgets what was given up", async () => {
  const repo = tempRepo();
  const writer = createObjectWriter(join(repo.dir, ".git/objects"), "sha1");
  const id = writer.add("blob", Buffer.from("given up\n"));
  writer.forget();
  await writer.flush();
  expect(repo.tryGit("cat-file", "-e", id).status).not.toBe(0);
});
