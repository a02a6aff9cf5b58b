import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Branch } from "../../../src/git/branch.ts";
import { ALWAYS, result } from "../../support/commit-plans.ts";
import { committerAt } from "../../support/committer-at.ts";
import { shardOf } from "../../support/crash-shard.ts";
import { type GitRepo, gitRepoAt } from "../../support/git-repo.ts";
import { startDriver } from "../../support/run-driver.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { tempRepo } from "../../support/temp-repo.ts";

interface Site {
  readonly repo: GitRepo;
  readonly committer: Branch;
  /** Commits in a linked worktree, on top of main or of the commit before, what a user of another clone would have pushed. Returns the commit. */
  elsewhere(files: Readonly<Record<string, string | undefined>>): string;
}

function elsewhereOf(repo: GitRepo): Site["elsewhere"] {
  const other = gitRepoAt(join(tempDir(), "other"));
  repo.git("worktree", "add", "--quiet", "--detach", other.dir, "main");
  return (files) => {
    for (const [path, text] of Object.entries(files)) {
      if (text === undefined) rmSync(join(other.dir, path));
      else other.write(path, text);
    }
    other.git("add", "--all", "--force");
    other.git("commit", "--quiet", "-m", "elsewhere");
    return other.git("rev-parse", "HEAD");
  };
}

async function site(): Promise<Site> {
  const repo = tempRepo();
  repo.write("docs/a.txt", "a\n");
  repo.write("run.sh", "#!/bin/sh\n");
  repo.git("add", "--all");
  repo.git("commit", "--quiet", "-m", "more");
  const committer = await committerAt(repo);
  await committer.commit([result("t1")], ALWAYS);
  return { repo, committer, elsewhere: elsewhereOf(repo) };
}

const isClean = (repo: GitRepo): string => repo.git("status", "--porcelain");

