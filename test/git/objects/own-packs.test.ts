import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createObjectWriter } from "../../../src/git/objects/object-writer.ts";
import { createOwnPacks, type OwnPacksOptions } from "../../../src/git/objects/own-packs.ts";
import { ALWAYS, result } from "../../support/commit-plans.ts";
import { committerAt } from "../../support/committer-at.ts";
import type { GitRepo } from "../../support/git-repo.ts";
import { tempRepo } from "../../support/temp-repo.ts";

const STEPS = ["written", "kept", "moved", "visible", "hidden", "removed"];

function optionsAt(repo: GitRepo): OwnPacksOptions {
  const commonDir = join(repo.dir, ".git");
  return { objectsDir: join(commonDir, "objects"), commonDir, format: "sha1", owner: "me", joinAt: 4 };
}

function filesOf(repo: GitRepo): readonly string[] {
  return readdirSync(join(repo.dir, ".git/objects/pack")).sort();
}

function count(repo: GitRepo, end: string): number {
  return filesOf(repo).filter((name) => name.endsWith(end)).length;
}

/** Writes `packs` packs of three objects each, and returns the ids of all. */
async function write(repo: GitRepo, packs: number, from = 0): Promise<readonly string[]> {
  const options = optionsAt(repo);
  const writer = createObjectWriter(options.objectsDir, "sha1", createOwnPacks(options).keepText);
  const ids: string[] = [];
  for (let pack = from; pack < from + packs; pack += 1) {
    for (let n = 0; n < 3; n += 1) ids.push(writer.add("blob", Buffer.from(`pack ${pack}, blob ${n}\n`.repeat(20))));
    await writer.flush();
  }
  return ids;
}

function expectAllThere(repo: GitRepo, ids: readonly string[]): void {
  const there = new Set(
    repo.git("cat-file", "--batch-all-objects", "--batch-check=%(objectname) %(objecttype)").split("\n"),
  );
  expect(ids.filter((id) => !there.has(`${id} blob`))).toEqual([]);
  const { status, stderr } = repo.tryGit("fsck", "--no-dangling"); // Reads every one of them.
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
}

it("joins many packs of ours into one, and leaves the others alone", async () => {
  const repo = tempRepo();
  repo.git("repack", "-q", "-a", "-d");
  const theirs = filesOf(repo);
  const ids = await write(repo, 3);
  const packs = createOwnPacks(optionsAt(repo));
  expect(await packs.join(ALWAYS)).toBe(false);
  ids.concat(await write(repo, 1, 3));
  expect(await packs.join(ALWAYS)).toBe(true);
  expect(count(repo, ".pack")).toBe(2);
  expect(count(repo, ".keep")).toBe(1);
  expect(filesOf(repo)).toEqual(expect.arrayContaining([...theirs]));
  expectAllThere(repo, ids);
});

it("lets other work have its turn between the packs that it removes", async () => {
  const repo = tempRepo();
  await write(repo, 4);
  let turn = 0;
  const turns = new Set<number>();
  const onStep = (step: string): void => {
    if (step !== "removed") return;
    turns.add(turn);
    setImmediate(() => {
      turn += 1;
    });
  };
  expect(await createOwnPacks({ ...optionsAt(repo), onStep }).join(ALWAYS)).toBe(true);
  expect(turns.size).toBe(4);
});

it("hands over to the user what it has joined twice", async () => {
  const repo = tempRepo();
  const packs = createOwnPacks(optionsAt(repo));
  const ids: string[] = [];
  for (let round = 0; round < 4; round += 1) {
    ids.push(...(await write(repo, 4, round * 4)));
    await packs.join(ALWAYS);
  }
  expect(count(repo, ".pack")).toBe(1);
  expect(count(repo, ".keep")).toBe(0);
  expectAllThere(repo, ids);
});

it("does not touch the packs of another workspace in the same repository", async () => {
  const repo = tempRepo();
  await write(repo, 5);
  const before = filesOf(repo);
  const other = createOwnPacks({ ...optionsAt(repo), owner: "other" });
  expect(await other.join(ALWAYS)).toBe(false);
  other.clean();
  expect(filesOf(repo)).toEqual(before);
});

