import { execFileSync, spawn } from "node:child_process";
import {
  appendFileSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { leaseOfRecord, slugOf } from "../../../../src/run/workplace/worktrees/session-worktrees.ts";
import { type GitRepo, makeGitRepo } from "../../../support/git-repo.ts";
import { type OpenedTree, openedTree } from "../../../support/opened-tree.ts";
import { openSessionTrees } from "../../../support/session-trees.ts";
import { tempDir } from "../../../support/temp-dir.ts";
import { tempRepo } from "../../../support/temp-repo.ts";

/** Has a submodule, which no worktree checks out by itself. */
function withSubmodule(repo: GitRepo): void {
  const other = makeGitRepo(join(tempDir(), "other"));
  repo.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", other.dir, "sub");
  repo.git("commit", "--quiet", "-m", "a submodule");
}

describe("a worktree stays while", () => {
  it.each<{ name: string; prepare?: (repo: GitRepo) => void; make: (tree: OpenedTree) => void; why: RegExp }>([
    {
      name: "its HEAD is on commits that no branch holds",
      make({ git, write }) {
        git("checkout", "--quiet", "--detach");
        write("made.txt", "detached\n");
        git("add", "--all");
        git("commit", "--quiet", "-m", "mine");
      },
      why: /^it is on no branch$/,
    },
    {
      name: "somebody has switched it to another branch",
      make: ({ git }) => void git("switch", "--quiet", "-c", "mine"),
      why: /^it is on mine$/,
    },
    {
      name: "somebody is in the middle of a merge",
      make({ repo, git, write }) {
        repo.write("README.md", "theirs\n");
        repo.git("commit", "--quiet", "--all", "-m", "theirs");
        write("README.md", "ours\n");
        git("commit", "--quiet", "--all", "-m", "ours");
        expect(() => git("merge", "--quiet", "main")).toThrow(/CONFLICT/);
      },
      why: /^a merge is in progress \(MERGE_HEAD\)$/,
    },
    {
      name: "a process that works elsewhere has a file in it open for writing",
      make({ record }) {
        const file = openSync(join(record.dir, ".notes.swp"), "a");
        const editor = spawn("sleep", ["60"], { cwd: "/", stdio: ["ignore", file, "ignore"] });
        closeSync(file);
        onTestFinished(() => void editor.kill("SIGKILL"));
      },
      why: /^process \d+ works in it$/,
    },
    {
      name: "files lie where a submodule would be checked out",
      prepare: withSubmodule,
      make: ({ write }) => write("sub/made.txt", "by an agent\n"),
      why: /^its submodule sub is checked out, or holds files$/,
    },
    {
      name: "git ignores a file there whose name is not UTF-8",
      prepare: (repo) => appendFileSync(join(repo.dir, ".git/info/exclude"), "*.db\n"),
      make: ({ record }) =>
        writeFileSync(Buffer.concat([Buffer.from(`${record.dir}/`), Buffer.from("\xff.db", "latin1")]), "rows\n"),
      why: /^the name of \ufffd\.db, which git ignores, is not UTF-8$/,
    },
  ])("$name", async ({ prepare, make, why }) => {
    const tree = await openedTree(prepare);
    make(tree);
    expect(await tree.park()).toMatch(why);
    expect(existsSync(join(tree.record.dir, ".git"))).toBe(true);
    expect(tree.sessions.records.get(tree.record.slug)?.state).toBe("ready");
  });
});

it("what an agent writes into the folder of a submodule is named in its result", async () => {
  const { write, commit } = await openedTree(withSubmodule);
  write("sub/made.txt", "by an agent\n");
  expect((await commit())?.leftOut).toMatchObject([
    { path: "sub", why: "a submodule that is not checked out, with files in it" },
  ]);
});

it("what is kept of a parked worktree is byte for byte what lay there, also in folders of programs", async () => {
  const { repo, record, write, park } = await openedTree((made) => {
    made.write(".gitattributes", "* text eol=lf\n");
    made.write(".gitignore", "*.db\n");
    made.git("add", "--all");
    made.git("commit", "--quiet", "-m", "attributes");
  });
  write("venv/notes.txt", "an agent's own\n");
  write('odd\n"name".db', "a\r\nb\r\n");
  symlinkSync("/nowhere", join(record.dir, "link.db"));
  expect(await park()).toBeUndefined();
  const kept = (path: string): string =>
    execFileSync("git", ["-C", repo.dir, "cat-file", "blob", `refs/codex-inbox/salvage/${record.slug}/1:${path}`], {
      encoding: "utf8",
    });
  expect(kept("venv/notes.txt")).toBe("an agent's own\n");
  expect(kept('odd\n"name".db')).toBe("a\r\nb\r\n");
  expect(kept("link.db")).toBe("/nowhere");
});

it("files that somebody has told git not to look at are committed like others", async () => {
  const { git, write, commit } = await openedTree();
  git("update-index", "--assume-unchanged", "README.md");
  git("update-index", "--skip-worktree", "src/main.c");
  write("README.md", "changed\n");
  write("src/main.c", "changed\n");
  expect((await commit())?.files.map(({ path }) => path)).toEqual(["README.md", "src/main.c"]);
});

it("what somebody has staged, and the files have otherwise, is kept before the index is a commit's, and before it goes", async () => {
  const { repo, record, sessions, git, write, park } = await openedTree();
  const staged = (number: number, path: string): string =>
    repo.git("show", `refs/codex-inbox/salvage/${record.slug}/${number}:${path}`);
  write("README.md", "staged\n");
  git("add", "README.md");
  write("README.md", "and edited\n");
  const turn = { session: "docs", title: "A turn", task: "20261120-141530-k3f9x2", run: 1, thread: undefined };
  await sessions.snapshots.before(leaseOfRecord(record), turn);
  expect([staged(1, "README.md"), repo.git("show", `${record.branch}:README.md`)]).toEqual(["staged", "and edited"]);
  write("same.txt", "staged as it is\n");
  git("add", "same.txt");
  await sessions.snapshots.before(leaseOfRecord(record), { ...turn, run: 2 });
  write("gone.txt", "staged\n");
  git("add", "gone.txt");
  rmSync(join(record.dir, "gone.txt"));
  expect(await park()).toBeUndefined();
  expect(staged(2, "gone.txt")).toBe("staged");
});

it("the index of a worktree knows how the files are that a commit has changed, whatever their names", async () => {
  const { git, write, commit } = await openedTree();
  write('odd\n"name.txt', "new\n");
  write("README.md", "changed\n");
  git("rm", "--quiet", "src/main.c");
  await commit();
  // These look at the times in the index alone.
  expect([git("diff-files", "--name-only"), git("diff-index", "--name-only", "HEAD")]).toEqual(["", ""]);
});

it("a sparse worktree stays sparse, its index is that of the commit, and nothing outside of it counts as deleted", async () => {
  const { record, git, write, commit } = await openedTree((repo, { settings }) => {
    repo.write("docs/a.md", "a\n");
    repo.git("add", "--all");
    repo.git("commit", "--quiet", "-m", "docs");
    settings.sparse = ["src"];
  });
  write("src/main.c", "changed\n");
  expect((await commit())?.files.map(({ path }) => path)).toEqual(["src/main.c"]);
  expect(git("status", "--porcelain")).toBe("");
  expect(git("ls-files", "-v", "docs")).toBe("S docs/a.md");
  expect(existsSync(join(record.dir, "docs"))).toBe(false);
  expect((await commit(2))?.files).toEqual([]);
});

describe("a session's branch that the user has checked out", () => {
  it("stays, whatever it holds, in the checkout as in another worktree", async () => {
    const { repo, sessions, record, write, commit, park } = await openedTree();
    write("made.txt", "one\n");
    await commit();
    const idle = await sessions.worktrees.open("idle", () => true);
    await park();
    repo.git("switch", "--quiet", record.branch);
    await sessions.removal.park(idle.slug, () => true);
    repo.git("worktree", "add", "--quiet", join(repo.dir, "../mine"), idle.branch);
    await sessions.keeping.tidy({ all: true });
    expect(repo.git("status", "--porcelain", "--branch")).toBe(`## ${record.branch}`);
    expect(repo.git("-C", join(repo.dir, "../mine"), "status", "--porcelain", "--branch")).toBe(`## ${idle.branch}`);
    await expect(sessions.worktrees.open("docs", () => true)).rejects.toThrow(/switch that one to another branch/);
  });
});

it("the locks that a killed git leaves of a ref and of an index are removed, and none that git holds", async () => {
  const { repo, record, write, git, commit } = await openedTree();
  const lock = join(repo.dir, ".git/refs/heads", `${record.branch}.lock`);
  const indexLock = join(repo.dir, ".git/worktrees", record.slug, "index.lock");
  for (const path of [lock, indexLock]) {
    writeFileSync(path, "");
    utimesSync(path, 0, 0);
  }
  write("made.txt", "one\n");
  expect(await commit()).toMatchObject({ files: [{ path: "made.txt" }] });
  expect(git("status", "--porcelain")).toBe("");
  writeFileSync(lock, "");
  utimesSync(lock, 0, 0);
  const user = spawn("sh", ["-c", "git cat-file --batch; true"], {
    cwd: record.dir,
    stdio: ["pipe", "ignore", "ignore"],
    detached: true,
  });
  try {
    write("made.txt", "two\n");
    await expect(commit(2)).rejects.toThrow(/cannot lock ref/);
    expect(existsSync(lock)).toBe(true);
  } finally {
    user.stdin.end();
  }
});

describe("where a worktree is to be made", () => {
  it("one whose record was lost is found again; what git does not know there is not touched", async () => {
    const { repo, record, write } = await openedTree();
    write("made.txt", "one\n");
    rmSync(join(repo.dir, ".git/codex-inbox/worktrees"), { recursive: true });
    const again = openSessionTrees(repo.dir);
    expect(await again.worktrees.open("docs", () => true)).toMatchObject({ state: "ready", dir: record.dir });
    expect(readFileSync(join(record.dir, "made.txt"), "utf8")).toBe("one\n");
    const other = join(record.dir, "..", slugOf("other"));
    mkdirSync(other);
    writeFileSync(join(other, "mine.txt"), "mine\n");
    await expect(again.worktrees.open("other", () => true)).rejects.toThrow(`${other} is there already; move it away`);
    expect(readdirSync(other)).toEqual(["mine.txt"]);
  });

  it("two workspaces of one repository have each its own, also for sessions of the same name", async () => {
    const { repo, record, write } = await openedTree();
    write("made.txt", "one\n");
    const other = openSessionTrees(repo.dir, "notes-1a2b3c4d");
    const opened = await other.worktrees.open("docs", () => true);
    expect([opened.dir === record.dir, opened.branch === record.branch]).toEqual([false, false]);
    await other.keeping.tidy({ all: true });
    expect(readFileSync(join(record.dir, "made.txt"), "utf8")).toBe("one\n");
  });

  it("a branch in the way of its own is named, and nothing is left behind", async () => {
    const repo = tempRepo();
    repo.git("branch", "codex-inbox");
    const { worktrees, trees } = openSessionTrees(repo.dir);
    await expect(worktrees.open("docs", () => true)).rejects.toThrow(
      /the branch codex-inbox is in the way of codex-inbox\/docs-\w+; rename it: git branch -m codex-inbox <another name>/,
    );
    repo.git("branch", "-m", "codex-inbox", `codex-inbox/${slugOf("docs")}/more`);
    await expect(worktrees.open("docs", () => true)).rejects.toThrow(/\/more is in the way of/);
    repo.git("branch", "-D", `codex-inbox/${slugOf("docs")}/more`);
    expect(await worktrees.open("docs", () => true)).toMatchObject({ state: "ready" });
    expect(trees.list()).toHaveLength(1);
  });

  it("no more are made at once than there may be", async () => {
    const { worktrees, trees, settings, busy } = openSessionTrees(tempRepo().dir);
    settings.maxCount = 2;
    const sessions = ["a", "b", "c", "d", "e"];
    for (const session of sessions) busy.add(session);
    const made = await Promise.allSettled(sessions.map((session) => worktrees.open(session, () => true)));
    expect(made.filter(({ status }) => status === "fulfilled")).toHaveLength(2);
    expect(trees.list()).toHaveLength(2);
  });
});

it("one worktree that cannot be looked after does not keep the others from being parked", async () => {
  const { repo, sessions, record } = await openedTree();
  const second = await sessions.worktrees.open("other", () => true);
  writeFileSync(join(record.dir, "made.txt"), "one\n");
  // A folder where git makes a lock: nothing removes that.
  mkdirSync(join(repo.dir, ".git/refs/heads", `${record.branch}.lock`));
  const kept = await sessions.keeping.tidy({ all: true });
  expect(kept).toMatchObject([{ session: "docs", why: expect.stringContaining("cannot lock ref") }]);
  expect([existsSync(record.dir), existsSync(second.dir)]).toEqual([true, false]);
});