describe("the branch moves forward to commits that came from elsewhere", () => {
  it("with work tree and index, as git merge --ff-only does", async () => {
    const { repo, committer, elsewhere } = await site();
    const to = elsewhere({
      ...{ "docs/a.txt": undefined, "docs/b/c.txt": "new\n", "src/main.c": "changed\n", "inbox/task.md": "Do it.\n" },
      ...{ "tasks.md": "| t1 | succeeded |\n| t9 | succeeded |\n", "sessions/other/t9.md": "# t9\n" },
    });
    await committer.refresh();
    expect(await committer.advance(to, ALWAYS)).toMatchObject({ kind: "moved", leftAlone: [] });
    expect([repo.git("rev-parse", "main", "HEAD"), isClean(repo)]).toEqual([`${to}\n${to}`, ""]);
    expect(existsSync(join(repo.dir, "docs/a.txt"))).toBe(false);
    expect(repo.read("docs/b/c.txt")).toBe("new\n");
    expect(repo.git("diff", "--name-only", to)).toBe("");
    expect(repo.git("reflog", "-1", "--format=%gs", "main")).toBe(
      "codex-inbox: moved forward to what the remote holds",
    );
    expect(committer.isWhole("inbox/task.md")).toBe(true);
    repo.write("inbox/task.md", "Do it.\n");
    expect([committer.isWhole("inbox/task.md"), committer.isWhole("README.md")]).toEqual([false, false]);
    expect(await committer.refresh()).toMatchObject({ tip: to, foreign: true, lostOurs: false });
    expect(await committer.advance(to, ALWAYS)).toEqual({ kind: "there" });
    expect((await committer.commit([result("t2")], ALWAYS)).leftAlone).toEqual([]);
    expect([repo.git("rev-parse", "main^"), isClean(repo), repo.git("fsck", "--no-dangling")]).toEqual([to, "", ""]);
    expect(readdirSync(join(repo.dir, ".git/codex-inbox/tmp"))).toEqual([]);
  });

  it("beside everything that the user has staged, stashed, changed and not tracked", async () => {
    const { repo, committer, elsewhere } = await site();
    const to = elsewhere({ "docs/b.txt": "new\n", "sessions/x/t9.md": "# t9\n" });
    repo.write("README.md", "# stashed\n");
    repo.git("stash", "--quiet");
    repo.write("README.md", "# staged\n");
    repo.git("add", "README.md");
    repo.write("README.md", "# staged, then changed\n");
    repo.write("src/main.c", "changed\n");
    repo.write("new.txt", "new\n");
    repo.git("rm", "--quiet", "--cached", "run.sh");
    const before = [isClean(repo), repo.git("stash", "list"), repo.git("diff", "--cached"), repo.git("diff")];
    expect(await committer.advance(to, ALWAYS)).toMatchObject({ kind: "moved", leftAlone: [] });
    expect([isClean(repo), repo.git("stash", "list"), repo.git("diff", "--cached"), repo.git("diff")]).toEqual(before);
    expect(repo.read("README.md")).toBe("# staged, then changed\n");
    expect(repo.git("rev-parse", "main")).toBe(to);
    repo.git("stash", "drop", "--quiet");
  });

  it("the branch alone while HEAD is elsewhere, and in a linked worktree that is the home", async () => {
    const { repo, committer, elsewhere } = await site();
    const to = elsewhere({ "src/main.c": "changed\n" });
    repo.git("switch", "--quiet", "-c", "topic");
    expect(await committer.advance(to, ALWAYS)).toMatchObject({ kind: "moved", leftAlone: [] });
    expect([repo.git("rev-parse", "main"), isClean(repo)]).toEqual([to, ""]);
    expect(repo.read("src/main.c")).toBe("int main(void) { return 0; }\n");
    const home = gitRepoAt(join(tempDir(), "home"));
    repo.git("worktree", "add", "--quiet", home.dir, "main");
    const next = elsewhere({ "src/main.c": "changed again\n" });
    const second = await committerAt(home, { stateDir: join(repo.dir, ".git/codex-inbox-2") });
    expect(await second.advance(next, ALWAYS)).toMatchObject({ kind: "moved", leftAlone: [] });
    expect([home.git("rev-parse", "HEAD"), isClean(home), home.read("src/main.c")]).toEqual([
      next,
      "",
      "changed again\n",
    ]);
    expect(isClean(repo)).toBe("");
  });

  it("not to one that does not hold all of it", async () => {
    const { repo, committer, elsewhere } = await site();
    const to = elsewhere({ "src/main.c": "changed\n" });
    await committer.commit([result("t2")], ALWAYS);
    const tip = repo.git("rev-parse", "main");
    expect(await committer.advance(to, ALWAYS)).toEqual({ kind: "apart" });
    expect(repo.git("rev-parse", "main")).toBe(tip);
  });

  it("leaves files of ours alone that the user has edited", async () => {
    const { repo, committer, elsewhere } = await site();
    const to = elsewhere({ "tasks.md": "| t1 | succeeded |\n| t9 | succeeded |\n" });
    repo.write("tasks.md", "my notes\n");
    expect(await committer.advance(to, ALWAYS)).toMatchObject({ kind: "moved", leftAlone: ["tasks.md"] });
    expect([repo.read("tasks.md"), repo.git("rev-parse", "main")]).toEqual(["my notes\n", to]);
  });

  it("writes line ends as a checkout does, and keeps what may be run", async () => {
    const { repo, committer, elsewhere } = await site();
    repo.git("config", "core.autocrlf", "true");
    repo.git("config", "core.safecrlf", "false");
    rmSync(join(repo.dir, "src/main.c"));
    repo.git("checkout", "--", "src/main.c");
    const to = elsewhere({ "src/main.c": "one\ntwo\n", "docs/new.txt": "new\n" });
    expect(await committer.advance(to, ALWAYS)).toMatchObject({ kind: "moved" });
    expect([repo.read("src/main.c"), repo.read("docs/new.txt"), isClean(repo)]).toEqual([
      "one\r\ntwo\r\n",
      "new\r\n",
      "",
    ]);
    repo.git("config", "core.autocrlf", "false");
    const other =
      repo
        .git("worktree", "list", "--porcelain")
        .split("\n")
        .filter((line) => line.startsWith("worktree "))
        .at(-1) ?? "";
    chmodSync(join(other.slice("worktree ".length), "run.sh"), 0o755);
    expect(await committer.advance(elsewhere({}), ALWAYS)).toMatchObject({ kind: "moved" });
    expect(statSync(join(repo.dir, "run.sh")).mode & 0o111).toBe(0o111);
  });
});

