import { appendFileSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { leaseOfRecord, type WorktreeLease } from "../../../../src/run/workplace/worktrees/session-worktrees.ts";
import type { WorktreeRecord } from "../../../../src/store/worktrees/worktree-records.ts";
import type { GitRepo } from "../../../support/git-repo.ts";
import { openSessionTrees, type SessionTrees } from "../../../support/session-trees.ts";
import { tempRepo } from "../../../support/temp-repo.ts";

const REPAIR = { session: "docs", title: "Settle it", task: "20261120-141530-k3f9x2", run: 2, thread: undefined };
const OTHER = { ...REPAIR, title: "Another", task: "20261120-141530-a1b2c3", run: 1 };
const AT_MS = Date.parse("2026-11-20T14:15:30Z");

interface Scene {
  readonly repo: GitRepo;
  readonly sessions: SessionTrees;
  readonly lease: WorktreeLease;
  readonly record: () => WorktreeRecord;
  /** Of the session's branch. */
  readonly tip: string;
  readonly target: string;
  read(path: string): string;
  write(path: string, text: string): void;
}

/** The session and the user have changed the same line of a.txt; the user has deleted what the session has changed besides. */
async function scene(): Promise<Scene> {
  const repo = tempRepo();
  const commit = (files: Readonly<Record<string, string>>, message: string): void => {
    for (const [path, text] of Object.entries(files)) repo.write(path, text);
    repo.git("add", "--all");
    repo.git("commit", "--quiet", "-m", message);
  };
  commit({ "a.txt": "one\n", "gone.txt": "here\n" }, "base");
  const sessions = openSessionTrees(repo.dir);
  const opened = await sessions.worktrees.open("docs", () => true);
  const lease = leaseOfRecord(opened);
  const write = (path: string, text: string): void => writeFileSync(join(opened.dir, path), text);
  write("a.txt", "of the session\n");
  write("gone.txt", "changed\n");
  await sessions.snapshots.after(lease, { ...OTHER, run: 7 }, AT_MS);
  rmSync(join(repo.dir, "gone.txt"));
  commit({ "a.txt": "of the user\n", "b.txt": "new\n", "inbox/README.md": "drop here\n" }, "of the user");
  return {
    ...{
      repo,
      sessions,
      lease,
      write,
      tip: repo.git("rev-parse", opened.branch),
      target: repo.git("rev-parse", "main"),
    },
    record: () => sessions.records.get(opened.slug) ?? opened,
    read: (path) => readFileSync(join(opened.dir, path), "utf8"),
  };
}

describe("a merge that a session is to settle", () => {
  it("is not begun over a file that git ignores there, which is named, and is once that is moved away", async () => {
    const { repo, sessions, lease, read, write } = await scene();
    appendFileSync(join(repo.dir, ".git/info/exclude"), "b.txt\n");
    write("b.txt", "of the agent, ignored\n");
    await sessions.snapshots.before(lease, REPAIR);
    const begun = sessions.snapshots.merge(lease, REPAIR.task);
    await expect(begun).rejects.toMatchObject({ code: "TASK_FILE", message: expect.stringContaining("(b.txt)") });
    expect([read("a.txt"), read("b.txt")]).toEqual(["of the session\n", "of the agent, ignored\n"]);
    rmSync(join(lease.dir, "b.txt"));
    await sessions.snapshots.before(lease, REPAIR);
    expect((await sessions.snapshots.merge(lease, REPAIR.task))?.marked).toEqual(["a.txt"]);
  });

  it("lies in its worktree with both sides marked, and is a commit with two parents once no mark is left", async () => {
    const { repo, sessions, lease, tip, target, read, write, record } = await scene();
    const checkout = [
      repo.git("status", "--porcelain"),
      repo.git("rev-parse", "HEAD"),
      repo.git("ls-files", "--stage"),
    ];
    await sessions.snapshots.before(lease, REPAIR);
    const merge = await sessions.snapshots.merge(lease, REPAIR.task);
    expect(merge).toEqual({ name: "main", target, marked: ["a.txt"], unmarked: ["gone.txt"] });
    expect(read("a.txt")).toBe(`<<<<<<< ${tip}\nof the session\n=======\nof the user\n>>>>>>> ${target}\n`);
    expect(read("b.txt")).toBe("new\n");
    expect(repo.git("rev-parse", lease.branch)).toBe(tip);

    // A run that leaves the marks: its work is kept, the branch stays.
    write("notes.txt", "not yet\n");
    const first = await sessions.snapshots.after(lease, { ...REPAIR, run: 1 }, AT_MS);
    expect(first).toMatchObject({ unsettled: "marks of conflicts are left in a.txt", tip, merged: target });
    expect(repo.git("show", `refs/codex-inbox/turns/${REPAIR.task}/1:notes.txt`)).toBe("not yet");
    expect(repo.git("rev-parse", lease.branch)).toBe(tip);

    // The next one goes on there, and nothing of that is somebody else's edit.
    await sessions.snapshots.before(lease, REPAIR);
    expect(await sessions.snapshots.merge(lease, REPAIR.task)).toEqual(merge);
    write("a.txt", "of both\n");
    const cutOff = await sessions.snapshots.after(lease, { ...REPAIR, run: 3 }, AT_MS, false);
    expect(cutOff?.unsettled).toBe("the turn has not come to its end");
    const settled = await sessions.snapshots.after(lease, REPAIR, AT_MS);
    expect(settled?.unsettled).toBeUndefined();
    expect(settled).toMatchObject({ merged: target, parent: tip, insertions: 2, deletions: 1 });
    // b.txt is as the user has it, gone.txt as the session has.
    expect(settled?.files).toEqual([
      { path: "a.txt", change: "modified" },
      { path: "notes.txt", change: "added" },
    ]);
    expect(repo.git("log", "-1", "--format=%P%n%(trailers:key=Merges,valueonly)", lease.branch).trim()).toBe(
      `${tip} ${target}\n${target}`,
    );
    // What is the coordinator's own is as the user has it: landing takes nothing of it back.
    expect(repo.git("show", `${lease.branch}:inbox/README.md`)).toBe("drop here");
    expect(repo.git("-C", lease.dir, "status", "--porcelain")).toBe("");
    expect(record().merging).toBeUndefined();
    expect(await sessions.snapshots.merge(lease, REPAIR.task)).toBeUndefined();
    // Taken in once more, after a crash.
    const again = openSessionTrees(repo.dir);
    expect(await again.snapshots.after(lease, REPAIR, AT_MS)).toEqual({ ...settled, leftOut: [] });
    repo.git("merge", "--quiet", "--no-edit", lease.branch);
    expect(repo.git("show", "HEAD:a.txt")).toBe("of both");
    repo.git("reset", "--quiet", "--hard", target);
    expect([repo.git("status", "--porcelain"), target, repo.git("ls-files", "--stage")]).toEqual(checkout);
  });

  it("is taken back for another task, and before parking: what lies there is kept on a ref", async () => {
    const { repo, sessions, lease, tip, read, write, record } = await scene();
    await sessions.snapshots.merge(lease, REPAIR.task);
    write("made.txt", "of the agent\n");
    await sessions.snapshots.before(lease, OTHER);
    expect(record().merging).toBeUndefined();
    expect(read("a.txt")).toBe("of the session\n");
    expect(["made.txt", "inbox/README.md"].filter((path) => existsSync(join(lease.dir, path)))).toEqual([]);
    expect(repo.git("show", `refs/codex-inbox/salvage/${lease.slug}/1:made.txt`)).toBe("of the agent");
    expect(repo.git("rev-parse", lease.branch)).toBe(tip);
    expect(repo.git("-C", lease.dir, "status", "--porcelain")).toBe("");

    // Where nobody has done anything with it there is nothing to keep.
    await sessions.snapshots.merge(lease, REPAIR.task);
    expect(await sessions.removal.park(lease.slug, () => true)).toBeUndefined();
    expect(repo.git("for-each-ref", "refs/codex-inbox/salvage").split("\n")).toHaveLength(1);
    expect(repo.git("rev-parse", lease.branch)).toBe(tip);
  });

  it.each(["before", "after"])(
    "is begun anew where its coordinator was killed %s the worktree had it",
    async (when) => {
      const { repo, sessions, lease, tip, read, record } = await scene();
      await sessions.snapshots.merge(lease, REPAIR.task);
      const { merging } = record();
      if (merging === undefined) throw new Error("no merge is on record");
      await sessions.records.save({ ...record(), merging: { ...merging, isReady: false } });
      if (when === "before") repo.git("-C", lease.dir, "read-tree", "-u", "--reset", tip);
      const again = openSessionTrees(repo.dir);
      await again.snapshots.before(lease, REPAIR);
      expect(read("a.txt")).toBe("of the session\n");
      expect((await again.snapshots.merge(lease, REPAIR.task))?.marked).toEqual(["a.txt"]);
      expect(read("a.txt")).toContain("=======");
      expect(repo.git("rev-parse", lease.branch)).toBe(tip);
      expect(repo.git("for-each-ref", "refs/codex-inbox/salvage")).toBe("");
    },
  );

  it("takes a secret of the merged commit for its author's, and holds one of the run", async () => {
    const { repo, sessions, lease, tip, write } = await scene();
    repo.write("fixture.txt", "SECRET of a test\n");
    repo.git("add", "fixture.txt");
    repo.git("commit", "--quiet", "-m", "a fixture");
    await sessions.snapshots.merge(lease, REPAIR.task);
    write("a.txt", "SECRET\n");
    const held = await sessions.snapshots.after(lease, { ...REPAIR, run: 1 }, AT_MS);
    expect(held).toMatchObject({ held: { paths: ["a.txt"] }, unsettled: "what looks like a secret is in a.txt" });
    expect(repo.git("rev-parse", lease.branch)).toBe(tip);
    write("a.txt", "of both\n");
    expect(await sessions.snapshots.after(lease, REPAIR, AT_MS)).toMatchObject({
      held: undefined,
      tip: expect.anything(),
    });
    expect(repo.git("show", `${lease.branch}:fixture.txt`)).toBe("SECRET of a test");
  });
});