it("waits while maintenance of the user's is under way", async () => {
  const repo = tempRepo();
  const ids = await write(repo, 5);
  const packs = createOwnPacks(optionsAt(repo));
  const note = join(repo.dir, ".git/gc.pid");
  writeFileSync(note, `${process.pid} here`);
  expect(await packs.join(ALWAYS)).toBe(false);
  expect(count(repo, ".pack")).toBe(5);
  rmSync(note);
  expect(await packs.join(ALWAYS)).toBe(true);
  expectAllThere(repo, ids);
});

it("leaves packs that an index over several packs names to whoever made that", async () => {
  const repo = tempRepo();
  const ids = await write(repo, 5);
  repo.git("multi-pack-index", "write");
  expect(await createOwnPacks(optionsAt(repo)).join(ALWAYS)).toBe(false);
  expect([count(repo, ".pack"), count(repo, ".keep")]).toEqual([5, 0]);
  repo.git("multi-pack-index", "verify");
  expectAllThere(repo, ids);
});

describe("killed at any step, nothing is lost, and the next start finishes", () => {
  it.each(STEPS)("%s", async (step) => {
    const repo = tempRepo();
    const ids = await write(repo, 5);
    const onStep = (reached: string): void => {
      if (reached === step) throw new Error("killed");
    };
    await expect(createOwnPacks({ ...optionsAt(repo), onStep }).join(ALWAYS)).rejects.toThrow("killed");
    expectAllThere(repo, ids);
    const next = createOwnPacks(optionsAt(repo));
    next.clean();
    expect(filesOf(repo).filter((name) => name.includes("tmp"))).toEqual([]);
    expect(readdirSync(join(repo.dir, ".git/objects")).filter((name) => name.includes("codex"))).toEqual([]);
    expect(count(repo, ".pack")).toBe(count(repo, ".idx"));
    expectAllThere(repo, ids);
    const more = await write(repo, 5, 5);
    await next.join(ALWAYS);
    expectAllThere(repo, [...ids, ...more]);
    expect(count(repo, ".pack")).toBeLessThan(5);
  });
});

it("given up, leaves everything as it was", async () => {
  const repo = tempRepo();
  const ids = await write(repo, 5);
  const packs = createOwnPacks(optionsAt(repo));
  expect(await packs.join(AbortSignal.abort())).toBe(false);
  packs.clean();
  expect(count(repo, ".pack")).toBe(5);
  expectAllThere(repo, ids);
});

it("loses nothing beside a user who collects garbage at the same time", async () => {
  const repo = tempRepo();
  const committer = await committerAt(repo);
  const relative = join(repo.dir, ".git/codex-inbox");
  const keep = (): string => {
    const name = filesOf(repo).find((file) => file.endsWith(".keep")) ?? "";
    return readFileSync(join(repo.dir, ".git/objects/pack", name), "utf8").split(" ")[1] ?? "";
  };
  await committer.commit([result("t0")], ALWAYS);
  const packs = createOwnPacks({ ...optionsAt(repo), owner: keep(), joinAt: 2 });
  const loop = `while [ ! -e "${relative}/stop" ]; do git gc -q --prune=now; git repack -q -a -d; done`;
  const user = spawn("sh", ["-c", loop], { cwd: repo.dir, stdio: ["ignore", "ignore", "pipe"] });
  const said: Buffer[] = [];
  user.stderr.on("data", (chunk: Buffer) => said.push(chunk));
  const ended = new Promise((resolve) => user.on("close", resolve));
  for (let n = 1; n <= 25; n += 1) {
    await committer.commit([result(`t${n}`)], ALWAYS);
    // Also while a repack of the user's is under way, which it would wait for: what is shown is that this is not needed.
    rmSync(join(repo.dir, ".git/gc.pid"), { force: true });
    // Git's own temporary file may be swept away by the other: then it is tried another time.
    await packs.join(ALWAYS).catch((error: unknown) => expect(String(error)).toMatch(/No such file|ENOENT/));
    await committer.refresh();
    expect(await committer.readText("tasks.md")).toContain(`| t${n} |`);
  }
  writeFileSync(`${relative}/stop`, "");
  await ended;
  expect(existsSync(join(repo.dir, ".git/index.lock"))).toBe(false);
  expect(repo.git("fsck", "--no-dangling")).toBe("");
  expect(repo.git("show", "main:tasks.md").split("\n")).toHaveLength(26);
  expect(Buffer.concat(said).toString()).not.toMatch(/fatal: (bad|unable to read)|missing/);
});