describe("commits that the user makes meanwhile", () => {
  const never = (): Promise<undefined> => Promise.reject(new Error("nothing has to be merged"));

  it("are joined at once where they change other files", async () => {
    const { repo, committer, elsewhere } = await site();
    const from = repo.git("rev-parse", "main");
    const to = elsewhere({
      ...{ "docs/a.txt": undefined, "src/main.c": "theirs\n", "tasks.md": "| t9 |\n", "sessions/x/t9.md": "# t9\n" },
    });
    for (const path of ["mine/1.txt", "mine/2.txt", "README.md"]) {
      repo.write(path, "mine\n");
      repo.git("add", "--all");
      repo.git("commit", "--quiet", "-m", path);
    }
    const mine = repo.git("rev-parse", "main");
    const moved = await committer.advance({ from, to, join: never }, ALWAYS);
    expect(moved).toEqual({
      ...{ kind: "moved", tip: repo.git("rev-parse", "main") },
      ...{ leftAlone: [], indexHeldMs: expect.any(Number) },
    });
    expect(repo.git("log", "-1", "--format=%P%n%s")).toBe(`${mine} ${to}\nsync: merge what the remote holds`);
    expect(repo.git("rev-parse", "main^{tree}")).toBe(repo.git("merge-tree", mine, to));
    expect([isClean(repo), repo.git("fsck", "--no-dangling")]).toEqual(["", ""]);
  });

  it.each([
    ["the same file", { "src/main.c": "theirs\n" }, "src/main.c"],
    ["a folder where the other has a file", { "place/x.txt": "theirs\n" }, "place"],
    ["a file in what is a file there", { place: "theirs\n" }, "place/x.txt"],
  ])("are merged where they change %s, and nothing moves where that cannot be", async (_, theirs, mine) => {
    const { repo, committer, elsewhere } = await site();
    const from = repo.git("rev-parse", "main");
    const to = elsewhere(theirs);
    repo.write(mine, "mine\n");
    repo.git("add", "--all");
    repo.git("commit", "--quiet", "-m", "mine");
    const tip = repo.git("rev-parse", "main");
    const asked: (string | undefined)[] = [];
    const join = async (other: string | undefined): Promise<undefined> => {
      asked.push(other);
      return undefined;
    };
    expect(await committer.advance({ from, to, join }, ALWAYS)).toEqual({ kind: "apart" });
    expect([asked, repo.git("rev-parse", "main"), isClean(repo)]).toEqual([[tip], tip, ""]);
  });

  it("are merged where the user took back what the other was made for", async () => {
    const { repo, committer, elsewhere } = await site();
    const from = repo.git("rev-parse", "main");
    const to = elsewhere({ "src/main.c": "theirs\n" });
    // A history that ends, as that of a shallow clone, and that says what is no parent.
    const said = `a root\n\nparent ${"1".repeat(40)}\n`;
    const root = repo.git("commit-tree", "HEAD^{tree}", "-m", said);
    repo.git("update-ref", "refs/heads/main", repo.git("commit-tree", "HEAD^{tree}", "-p", root, "-m", "another"));
    const joined = repo.git("commit-tree", `${to}^{tree}`, "-p", "main", "-p", to, "-m", "joined");
    expect(await committer.advance({ from, to, join: async () => joined }, ALWAYS)).toMatchObject({ tip: joined });
    expect([repo.git("rev-parse", "main"), isClean(repo)]).toEqual([joined, ""]);
  });
});

interface Obstacle {
  readonly name: string;
  readonly files: Readonly<Record<string, string | undefined>>;
  readonly does: (repo: GitRepo) => void;
  readonly path: string;
}

