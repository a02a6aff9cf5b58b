import { describe, expect, it } from "vitest";
import type { Branch } from "../../src/git/branch.ts";
import { type BranchUser, gitUser } from "../support/branch-user.ts";
import { ALWAYS, append, plan, put, remove } from "../support/commit-plans.ts";
import { committerAt } from "../support/committer-at.ts";
import { tempDir } from "../support/temp-dir.ts";
import { tempRepo } from "../support/temp-repo.ts";
import { waitFor } from "../support/wait-for.ts";
import { openFakeBranch } from "./fake-branch.ts";
import { createFakeRepository } from "./fake-repository.ts";

/** A branch that was looked at once, and a user in the same checkout. */
interface Scene {
  readonly branch: Branch;
  readonly user: BranchUser;
  /** Opens the branch as a later process does. */
  reopen(): Promise<Branch>;
}

async function realScene(): Promise<Scene> {
  const repo = tempRepo();
  const branch = await committerAt(repo);
  await branch.refresh();
  return { branch, user: gitUser(repo), reopen: () => committerAt(repo) };
}

async function fakeScene(): Promise<Scene> {
  const repository = createFakeRepository(tempDir(), Date.now);
  repository.user.commit({ "README.md": "# Project\n" });
  const branch = openFakeBranch(repository);
  await branch.refresh();
  return { branch, user: repository.user, reopen: async () => openFakeBranch(repository) };
}

const NOTHING_NEW = { foreign: false, lostOurs: false, unseen: [] };

