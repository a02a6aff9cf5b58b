import fs, { existsSync, readdirSync, rmSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { ALWAYS, result } from "../../support/commit-plans.ts";
import { committerAt } from "../../support/committer-at.ts";
import type { GitRepo } from "../../support/git-repo.ts";
import { tempRepo } from "../../support/temp-repo.ts";
import { waitFor } from "../../support/wait-for.ts";

type Call = (...args: readonly unknown[]) => unknown;
type Failing = "openSync" | "renameSync" | "linkSync" | "writeFileSync" | "promises.open";

/** Makes the system refuse one call, wherever `concerns` says, until told otherwise. There is no other way to fill a disk for one test. */
function refuse(call: Failing, code: string, concerns: (first: unknown) => boolean = () => true): () => void {
  const owner = (call.startsWith("promises.") ? fs.promises : fs) as unknown as Record<string, Call>;
  const name = call.replace("promises.", "");
  const real = owner[name] as Call;
  const put = (value: Call): void => {
    owner[name] = value;
    syncBuiltinESMExports();
  };
  put((...args: readonly unknown[]) => {
    if (!concerns(args[0])) return real(...args);
    throw Object.assign(new Error(`${code}: refused`), { code });
  });
  const stop = (): void => put(real);
  onTestFinished(stop);
  return stop;
}

function expectWhole(repo: GitRepo): void {
  expect(repo.git("show", "main:tasks.md")).toBe("| t1 | succeeded |\n| t2 | succeeded |");
  expect(repo.git("status", "--porcelain")).toBe("");
  expect(repo.git("fsck", "--no-dangling")).toBe("");
  expect(readdirSync(join(repo.dir, ".git/codex-inbox/tmp"))).toEqual([]);
  expect(readdirSync(join(repo.dir, ".git")).filter((name) => name.endsWith(".lock"))).toEqual([]);
}

const isBelow = (part: string) => (path: unknown) => String(path).includes(part);

describe("what the machine cannot do for a while is said, and done later", () => {
  it.each<{ name: string; call: Failing; code: string; concerns?: (first: unknown) => boolean; says: RegExp }>([
    {
      name: "no room for objects",
      call: "promises.open",
      code: "ENOSPC",
      concerns: isBelow("objects/pack"),
      says: /ENOSPC.*disk is full/,
    },
    {
      name: "no room for files",
      call: "writeFileSync",
      code: "ENOSPC",
      concerns: isBelow("/tmp/file-"),
      says: /disk is full/,
    },
    {
      name: "a read-only disk",
      call: "promises.open",
      code: "EROFS",
      concerns: isBelow("objects/pack"),
      says: /EROFS.*read-only/,
    },
    { name: "no file descriptors", call: "openSync", code: "EMFILE", says: /EMFILE.*too many files open/ },
    {
      name: "no file descriptor for a look at a file of ours in the work tree, which is not the user's edit",
      call: "openSync",
      code: "EMFILE",
      concerns: (path) => /(?<!codex-inbox\/.*)\/tasks\.md$/.test(String(path)),
      says: /EMFILE.*too many files open/,
    },
    {
      name: "a disk that fails at the index",
      call: "renameSync",
      code: "EIO",
      concerns: isBelow("/tmp/index-"),
      says: /EIO.*disk/,
    },
    {
      name: "a disk that fails at the branch",
      call: "renameSync",
      code: "EIO",
      concerns: isBelow("main.lock"),
      says: /EIO.*disk/,
    },
    {
      name: "no room for locks",
      call: "linkSync",
      code: "EDQUOT",
      concerns: isBelow("/locks/"),
      says: /EDQUOT.*quota/,
    },
  ])("$name", async ({ call, code, concerns, says }) => {
    const repo = tempRepo();
    const committer = await committerAt(repo);
    await committer.commit([result("t1")], ALWAYS);
    const stop = refuse(call, code, concerns);
    const done = committer.commit([result("t2")], ALWAYS);
    await waitFor(() => committer.waiting() !== undefined, { what: "the committer to wait" });
    expect(committer.waiting()).toEqual({ reason: expect.stringMatching(says), sinceMs: expect.any(Number) });
    stop();
    await done;
    expect(committer.waiting()).toBeUndefined();
    expectWhole(repo);
  });

  it("a damaged index is the user's to put right", async () => {
    const repo = tempRepo();
    const committer = await committerAt(repo);
    await committer.commit([result("t1")], ALWAYS);
    const index = join(repo.dir, ".git/index");
    const good = fs.readFileSync(index);
    fs.writeFileSync(index, "rubbish");
    const done = committer.commit([result("t2")], ALWAYS);
    await waitFor(() => committer.waiting() !== undefined, { what: "the committer to wait" });
    expect(committer.waiting()?.reason).toMatch(/index/);
    fs.writeFileSync(index, good);
    await done;
    expectWhole(repo);
  });
});

it.each(["locks", "tmp"])("a deleted folder %s is made again", async (name) => {
  const repo = tempRepo();
  const committer = await committerAt(repo);
  await committer.commit([result("t1")], ALWAYS);
  const folder = join(repo.dir, ".git/codex-inbox", name);
  rmSync(folder, { recursive: true });
  await committer.commit([result("t2")], ALWAYS);
  expect(existsSync(folder)).toBe(true);
  expectWhole(repo);
});

it("the folder of the locks may go just before they are taken", async () => {
  const repo = tempRepo();
  const committer = await committerAt(repo);
  await committer.commit([result("t1")], ALWAYS);
  let times = 0;
  const stop = refuse("linkSync", "ENOENT", (path) => {
    if (!String(path).includes("/locks/")) return false;
    times += 1;
    if (times === 1) rmSync(join(repo.dir, ".git/codex-inbox/locks"), { recursive: true });
    return false;
  });
  await committer.commit([result("t2")], ALWAYS);
  stop();
  expect(times).toBeGreaterThan(1);
  expectWhole(repo);
});
