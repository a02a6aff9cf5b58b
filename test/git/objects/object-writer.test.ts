import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readdirSync, rmSync, statSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { objectId } from "../../../src/git/objects/object-format.ts";
import { createObjectWriter, type ObjectWriter } from "../../../src/git/objects/object-writer.ts";
import type { GitRepo } from "../../support/git-repo.ts";
import { tempRepo } from "../../support/temp-repo.ts";

function writerAt(repo: GitRepo): ObjectWriter {
  return createObjectWriter(join(repo.dir, ".git/objects"), "sha1", "ours\n");
}

it("writes objects that git reads, with the ids git gives them", async () => {
  const repo = tempRepo();
  const writer = writerAt(repo);
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
    const writer = writerAt(repo);
    const contents = [Buffer.alloc(size, "a"), randomBytes(size)];
    const ids = contents.map((content) => writer.add("blob", content));
    await writer.flush();
    for (const [index, id] of ids.entries())
      expect(execFileSync("git", ["cat-file", "blob", id], { cwd: repo.dir })).toEqual(contents[index]);
    expect(repo.git("fsck", "--no-dangling")).toBe("");
  },
);

it("writes one pack and its index, however many objects there are", async () => {
  const repo = tempRepo();
  const objects = join(repo.dir, ".git/objects");
  const before = readdirSync(objects, { recursive: true, encoding: "utf8" });
  const writer = writerAt(repo);
  for (let n = 0; n < 300; n += 1) writer.add("blob", Buffer.from(`blob ${n}\n`));
  await writer.flush();
  await writer.flush();
  const made = readdirSync(objects, { recursive: true, encoding: "utf8" }).filter((name) => !before.includes(name));
  expect(made.map((name) => name.replace(/[0-9a-f]{40}/, "")).sort()).toEqual([
    "pack/pack-.idx",
    "pack/pack-.keep",
    "pack/pack-.pack",
  ]);
  const pack = made.find((name) => name.endsWith(".idx")) ?? "";
  expect(repo.git("verify-pack", "-v", join(".git/objects", pack))).toContain("non delta: 300 objects");
});

it("writes what differs little from an object of the same pack as a delta, which git reads", async () => {
  const repo = tempRepo();
  const writer = writerAt(repo);
  const texts = [Buffer.alloc(0), Buffer.from("short\n"), randomBytes(300), randomBytes(150_000)];
  for (const end of [200, 70_000, 149_000]) {
    const last = texts.at(-1) ?? Buffer.alloc(0);
    texts.push(Buffer.concat([last.subarray(0, end), randomBytes(400), last.subarray(end + 30)]));
  }
  for (let n = 0; n < 30; n += 1)
    texts.push(Buffer.concat([texts.at(-1) ?? Buffer.alloc(0), Buffer.from(`line ${n}\n`)]));
  texts.push(Buffer.alloc(0), randomBytes(1_000));
  let before: string | undefined;
  const ids = texts.map((text) => {
    before = writer.add("blob", text, before);
    return before;
  });
  await writer.flush();
  for (const [at, id] of ids.entries())
    expect(
      execFileSync("git", ["cat-file", "blob", id], { cwd: repo.dir, maxBuffer: 1e6 }).equals(
        texts[at] ?? Buffer.alloc(1),
      ),
    ).toBe(true);
  expect(repo.git("fsck", "--no-dangling")).toBe("");
  const [pack] = readdirSync(join(repo.dir, ".git/objects/pack")).filter((file) => file.endsWith(".pack"));
  const path = join(repo.dir, ".git/objects/pack", pack ?? "");
  expect(statSync(path).size).toBeLessThan(320_000);
  expect(repo.git("verify-pack", "-v", path)).toContain("chain length = 20: 1 object");
});

it("keeps what no branch names yet from gc, also where it lay there for long", async () => {
  const repo = tempRepo();
  const writer = writerAt(repo);
  writer.add("blob", Buffer.from("old\n"));
  repo.write("loose", "loose\n");
  const id = repo.git("hash-object", "-w", "loose");
  utimesSync(join(repo.dir, ".git/objects", id.slice(0, 2), id.slice(2)), 1_000, 1_000);
  writer.add("blob", Buffer.from("loose\n"));
  await writer.flush();
  repo.git("gc", "-q", "--prune=now");
  expect(writer.hasFlushed()).toBe(true);
  expect(repo.tryGit("cat-file", "-e", objectId("sha1", "blob", Buffer.from("old\n"))).status).toBe(0);
  expect(repo.tryGit("cat-file", "-e", id).status).toBe(0);
});

it("writes on while something sweeps temporary files away, as gc --prune=now does", async () => {
  const repo = tempRepo();
  const packs = join(repo.dir, ".git/objects/pack");
  const writer = writerAt(repo);
  const id = writer.add("blob", Buffer.from("blob\n"));
  let swept = 0;
  let isOver = false;
  const flushed = writer.flush().finally(() => {
    isOver = true;
  });
  while (!isOver) {
    const left = swept > 0 ? [] : readdirSync(packs).filter((name) => name.startsWith("tmp_"));
    for (const name of left) rmSync(join(packs, name), { force: true });
    swept += left.length;
    await new Promise((resolve) => setImmediate(resolve));
  }
  await flushed;
  expect(swept).toBeGreaterThan(0);
  expect(repo.git("cat-file", "blob", id)).toBe("blob");
  expect(repo.git("fsck", "--no-dangling")).toBe("");
});

it("knows when somebody has taken away what it wrote", async () => {
  const repo = tempRepo();
  const writer = writerAt(repo);
  writer.add("blob", Buffer.from("blob\n"));
  await writer.flush();
  expect(writer.hasFlushed()).toBe(true);
  const packs = join(repo.dir, ".git/objects/pack");
  for (const name of readdirSync(packs)) rmSync(join(packs, name));
  expect(writer.hasFlushed()).toBe(false);
});

it("forgets what was given up", async () => {
  const repo = tempRepo();
  const writer = writerAt(repo);
  const id = writer.add("blob", Buffer.from("given up\n"));
  writer.forget();
  await writer.flush();
  expect(repo.tryGit("cat-file", "-e", id).status).not.toBe(0);
});
