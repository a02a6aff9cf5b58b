import { execFileSync } from "node:child_process";
import { appendFileSync, existsSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type GitRepo, makeGitRepo } from "../../../support/git-repo.ts";
import { type OpenedTree, openedTree } from "../../../support/opened-tree.ts";
import { tempDir } from "../../../support/temp-dir.ts";

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

it("a worktree that is not set up yet keeps its base, and what somebody has put there, when the checkout moves on", async () => {
  const { repo, sessions, record, write, open } = await openedTree();
  await sessions.worktrees.save({ ...record, state: "made" });
  write("by-hand.txt", "mine\n");
  repo.git("commit", "--quiet", "--allow-empty", "-m", "on");
  expect(await open()).toMatchObject({ state: "ready", base: record.base });
  expect(readFileSync(join(record.dir, "by-hand.txt"), "utf8")).toBe("mine\n");
});
