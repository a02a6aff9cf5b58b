import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import type { Branch } from "../../../src/git/branch.ts";
import { ALWAYS, append, plan, put, remove, result } from "../../support/commit-plans.ts";
import { committerAt } from "../../support/committer-at.ts";
import type { GitRepo } from "../../support/git-repo.ts";
import { startDriver } from "../../support/run-driver.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { tempRepo } from "../../support/temp-repo.ts";

const T1 = "sessions/docs/2026-11-20/t1.md";

/** A repository into which the result of "t1" was committed. */
async function repoWithResult(): Promise<{ readonly repo: GitRepo; readonly committer: Branch }> {
  const repo = tempRepo();
  const committer = await committerAt(repo);
  await committer.commit([result("t1")], ALWAYS);
  return { repo, committer };
}

describe("what the user has done in the work tree stays", () => {
  it("an edit of a file of ours: the branch gets ours, the disk keeps theirs, and both are told", async () => {
    const { repo, committer } = await repoWithResult();
    repo.write("tasks.md", "my notes\n");
    const report = await committer.commit([result("t2")], ALWAYS);
    expect(report.leftAlone).toEqual(["tasks.md"]);
    expect(repo.read("tasks.md")).toBe("my notes\n");
    expect(repo.git("show", "main:tasks.md")).toBe("| t1 | succeeded |\n| t2 | succeeded |");
    expect(repo.git("status", "--porcelain")).toBe(" M tasks.md");
  });

  it("a deletion that is not staged", async () => {
    const { repo, committer } = await repoWithResult();
    rmSync(join(repo.dir, "tasks.md"));
    const report = await committer.commit([result("t2")], ALWAYS);
    expect(report.leftAlone).toEqual(["tasks.md"]);
    expect(repo.git("status", "--porcelain")).toBe(" D tasks.md");
  });

  it("a deletion that is staged", async () => {
    const { repo, committer } = await repoWithResult();
    repo.git("rm", "-q", "tasks.md");
    const report = await committer.commit([result("t2")], ALWAYS);
    expect(report.leftAlone).toEqual(["tasks.md"]);
    expect(repo.git("status", "--porcelain")).toBe("D  tasks.md");
  });

  it("a version of a file of ours that is staged", async () => {
    const { repo, committer } = await repoWithResult();
    repo.write("tasks.md", "my notes\n");
    repo.git("add", "tasks.md");
    const report = await committer.commit([result("t2")], ALWAYS);
    expect(report.leftAlone).toEqual(["tasks.md"]);
    expect(repo.git("show", ":tasks.md")).toBe("my notes");
    expect(repo.git("status", "--porcelain")).toBe("M  tasks.md");
  });

  it("everything of theirs that is staged, edited or new", async () => {
    const { repo, committer } = await repoWithResult();
    repo.write("README.md", "# Staged\n");
    repo.git("add", "README.md");
    repo.write("README.md", "# Staged, then edited\n");
    repo.write("src/main.c", "edited\n");
    repo.write("new.txt", "new\n");
    const before = repo.git("status", "--porcelain");
    await committer.commit([result("t2")], ALWAYS);
    expect(repo.git("status", "--porcelain")).toBe(before);
    expect(repo.git("show", ":README.md")).toBe("# Staged");
    expect(repo.read("README.md")).toBe("# Staged, then edited\n");
  });

  it("an untracked file where ours belongs", async () => {
    const { repo, committer } = await repoWithResult();
    repo.write("sessions/docs/2026-11-20/t2.md", "mine\n");
    const report = await committer.commit([result("t2")], ALWAYS);
    expect(report.leftAlone).toEqual(["sessions/docs/2026-11-20/t2.md"]);
    expect(repo.read("sessions/docs/2026-11-20/t2.md")).toBe("mine\n");
  });

  it("a file that a removal finds changed", async () => {
    const { repo, committer } = await repoWithResult();
    repo.write(T1, "changed\n");
    const report = await committer.commit([plan("gone", remove(T1))], ALWAYS);
    expect(report.leftAlone).toEqual([T1]);
    expect(repo.read(T1)).toBe("changed\n");
    expect(repo.git("status", "--porcelain")).toBe("?? sessions/docs/2026-11-20/");
  });

  it("a folder that is a link: nothing is written through it", async () => {
    const { repo, committer } = await repoWithResult();
    const elsewhere = tempDir();
    renameSync(join(repo.dir, "sessions"), join(elsewhere, "sessions"));
    symlinkSync(join(elsewhere, "sessions"), join(repo.dir, "sessions"));
    const report = await committer.commit([result("t2"), plan("gone", remove(T1))], ALWAYS);
    expect([...report.leftAlone].sort()).toEqual([
      T1,
      "sessions/docs/2026-11-20/t2.md",
      "sessions/docs/transcript.jsonl",
    ]);
    expect(existsSync(join(elsewhere, "sessions/docs/2026-11-20/t2.md"))).toBe(false);
    expect(existsSync(join(elsewhere, T1))).toBe(true);
    expect(lstatSync(join(repo.dir, "sessions")).isSymbolicLink()).toBe(true);
  });

  it("a file that is a link", async () => {
    const { repo, committer } = await repoWithResult();
    const target = join(tempDir(), "target.md");
    renameSync(join(repo.dir, "tasks.md"), target);
    symlinkSync(target, join(repo.dir, "tasks.md"));
    const report = await committer.commit([result("t2")], ALWAYS);
    expect(report.leftAlone).toEqual(["tasks.md"]);
    expect(readlinkSync(join(repo.dir, "tasks.md"))).toBe(target);
  });

  it("a folder where a file of ours belongs", async () => {
    const { repo, committer } = await repoWithResult();
    mkdirSync(join(repo.dir, "sessions/docs/2026-11-20/t2.md"));
    const report = await committer.commit([result("t2")], ALWAYS);
    expect(report.leftAlone).toEqual(["sessions/docs/2026-11-20/t2.md"]);
  });
});

