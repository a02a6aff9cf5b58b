import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ALWAYS, plan, put, remove, result } from "../../support/commit-plans.ts";
import { committerAt } from "../../support/committer-at.ts";
import { type GitRepo, gitRepoAt } from "../../support/git-repo.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { tempRepo } from "../../support/temp-repo.ts";

/** A commit of the user's on top of `main`. */
function userCommit(repo: GitRepo): void {
  repo.write("README.md", `${repo.read("README.md")}more\n`);
  repo.git("commit", "-q", "-a", "-m", "user");
}

/** Processes that this one started. */
function listChildren(): readonly number[] {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids.map(Number).filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/stat`, "latin1").replace(/^.*\) \S+ (\d+) .*$/s, "$1") === String(process.pid);
    } catch {
      return false; // It has just ended.
    }
  });
}

describe("a look at the branch", () => {
  it("tells once that somebody else moved it, and never that we did", async () => {
    const repo = tempRepo();
    const committer = await committerAt(repo);
    expect(await committer.refresh()).toMatchObject({ foreign: true, lostOurs: false });
    expect(await committer.refresh()).toMatchObject({ foreign: false, lostOurs: false });
    const { tip } = await committer.commit([result("t1")], ALWAYS);
    expect(await committer.refresh()).toMatchObject({ tip, foreign: false, lostOurs: false });
    userCommit(repo);
    expect(await committer.refresh()).toMatchObject({
      tip: repo.git("rev-parse", "main"),
      foreign: true,
      lostOurs: false,
    });
    expect(await committer.refresh()).toMatchObject({ foreign: false });
  });

  it("tells of a foreign commit that a commit of ours was built upon", async () => {
    const repo = tempRepo();
    const committer = await committerAt(repo);
    await committer.refresh();
    await committer.commit([result("t1")], ALWAYS);
    userCommit(repo);
    await committer.commit([result("t2")], ALWAYS);
    expect(await committer.refresh()).toMatchObject({ foreign: true, lostOurs: false });
    expect(await committer.refresh()).toMatchObject({ foreign: false, lostOurs: false });
  });

  it("tells of a loss that a commit of ours has covered up", async () => {
    const repo = tempRepo();
    const committer = await committerAt(repo);
    await committer.refresh();
    await committer.commit([result("t1")], ALWAYS);
    repo.git("reset", "-q", "--hard", "HEAD~1");
    await committer.commit([result("t2")], ALWAYS);
    expect(await committer.refresh()).toMatchObject({ foreign: true, lostOurs: true });
    expect(await committer.refresh()).toMatchObject({ foreign: false, lostOurs: false });
  });

  it.each<{ name: string; change: (repo: GitRepo) => void; foreign: boolean; lostOurs: boolean }>([
    { name: "nothing", change: () => undefined, foreign: false, lostOurs: false },
    { name: "a commit of the user's", change: userCommit, foreign: true, lostOurs: false },
    { name: "a reset", change: (repo) => repo.git("reset", "-q", "--hard", "HEAD~1"), foreign: true, lostOurs: true },
    {
      name: "an amended commit",
      change: (repo) => repo.git("commit", "-q", "--amend", "-m", "mine now"),
      foreign: true,
      lostOurs: true,
    },
    {
      name: "a branch that was begun anew",
      change: (repo) => {
        repo.git("update-ref", "-d", "refs/heads/main");
        repo.git("reflog", "expire", "--expire=now", "--all");
        repo.git("prune", "--expire=now");
      },
      foreign: true,
      lostOurs: true,
    },
  ])("after a restart knows what happened meanwhile: $name", async ({ change, foreign, lostOurs }) => {
    const repo = tempRepo();
    const before = await committerAt(repo);
    await before.commit([result("t1")], ALWAYS);
    await before.close();
    change(repo);
    const committer = await committerAt(repo);
    expect(await committer.refresh()).toMatchObject({ foreign, lostOurs });
  });

  it("sees the branch move whether its file is loose or packed", async () => {
    const repo = tempRepo();
    const committer = await committerAt(repo);
    await committer.commit([result("t1")], ALWAYS);
    repo.git("pack-refs", "--all", "--prune");
    repo.git("gc", "-q", "--prune=now");
    expect(await committer.refresh()).toMatchObject({ tip: repo.git("rev-parse", "main") });
    const { tip } = await committer.commit([result("t2")], ALWAYS);
    expect(repo.git("rev-parse", "main")).toBe(tip);
    expect(repo.git("fsck", "--no-dangling")).toBe("");
  });
});

describe("reading the branch", () => {
  it("shows files and folders as they are at the tip, not on disk", async () => {
    const repo = tempRepo();
    repo.git("update-index", "--add", "--cacheinfo", `120000,${repo.git("rev-parse", "HEAD:README.md")},link`);
    repo.git("commit", "-q", "-m", "link");
    const committer = await committerAt(repo);
    const { tip } = await committer.commit([result("t1"), plan("bom", put("sessions/bom.md", "\uFEFFä\n"))], ALWAYS);
    repo.write("tasks.md", "changed on disk\n");
    expect(await committer.readText("tasks.md")).toBe("| t1 | succeeded |\n");
    expect(await committer.readText("sessions/bom.md")).toBe("\uFEFFä\n");
    expect(await committer.readText("sessions")).toBeUndefined();
    expect(await committer.readText("tasks.md/x")).toBeUndefined();
    expect(await committer.blobAt("tasks.md")).toBe(repo.git("rev-parse", `${tip}:tasks.md`));
    expect(await committer.blobAt("sessions")).toBeUndefined();
    expect(await committer.treeId("sessions")).toBe(repo.git("rev-parse", `${tip}:sessions`));
    expect(await committer.treeId("")).toBe(repo.git("rev-parse", `${tip}^{tree}`));
    expect(await committer.listFolder("")).toEqual([
      { name: "README.md", kind: "file" },
      { name: "src", kind: "folder" },
      { name: "sessions", kind: "folder" },
      { name: "tasks.md", kind: "file" },
    ]);
    expect(await committer.listFolder("nowhere")).toEqual([]);
    expect(committer.hashBlob(Buffer.from("| t1 | succeeded |\n"))).toBe(await committer.blobAt("tasks.md"));
  });

  it("goes on when the process that reads objects has died", async () => {
    const repo = tempRepo();
    const committer = await committerAt(repo);
    await committer.commit([result("t1")], ALWAYS);
    expect(await committer.readText("tasks.md")).toContain("t1");
    const readers = listChildren().filter((pid) => readFileSync(`/proc/${pid}/cmdline`, "latin1").includes("cat-file"));
    expect(readers).not.toEqual([]);
    for (const pid of readers) process.kill(pid, "SIGKILL");
    expect(await committer.readText("tasks.md")).toContain("t1");
    await committer.commit([result("t2")], ALWAYS);
    expect(await committer.readText("tasks.md")).toContain("t2");
  });

  it("finds the newest commit that changed a file", async () => {
    const repo = tempRepo();
    const committer = await committerAt(repo, { now: () => 1_795_183_200_000 });
    const first = await committer.commit([plan("drop", put("inbox/*.md", "a\n"))], ALWAYS);
    userCommit(repo);
    await committer.refresh();
    expect(await committer.introducedBy("inbox/*.md")).toEqual({ commit: first.tip, timeMs: 1_795_183_200_000 });
    expect(await committer.introducedBy("inbox/?.md")).toBeUndefined();
  });

  it("tells who made a commit, whatever their name is, and that it is not signed", async () => {
    const repo = tempRepo();
    const committer = await committerAt(repo);
    const author = "Ada %an\u00e4 -- [skip ci] <ada@example.org>";
    repo.git("commit", "-q", "--allow-empty", "-m", "one", `--author=${author}`);
    expect(await committer.authorship(repo.git("rev-parse", "main"))).toEqual({
      ...{ author: "Ada %an\u00e4 -- [skip ci]", email: "ada@example.org", signature: "N", signer: null },
    });
  });

  it("does not take the oldest commit of a shallow clone for one that changed a file", async () => {
    const origin = tempRepo();
    origin.write("inbox/x.md", "x\n");
    origin.git("add", "inbox");
    origin.git("commit", "-q", "-m", "drop");
    const dropped = origin.git("rev-parse", "main");
    for (const name of ["one", "two"]) origin.git("commit", "-q", "--allow-empty", "-m", name);
    const shallow = gitRepoAt(join(tempDir(), "shallow"));
    origin.git("clone", "-q", "--depth=1", `file://${origin.dir}`, shallow.dir);
    const committer = await committerAt(shallow);
    await committer.refresh();
    expect(await committer.introducedBy("inbox/x.md")).toBe("beyond-history");
    shallow.git("fetch", "-q", "--unshallow");
    expect(await committer.introducedBy("inbox/x.md")).toMatchObject({ commit: dropped });
  });

  it("shows what is staged, and sees it change", async () => {
    const repo = tempRepo();
    const committer = await committerAt(repo);
    expect(await committer.indexEntries("inbox")).toEqual(new Map());
    repo.write("inbox/x.md", "x\n");
    repo.git("add", "inbox/x.md");
    const staged = new Map([["inbox/x.md", committer.hashBlob(Buffer.from("x\n"))]]);
    expect(await committer.indexEntries("inbox")).toEqual(staged);
    await committer.commit([result("t1")], ALWAYS);
    expect(await committer.indexEntries("inbox")).toEqual(staged);
    await committer.commit([plan("taken", put("inbox/x.md", "x\n"))], ALWAYS);
    await committer.commit([plan("taken", remove("inbox/x.md"))], ALWAYS);
    expect(await committer.indexEntries("inbox")).toEqual(new Map());
  });

  it("shows what git shows, whoever wrote the index last", async () => {
    const repo = tempRepo();
    const committer = await committerAt(repo);
    const both = async (): Promise<readonly (readonly string[])[]> => [
      [...(await committer.indexEntries("inbox")).keys()].sort(),
      repo.git("ls-files", "inbox").split("\n").filter(Boolean),
    ];
    for (const step of [
      () => committer.commit([plan("a", put("inbox/a.md", "a\n"))], ALWAYS),
      () => committer.commit([plan("b", put("inbox/b.md", "b\n"), put("inboxes/x.md", "x\n"))], ALWAYS),
      () => repo.git("rm", "-q", "--cached", "inbox/a.md"),
      () => committer.commit([plan("c", put("inbox/deep/c.md", "c\n"))], ALWAYS),
      () => committer.commit([plan("b", remove("inbox/b.md"))], ALWAYS),
      () => repo.git("reset", "-q", "--hard", "HEAD~1"),
    ]) {
      await step();
      const [ours, gits] = await both();
      expect(ours).toEqual(gits);
    }
  });

  it("knows whether HEAD names the branch", async () => {
    const repo = tempRepo();
    const committer = await committerAt(repo);
    expect(await committer.headIsOurs()).toBe(true);
    repo.git("switch", "-q", "--detach");
    expect(await committer.headIsOurs()).toBe(false);
  });
});