describe("nothing moves where something of the user's is in the way, and it is named", () => {
  it.each<Obstacle>([
    {
      name: "changed",
      files: { "src/main.c": "theirs\n" },
      does: (r) => r.write("src/main.c", "mine\n"),
      path: "src/main.c",
    },
    {
      name: "staged",
      files: { "src/main.c": "theirs\n" },
      does(r) {
        const before = r.read("src/main.c") ?? "";
        r.write("src/main.c", "mine\n");
        r.git("add", "--all");
        r.write("src/main.c", before);
      },
      path: "src/main.c",
    },
    {
      name: "removed",
      files: { "src/main.c": "theirs\n" },
      does: (r) => rmSync(join(r.dir, "src/main.c")),
      path: "src/main.c",
    },
    {
      name: "changed where it was removed",
      files: { "docs/a.txt": undefined },
      does: (r) => r.write("docs/a.txt", "mine\n"),
      path: "docs/a.txt",
    },
    {
      name: "not tracked",
      files: { "new.txt": "theirs\n" },
      does: (r) => r.write("new.txt", "mine\n"),
      path: "new.txt",
    },
    {
      name: "a drop not tracked",
      files: { "inbox/x.md": "theirs\n" },
      does: (r) => r.write("inbox/x.md", "mine\n"),
      path: "inbox/x.md",
    },
    {
      name: "made executable",
      files: { "src/main.c": "theirs\n" },
      does: (r) => chmodSync(join(r.dir, "src/main.c"), 0o755),
      path: "src/main.c",
    },
    {
      name: "a link on the way",
      files: { "new/x.txt": "theirs\n" },
      does: (r) => symlinkSync("docs", join(r.dir, "new")),
      path: "new/x.txt",
    },
    {
      name: "a folder",
      files: { "new.txt": "theirs\n" },
      does: (r) => mkdirSync(join(r.dir, "new.txt/sub"), { recursive: true }),
      path: "new.txt",
    },
    {
      name: "written by a filter",
      files: { "a.big": "theirs\n" },
      does: (r) => r.write(".git/info/attributes", "*.big filter=lfs\n"),
      path: "a.big",
    },
    {
      name: "how files are written",
      files: { ".gitattributes": "* text\n" },
      does: () => undefined,
      path: ".gitattributes",
    },
  ])("$name", async ({ files, does, path }) => {
    const { repo, committer, elsewhere } = await site();
    const to = elsewhere({ ...files, "other.txt": "other\n" });
    does(repo);
    const before = [repo.git("rev-parse", "main"), isClean(repo), readFileSync(join(repo.dir, ".git/index"), "latin1")];
    expect(await committer.advance(to, ALWAYS)).toMatchObject({ kind: "in-the-way", paths: [path] });
    expect([
      repo.git("rev-parse", "main"),
      isClean(repo),
      readFileSync(join(repo.dir, ".git/index"), "latin1"),
    ]).toEqual(before);
    expect(existsSync(join(repo.dir, "other.txt"))).toBe(false);
    expect(readdirSync(join(repo.dir, ".git/codex-inbox/tmp"))).toEqual([]);
  });
});

const MOVE_FAULTS = [
  "commit:objects-written",
  "commit:swap-files",
  "commit:swap-index",
  "commit:swap-ref",
  "commit:done",
];

describe("killed in the middle of a move, the next one finishes it", () => {
  it.each(shardOf("steps of a move", MOVE_FAULTS))("%s", async (fault) => {
    const { repo, committer, elsewhere } = await site();
    await committer.close();
    const first = elsewhere({
      "src/main.c": "one\n",
      "docs/a.txt": undefined,
      "new.txt": "new\n",
      "sessions/x/t9.md": "# t9\n",
    });
    expect(await startDriver(["advance", repo.dir, first], fault).ended).toMatchObject({ how: "SIGKILL" });
    expect(repo.git("fsck", "--no-dangling")).toBe("");
    const next = await committerAt(repo);
    await next.refresh();
    // By now the remote holds more, and a file that was written already has changed once more.
    const to = elsewhere({ "src/main.c": "two\n" });
    expect(await next.advance(to, ALWAYS)).toMatchObject({ kind: "moved", leftAlone: [] });
    expect([repo.git("rev-parse", "main"), isClean(repo), repo.read("src/main.c")]).toEqual([to, "", "two\n"]);
    expect(readdirSync(join(repo.dir, ".git/codex-inbox/tmp"))).toEqual([]);
  });
});