describe.each([
  { name: "the committer", open: realScene },
  { name: "the fake branch", open: fakeScene },
])("$name", ({ open }) => {
  it("makes one commit a plan, each on the one before, and none for a plan that changes nothing", async () => {
    const { branch, user } = await open();
    await branch.commit([plan("t0", put("a.md", "a"))], ALWAYS);
    const report = await branch.commit([plan("t1", put("a.md", "b")), plan("t2", put("a.md", "b"))], ALWAYS);
    expect(report.commits).toEqual([report.tip, undefined]);
    expect(report.leftAlone).toEqual([]);
    expect(await branch.refresh()).toEqual({ tip: report.tip, ...NOTHING_NEW });
    const again = await branch.commit([plan("t2", put("a.md", "b"))], ALWAYS);
    expect(again).toMatchObject({ tip: report.tip, commits: [undefined] });
    expect(user.read("a.md")).toBe("b");
  });

  it("hands each edit what the one before it has left", async () => {
    const { branch } = await open();
    await branch.commit(
      [plan("t1", append("l.md", "1"), append("l.md", "2")), plan("t2", append("l.md", "3"))],
      ALWAYS,
    );
    expect(await branch.readText("l.md")).toBe("1\n2\n3\n");
  });

  it("reads what it has committed, without another look", async () => {
    const { branch } = await open();
    await branch.commit(
      [plan("t1", put("s/docs/d/x.md", "x"), put("s/docs/a.jsonl", "ä\r\n"), put("s/z.md", "z"))],
      ALWAYS,
    );
    expect(await branch.readText("s/docs/a.jsonl")).toBe("ä\r\n");
    expect(await branch.blobAt("s/docs/d/x.md")).toBe(branch.hashBlob(Buffer.from("x")));
    expect(await branch.treeId("s/docs/d/x.md")).toBe(await branch.blobAt("s/docs/d/x.md"));
    const names = (await branch.listFolder("s/docs")).map(({ name, kind }) => `${kind} ${name}`);
    expect(names.sort()).toEqual(["file a.jsonl", "folder d"]);
  });

  it("puts what closes a batch into the commit of the last plan that changes something", async () => {
    const { branch } = await open();
    const done = plan("t1", put("s/a.md", "a"));
    const first = await branch.commit([{ ...done, closing: [append("l.md", "t1")] }], ALWAYS);
    expect(first.commits).toEqual([first.tip]);
    const closing = [append("l.md", "t1"), append("l.md", "t2")];
    const second = await branch.commit([plan("t2", put("s/b.md", "b")), { ...done, closing }], ALWAYS);
    expect(second.commits).toEqual([second.tip, undefined]);
    expect(await branch.readText("l.md")).toBe("t1\nt2\n");
    const third = await branch.commit([done, { ...done, closing: [append("l.md", "t3")] }], ALWAYS);
    expect(third.commits).toEqual([undefined, third.tip]);
    expect((await branch.commit([{ ...done, closing }], ALWAYS)).commits).toEqual([undefined]);
  });

  it("knows nothing of what is not there", async () => {
    const { branch } = await open();
    await branch.commit([plan("t1", put("s/docs/x.md", "x"))], ALWAYS);
    for (const path of ["s/other", "s/docs/x.md/y", "nothing.md"]) {
      expect(await branch.readText(path)).toBeUndefined();
      expect(await branch.blobAt(path)).toBeUndefined();
      expect(await branch.treeId(path)).toBeUndefined();
      expect(await branch.listFolder(path)).toEqual([]);
    }
    expect(await branch.blobAt("s/docs")).toBeUndefined();
    expect(await branch.readText("s/docs")).toBeUndefined();
    expect(await branch.listFolder("s/docs/x.md")).toEqual([]);
    expect(await branch.introducedBy("nothing.md")).toBeUndefined();
  });

  it("has the same id for a folder as long as its content is the same", async () => {
    const { branch } = await open();
    const idAfter = async (...edits: Parameters<typeof plan>[1][]): Promise<string | undefined> => {
      await branch.commit([plan("t", ...edits)], ALWAYS);
      return branch.treeId("s");
    };
    const first = await idAfter(put("s/a.md", "a"));
    expect(await idAfter(put("other.md", "o"))).toBe(first);
    const second = await idAfter(put("s/d/b.md", "b"));
    expect(second).not.toBe(first);
    expect(await idAfter(remove("s/d/b.md"))).toBe(first);
  });

  it("says once that somebody else has moved the branch, and reads what they did", async () => {
    const { branch, user } = await open();
    const { tip } = await branch.commit([plan("t1", put("a.md", "a"))], ALWAYS);
    const theirs = user.commit({ "a.md": "theirs" });
    expect(await branch.readText("a.md")).toBe("a");
    expect(await branch.refresh()).toMatchObject({ tip: theirs, foreign: true, lostOurs: false });
    expect(await branch.readText("a.md")).toBe("theirs");
    expect(await branch.refresh()).toEqual({ tip: theirs, ...NOTHING_NEW });
    expect(tip).not.toBe(theirs);
  });

  it("builds on a commit of somebody else's that nobody has looked at, and says so at the next look", async () => {
    const { branch, user } = await open();
    await branch.commit([plan("t1", append("l.md", "1"))], ALWAYS);
    user.commit({ "l.md": "theirs\n" });
    const { tip } = await branch.commit([plan("t2", append("l.md", "2"))], ALWAYS);
    expect(await branch.readText("l.md")).toBe("theirs\n2\n");
    expect(await branch.refresh()).toMatchObject({ tip, foreign: true, lostOurs: false });
    expect(await branch.refresh()).toEqual({ tip, ...NOTHING_NEW });
  });

  it("says that our last commit is lost, until there is another one", async () => {
    const { branch, user } = await open();
    const { tip: kept } = await branch.commit([plan("t1", put("a.md", "a"))], ALWAYS);
    await branch.commit([plan("t2", put("b.md", "b"))], ALWAYS);
    user.reset(kept);
    expect(await branch.refresh()).toMatchObject({ tip: kept, foreign: true, lostOurs: true });
    expect(await branch.refresh()).toMatchObject({ tip: kept, foreign: false, lostOurs: true });
    expect(await branch.readText("b.md")).toBeUndefined();
    const { tip } = await branch.commit([plan("t2", put("b.md", "b"))], ALWAYS);
    expect(await branch.refresh()).toEqual({ tip, ...NOTHING_NEW });
  });

  it("says that a commit of ours was lost, also when another one came before anybody looked", async () => {
    const { branch, user } = await open();
    const { tip: kept } = await branch.commit([plan("t1", put("a.md", "a"))], ALWAYS);
    await branch.commit([plan("t2", put("b.md", "b"))], ALWAYS);
    user.reset(kept);
    const { tip } = await branch.commit([plan("t3", put("c.md", "c"))], ALWAYS);
    expect(await branch.refresh()).toMatchObject({ tip, foreign: true, lostOurs: true });
    expect(await branch.refresh()).toEqual({ tip, ...NOTHING_NEW });
  });

  it("says so to a later opening too, until somebody has seen to it", async () => {
    const { branch, user, reopen } = await open();
    const { tip: kept } = await branch.commit([plan("t1", put("a.md", "a"))], ALWAYS);
    const { tip: lost } = await branch.commit([plan("t2", put("b.md", "b"))], ALWAYS);
    user.reset(kept);
    await branch.commit([plan("t3", put("c.md", "c"))], ALWAYS);
    await branch.refresh();
    const later = await reopen();
    expect(await later.refresh()).toMatchObject({ foreign: true, lostOurs: true, unseen: [lost] });
    const { tip } = await later.commit([plan("t2", put("b.md", "b"))], ALWAYS);
    await later.seenTo([lost]);
    expect(await later.refresh()).toEqual({ tip, ...NOTHING_NEW });
    expect(await (await reopen()).refresh()).toEqual({ tip, ...NOTHING_NEW });
  });

  it("does not call a commit lost, to a later opening, that the branch still holds below somebody else's", async () => {
    const { branch, user, reopen } = await open();
    await branch.commit([plan("t1", put("a.md", "a"))], ALWAYS);
    user.commit({ "theirs.md": "theirs" });
    await branch.commit([plan("t2", put("b.md", "b"))], ALWAYS);
    expect(await (await reopen()).refresh()).toMatchObject({ foreign: true, lostOurs: false });
  });

  it("knows the newest commit that changed a file", async () => {
    const { branch, user } = await open();
    const added = user.commit({ "inbox/x.md": "x" });
    user.commit({ "inbox/y.md": "y" });
    await branch.refresh();
    const first = await branch.introducedBy("inbox/x.md");
    expect(first).toEqual({ commit: added, timeMs: expect.any(Number) });
    const timeMs = typeof first === "object" ? first.timeMs : 1;
    expect(Math.abs(timeMs - Date.now())).toBeLessThan(60_000);
    expect(timeMs % 1_000).toBe(0);
    const edit = user.commit({ "inbox/x.md": "x, better" });
    await branch.refresh();
    expect(await branch.introducedBy("inbox/x.md")).toMatchObject({ commit: edit });
  });

  it("tells what is staged below a folder", async () => {
    const { branch, user } = await open();
    user.commit({ "inbox/committed.md": "c" });
    user.stage("inbox/docs/staged.md", "s");
    user.write("inbox/untracked.md", "u");
    const blob = (text: string): string => branch.hashBlob(Buffer.from(text));
    expect(new Map(await branch.indexEntries("inbox"))).toEqual(
      new Map([
        ["inbox/committed.md", blob("c")],
        ["inbox/docs/staged.md", blob("s")],
      ]),
    );
    await branch.refresh();
    await branch.commit([plan("t", remove("inbox/committed.md"))], ALWAYS);
    expect([...(await branch.indexEntries("inbox")).keys()]).toEqual(["inbox/docs/staged.md"]);
    expect(user.read("inbox/committed.md")).toBeUndefined();
  });

  it("leaves a file alone that the user has edited in the work tree, and says so", async () => {
    const { branch, user } = await open();
    await branch.commit([plan("t1", put("a.md", "a"))], ALWAYS);
    user.write("a.md", "mine");
    const report = await branch.commit([plan("t2", put("a.md", "b"), put("c.md", "c"))], ALWAYS);
    expect(report.leftAlone).toEqual(["a.md"]);
    expect([user.read("a.md"), user.read("c.md")]).toEqual(["mine", "c"]);
    expect(await branch.readText("a.md")).toBe("b");
  });

  it("moves only the branch while another one is checked out", async () => {
    const { branch, user } = await open();
    await branch.commit([plan("t1", put("a.md", "a"))], ALWAYS);
    expect(await branch.headIsOurs()).toBe(true);
    user.switchAway();
    expect(await branch.headIsOurs()).toBe(false);
    const { tip } = await branch.commit([plan("t2", put("a.md", "b"))], ALWAYS);
    expect(await branch.readText("a.md")).toBe("b");
    expect(user.read("a.md")).toBe("a");
    expect(await branch.refresh()).toEqual({ tip, ...NOTHING_NEW });
  });

  it("waits while git is not ours to touch, says since when, and goes on by itself", async () => {
    const { branch, user } = await open();
    user.beginMerge();
    const committing = branch.commit([plan("t1", put("a.md", "a"))], ALWAYS);
    const wait = await waitFor(() => branch.waiting(), { what: "the committer to wait", intervalMs: 1 });
    expect(wait.reason).toMatch(/merge/);
    expect(Date.now() - wait.sinceMs).toBeLessThan(20_000);
    expect(await branch.readText("a.md")).toBeUndefined();
    user.endMerge();
    await committing;
    expect(branch.waiting()).toBeUndefined();
    expect(await branch.readText("a.md")).toBe("a");
  });

  it.each([
    { name: "given up", how: "abort" },
    { name: "closed", how: "close" },
  ] as const)("changes nothing when a commit that waits is $name", async ({ how }) => {
    const { branch, user } = await open();
    user.beginMerge();
    const aborter = new AbortController();
    const committing = branch.commit([plan("t1", put("a.md", "a"))], aborter.signal);
    const failed = expect(committing).rejects.toMatchObject({ name: "AbortError" });
    await waitFor(() => branch.waiting(), { what: "the committer to wait", intervalMs: 1 });
    if (how === "abort") aborter.abort();
    else await branch.close();
    await failed;
    expect(branch.waiting()).toBeUndefined();
    expect(user.read("a.md")).toBeUndefined();
  });
});
