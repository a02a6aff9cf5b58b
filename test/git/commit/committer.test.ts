import { chmodSync, existsSync, lstatSync, mkdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { findWorkTree } from "../../../src/git/repository/find-work-tree.ts";
import { asKeptText } from "../../../src/task/text/kept-text.ts";
import { ALWAYS, append, plan, put, remove, result } from "../../support/commit-plans.ts";
import { committerAt } from "../../support/committer-at.ts";
import { type GitRepo, gitRepoAt } from "../../support/git-repo.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { tempRepo } from "../../support/temp-repo.ts";

/** What must hold after every commit in a checkout that was clean. */
function expectClean(repo: GitRepo): void {
  expect(repo.git("status", "--porcelain")).toBe("");
  expect(repo.git("diff", "HEAD")).toBe("");
  expect(repo.git("fsck", "--strict", "--no-dangling")).toBe("");
  expect(existsSync(join(repo.git("rev-parse", "--absolute-git-dir"), "index.lock"))).toBe(false);
}

describe("a commit", () => {
  it("moves branch, index and work tree together, one commit a plan", async () => {
    const repo = tempRepo();
    const committer = await committerAt(repo);
    const report = await committer.commit([result("t1"), result("t2")], ALWAYS);
    expect(report.commits).toHaveLength(2);
    expect(report.tip).toBe(repo.git("rev-parse", "main"));
    expect(report.tip).toBe(report.commits[1]);
    expect(report.leftAlone).toEqual([]);
    expect(repo.git("log", "--format=%s|%an|%cn|%ce")).toBe(
      "docs: t2|codex-inbox|User|user@example.org\ndocs: t1|codex-inbox|User|user@example.org\nfirst|User|User|user@example.org",
    );
    expect(repo.git("log", "-1", "--format=%(trailers:key=Task-Id,valueonly)")).toBe("t2");
    expect(repo.read("tasks.md")).toBe("| t1 | succeeded |\n| t2 | succeeded |\n");
    expectClean(repo);
  });

  it("says what is only cleared away, where a plan's own work stands in the branch", async () => {
    const repo = tempRepo();
    const committer = await committerAt(repo);
    const aside = { paths: ["inbox/a.md"], message: asKeptText("inbox: removed inbox/a.md\n") };
    const both = { ...plan("t1", put("s/a.md", "a"), remove("inbox/a.md")), aside };
    repo.write("inbox/a.md", "drop\n");
    await committer.commit([both], ALWAYS);
    repo.write("inbox/a.md", "drop\n");
    repo.git("add", "inbox/a.md");
    repo.git("commit", "--quiet", "-m", "staged");
    await committer.commit([both], ALWAYS);
    expect(repo.git("log", "--format=%s")).toBe("inbox: removed inbox/a.md\nstaged\ndocs: t1\nfirst");
  });

  it("gives a plan that changes nothing no commit, and touches nothing for it", async () => {
    const repo = tempRepo();
    const committer = await committerAt(repo);
    const first = await committer.commit([result("t1")], ALWAYS);
    const again = await committer.commit([result("t1"), result("t2"), result("t1")], ALWAYS);
    expect(again.commits).toEqual([undefined, again.tip, undefined]);
    const index = statSync(join(repo.dir, ".git/index")).ino;
    expect(await committer.commit([result("t1")], ALWAYS)).toEqual({
      tip: again.tip,
      commits: [undefined],
      leftAlone: [],
      indexMs: expect.any(Number),
      attempts: expect.any(Number),
      indexHeldMs: expect.any(Number),
    });
    expect(statSync(join(repo.dir, ".git/index")).ino).toBe(index);
    expect(repo.git("rev-list", "main")).toBe(`${again.tip}\n${first.tip}\n${repo.git("rev-parse", `${first.tip}~`)}`);
  });

  it("serves calls one after the other", async () => {
    const repo = tempRepo();
    const committer = await committerAt(repo);
    await Promise.all(["a", "b", "c"].map((id) => committer.commit([result(id)], ALWAYS)));
    expect(repo.git("log", "--reverse", "--format=%s")).toBe("first\ndocs: a\ndocs: b\ndocs: c");
    expectClean(repo);
  });

  it("writes reflogs as git does", async () => {
    const repo = tempRepo();
    const before = repo.git("rev-parse", "main");
    const committer = await committerAt(repo, { now: () => 1_795_183_200_000 });
    const { tip } = await committer.commit([result("t1"), result("t2")], ALWAYS);
    expect(repo.git("log", "-g", "-2", "--format=%H %gs", "main")).toBe(
      `${tip} codex-inbox: docs: t2\n${before} commit (initial): first`,
    );
    expect(repo.git("rev-parse", "HEAD@{1}")).toBe(before);
    expect(repo.git("log", "-1", "--format=%ci", "main")).toBe("2026-11-20 14:00:00 +0000");
  });

  it("removes files, and the folders that become empty, but never the inbox", async () => {
    const repo = tempRepo();
    const committer = await committerAt(repo);
    await committer.commit([plan("drop", put("inbox/docs/deep/x.md", "x\n"), put("sessions/a/b.md", "b\n"))], ALWAYS);
    await committer.commit(
      [plan("taken", remove("inbox/docs/deep/x.md"), remove("sessions/a/b.md"), remove("never.md"))],
      ALWAYS,
    );
    expect(existsSync(join(repo.dir, "inbox"))).toBe(true);
    expect(existsSync(join(repo.dir, "inbox/docs"))).toBe(false);
    expect(existsSync(join(repo.dir, "sessions"))).toBe(false);
    expect(repo.git("ls-tree", "-r", "--name-only", "main")).toBe("README.md\nsrc/main.c");
    expectClean(repo);
  });

  it("sorts trees as git does", async () => {
    const repo = tempRepo();
    const committer = await committerAt(repo);
    const names = ["a", "a.b", "a-b", "a0", "b/c", "b.c", "b-c", "b0", "é", "Z", "a b"];
    await committer.commit([plan("names", ...names.map((name) => put(`sessions/${name}`, `${name}\n`)))], ALWAYS);
    expectClean(repo);
    expect((await committer.listFolder("sessions")).map(({ name }) => name).sort()).toEqual(
      ["a", "a.b", "a-b", "a0", "b", "b.c", "b-c", "b0", "é", "Z", "a b"].sort(),
    );
    expect(repo.git("ls-files", "-z", "sessions").split("\0")).toContain("sessions/é");
  });

  it("keeps the mode of a file that was made executable", async () => {
    const repo = tempRepo();
    repo.write("tasks.md", "");
    chmodSync(join(repo.dir, "tasks.md"), 0o755);
    repo.git("add", "tasks.md");
    repo.git("commit", "-q", "-m", "executable");
    const committer = await committerAt(repo);
    await committer.commit([result("t1")], ALWAYS);
    expect(repo.git("ls-tree", "main", "tasks.md")).toMatch(/^100755 /);
    expectClean(repo);
  });

  it("runs no hook and signs nothing", async () => {
    const repo = tempRepo();
    const hooks = tempDir();
    const names = [
      "pre-commit",
      "commit-msg",
      "post-commit",
      "reference-transaction",
      "post-index-change",
      "post-checkout",
    ];
    for (const name of names)
      writeFileSync(join(hooks, name), `#!/bin/sh\ntouch ${hooks}/ran\nexit 1\n`, { mode: 0o755 });
    repo.git("config", "core.hooksPath", hooks);
    repo.git("config", "core.fsmonitor", join(hooks, "pre-commit"));
    repo.git("config", "commit.gpgSign", "true");
    const committer = await committerAt(repo);
    const { tip } = await committer.commit([result("t1")], ALWAYS);
    expect(existsSync(join(hooks, "ran"))).toBe(false);
    expect(repo.git("cat-file", "commit", tip)).not.toContain("gpgsig");
  });

  it("signs with a name of its own where the user has none", async () => {
    vi.stubEnv("HOME", tempDir());
    vi.stubEnv("XDG_CONFIG_HOME", tempDir());
    onTestFinished(() => void vi.unstubAllEnvs());
    const repo = tempRepo({ anonymous: true });
    const committer = await committerAt(repo);
    await committer.commit([result("t1")], ALWAYS);
    expect(repo.git("log", "-1", "--format=%an <%ae>")).toBe("codex-inbox <codex-inbox@localhost>");
  });
});

describe("every shape of repository", () => {
  it.each<{ name: string; make: () => GitRepo }>([
    { name: "sha256 objects", make: () => tempRepo({ objectFormat: "sha256" }) },
    { name: "a branch that is packed", make: () => given((repo) => repo.git("pack-refs", "--all", "--prune")) },
    {
      name: "empty folders where the branch's file goes",
      make: () =>
        given((repo) => {
          repo.git("pack-refs", "--all", "--prune");
          mkdirSync(join(repo.dir, ".git/refs/heads/main/old/topic"), { recursive: true });
        }),
    },
    { name: "objects that are packed", make: () => given((repo) => repo.git("repack", "-adq")) },
    { name: "an index of version 4", make: () => given((repo) => repo.git("update-index", "--index-version", "4")) },
    { name: "a split index", make: () => given((repo) => repo.git("update-index", "--split-index")) },
    { name: "an untracked cache", make: () => given((repo) => repo.git("update-index", "--force-untracked-cache")) },
    {
      name: "a sparse index",
      make: () => given((repo) => repo.git("sparse-checkout", "set", "--cone", "--sparse-index", "sessions")),
    },
    { name: "a relative worktree setting", make: () => given((repo) => repo.git("config", "core.worktree", "..")) },
    {
      name: "HEAD as a symbolic link",
      make: () =>
        given((repo) => {
          repo.git("config", "core.preferSymlinkRefs", "true");
          repo.git("symbolic-ref", "HEAD", "refs/heads/main");
          expect(lstatSync(join(repo.dir, ".git/HEAD")).isSymbolicLink()).toBe(true);
        }),
    },
    {
      name: "line endings converted, but not ours",
      make: () =>
        given((repo) => {
          repo.git("config", "core.autocrlf", "true");
          repo.write(".gitattributes", "* text=auto eol=crlf\ntasks.md -text\nsessions/** -text\n");
          repo.git("add", ".gitattributes");
          repo.git("commit", "-q", "-m", "attributes");
        }),
    },
  ])("$name", async ({ make }) => {
    const repo = make();
    const committer = await committerAt(repo);
    await committer.commit([result("t1"), plan("crlf", put("sessions/docs/crlf.md", "a\r\nb\n"))], ALWAYS);
    await committer.commit([result("t2")], ALWAYS);
    expect(repo.read("sessions/docs/crlf.md")).toBe("a\r\nb\n");
    expect(repo.git("show", "main:tasks.md")).toBe("| t1 | succeeded |\n| t2 | succeeded |");
    expectClean(repo);
    repo.write("README.md", "# Changed\n");
    repo.git("commit", "-q", "-a", "-m", "the user goes on");
    expect(repo.git("show", "--format=", "--name-only", "main")).toBe("README.md");
  });

  function given(change: (repo: GitRepo) => unknown): GitRepo {
    const repo = tempRepo();
    change(repo);
    return repo;
  }

  it("refuses a branch that is a link to another", async () => {
    const repo = tempRepo();
    symlinkSync("main", join(repo.dir, ".git/refs/heads/other"));
    const committer = await committerAt(repo, { branch: "refs/heads/other" });
    await expect(committer.refresh()).rejects.toThrow(/not a plain branch: its file is a link to main/);
  });

  it("begins a branch that has no commit yet", async () => {
    const repo = tempRepo({ empty: true });
    const committer = await committerAt(repo);
    expect(await committer.refresh()).toMatchObject({ tip: undefined, foreign: false, lostOurs: false });
    const report = await committer.commit([result("t1")], ALWAYS);
    expect(repo.git("rev-list", "--parents", "main")).toBe(report.tip);
    expectClean(repo);
  });

  it("leaves staged what the user staged for a first commit", async () => {
    const repo = tempRepo({ empty: true });
    repo.write("mine.txt", "mine\n");
    repo.git("add", "mine.txt");
    const committer = await committerAt(repo);
    await committer.commit([result("t1")], ALWAYS);
    expect(repo.git("status", "--porcelain")).toBe("A  mine.txt");
  });

  it("commits in a linked worktree, without a trace in the main one", async () => {
    const main = tempRepo();
    const linked = gitRepoAt(join(tempDir(), "linked"));
    main.git("worktree", "add", "-q", "-b", "work", linked.dir);
    const committer = await committerAt(linked, { branch: "refs/heads/work" });
    const { tip } = await committer.commit([result("t1")], ALWAYS);
    expect(main.git("rev-parse", "work")).toBe(tip);
    expectClean(linked);
    expect(main.git("status", "--porcelain")).toBe("");
    expect(main.git("rev-parse", "main")).not.toBe(tip);
  });

  it("keeps to a workspace that is a folder inside the work tree", async () => {
    const repo = tempRepo();
    repo.write("tools/queue/inbox/.keep", "");
    repo.git("add", "--all");
    repo.git("commit", "-q", "-m", "workspace");
    const committer = await committerAt(repo, { workspaceDir: join(repo.dir, "tools/queue") });
    await committer.commit([result("t1")], ALWAYS);
    expect(repo.git("ls-tree", "-r", "--name-only", "main", "--", "tools")).toBe(
      "tools/queue/inbox/.keep\ntools/queue/sessions/docs/2026-11-20/t1.md\ntools/queue/sessions/docs/transcript.jsonl\ntools/queue/tasks.md",
    );
    expect(await committer.readText("tasks.md")).toBe("| t1 | succeeded |\n");
    expect([...(await committer.indexEntries("inbox")).keys()]).toEqual(["inbox/.keep"]);
    repo.write("tools/queue/tasks.md", "mine\n");
    expect((await committer.commit([result("t2")], ALWAYS)).leftAlone).toEqual(["tasks.md"]);
  });

  it.each<{ name: string; prepare: (repo: GitRepo) => void; branch?: string; message: RegExp }>([
    {
      name: "refs that are not kept in files",
      prepare: (repo) => {
        repo.git("config", "core.repositoryFormatVersion", "1");
        repo.git("config", "extensions.refStorage", "reftable");
      },
      message: /refstorage|reftable/i,
    },
    { name: "a branch without its full name", prepare: () => undefined, branch: "main", message: /refs\/heads\/main/ },
  ])("refuses $name", async ({ prepare, branch = "refs/heads/main", message }) => {
    const repo = tempRepo();
    const stateDir = join(repo.dir, ".git/codex-inbox");
    const place = await findWorkTree(repo.dir);
    prepare(repo);
    await expect(committerAt(repo, { place, branch, stateDir })).rejects.toMatchObject({
      code: "CONFIG",
      message: expect.stringMatching(message),
    });
  });

  it("appends to a ledger of a thousand rows in every batch", async () => {
    const repo = tempRepo();
    const committer = await committerAt(repo);
    const rows = Array.from({ length: 1_000 }, (_, n) => append("tasks.md", `| row ${n} |`));
    await committer.commit([plan("many", ...rows)], ALWAYS);
    expect((await committer.readText("tasks.md"))?.split("\n")).toHaveLength(1_001);
    expectClean(repo);
  });
});