describe("what the user takes away by accident comes back", () => {
  it("after `reset --hard` to before our commit", async () => {
    const { repo, committer } = await repoWithResult();
    repo.git("reset", "-q", "--hard", "HEAD~1");
    expect(await committer.refresh()).toMatchObject({ foreign: true, lostOurs: true });
    await committer.commit([result("t1"), result("t2")], ALWAYS);
    expect(repo.git("status", "--porcelain")).toBe("");
    expect(repo.read(T1)).toBe("# t1\n");
    expect(await committer.refresh()).toMatchObject({ foreign: false, lostOurs: false });
  });

  it.each([["--soft"], ["--mixed"]])(
    "after `reset %s`, where our own newer rows on disk are no edit of the user's",
    async (how) => {
      const { repo, committer } = await repoWithResult();
      repo.git("reset", "-q", how, "HEAD~1");
      const report = await committer.commit([result("t1"), result("t2")], ALWAYS);
      expect(report.leftAlone).toEqual([]);
      expect(repo.read("tasks.md")).toBe("| t1 | succeeded |\n| t2 | succeeded |\n");
      expect(repo.git("status", "--porcelain")).toBe("");
    },
  );

  it.each<{ name: string; spoil: (repo: GitRepo) => void }>([
    {
      name: "an index that lacks our files",
      spoil: (repo) => repo.git("update-index", "--force-remove", "tasks.md", T1),
    },
    {
      name: "an index with an older version of ours",
      spoil: (repo) =>
        repo.git("update-index", "--cacheinfo", `100644,${repo.git("rev-parse", "main~1:tasks.md")},tasks.md`),
    },
  ])("$name is mended by the next commit", async ({ spoil }) => {
    const { repo, committer } = await repoWithResult();
    await committer.commit([result("t2")], ALWAYS);
    spoil(repo);
    expect(repo.git("status", "--porcelain")).not.toBe("");
    await committer.commit([plan("other", put("sessions/x/y.md", "y\n"))], ALWAYS);
    expect(repo.git("status", "--porcelain")).toBe("");
  });

  it("an index that lacks our files is mended even where there is nothing to commit", async () => {
    const { repo, committer } = await repoWithResult();
    const tip = repo.git("rev-parse", "main");
    repo.git("update-index", "--force-remove", T1);
    await committer.commit([result("t1")], ALWAYS);
    expect(repo.git("status", "--porcelain")).toBe("");
    expect(repo.git("rev-parse", "main")).toBe(tip);
  });

  it("an index that lacks our files is mended by the first batch after a restart, even where there is nothing to commit", async () => {
    const { repo, committer } = await repoWithResult();
    await committer.close();
    repo.git("update-index", "--force-remove", T1);
    await (await committerAt(repo)).commit([result("t1")], ALWAYS);
    expect(repo.git("status", "--porcelain")).toBe("");
  });

  it("but what they staged on purpose is not touched by the mending", async () => {
    const { repo, committer } = await repoWithResult();
    repo.git("rm", "-q", T1);
    repo.write("tasks.md", "my notes\n");
    repo.git("add", "tasks.md");
    const before = repo.git("status", "--porcelain");
    await committer.commit([plan("other", put("sessions/x/y.md", "y\n"))], ALWAYS);
    expect(repo.git("status", "--porcelain")).toBe(before);
  });
});

it("our rows on disk after a restart are no edit of the user's", async () => {
  const { repo, committer } = await repoWithResult();
  await committer.commit([plan("row", append("tasks.md", "| t2 | queued |"))], ALWAYS);
  await committer.close();
  repo.git("reset", "-q", "--soft", "HEAD~1");
  const again = await committerAt(repo);
  expect((await again.commit([result("t3")], ALWAYS)).leftAlone).toEqual([]);
});

it("leaves no temporary file behind", async () => {
  const { repo, committer } = await repoWithResult();
  await committer.commit([result("t2"), plan("gone", remove(T1))], ALWAYS);
  await committer.close();
  expect(repo.git("status", "--porcelain", "--ignored")).toBe("");
  expect(readdirSync(join(repo.dir, ".git/codex-inbox/tmp"))).toEqual([]);
  expect(repo.git("ls-files", "--others")).toBe("");
});

describe("with the git directory on another file system than the work tree", () => {
  /** /dev/shm is memory; the folder for temporary files is usually a disk. Where both are one, there is nothing to tell apart. */
  function separated(): GitRepo {
    const memory = mkdtempSync("/dev/shm/codex-inbox-");
    onTestFinished(() => rmSync(memory, { recursive: true, force: true }));
    return tempRepo({ gitDir: join(memory, "git") });
  }

  it("files are written beside their place, and nothing of that stays", async () => {
    const repo = separated();
    const committer = await committerAt(repo);
    await committer.commit([result("t1")], ALWAYS);
    await committer.commit([result("t2"), plan("gone", remove(T1))], ALWAYS);
    expect(repo.git("status", "--porcelain", "--ignored")).toBe("");
  });

  it("a crash before the swap leaves nothing there", async () => {
    const repo = separated();
    await (await committerAt(repo)).commit([result("t1")], ALWAYS);
    expect(await startDriver(["once", repo.dir, "t2"], "commit:index-locked").ended).toMatchObject({ how: "SIGKILL" });
    expect(repo.git("status", "--porcelain", "--untracked-files=all")).toBe("");
    await (await committerAt(repo)).commit([result("t2")], ALWAYS);
    expect(repo.git("status", "--porcelain", "--untracked-files=all")).toBe("");
  });
});
