import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createMerger, type Merger } from "../../../src/git/merge/merger.ts";
import type { GitRepo } from "../../support/git-repo.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { tempRepo } from "../../support/temp-repo.ts";

interface Site {
  readonly repo: GitRepo;
  readonly merger: Merger;
  /** Commits files on top of `parent` on a branch of their own; returns the commit. */
  side(name: string, parent: string, files: Readonly<Record<string, string>>): string;
  readonly base: string;
  head(ref?: string): string;
}

function site(files: Readonly<Record<string, string>> = { "list.txt": "one\n" }): Site {
  const repo = tempRepo();
  const head = (ref = "HEAD"): string => repo.git("rev-parse", ref).trim();
  const write = (all: Readonly<Record<string, string>>): void => {
    for (const [path, text] of Object.entries(all)) repo.write(path, text);
    repo.git("add", "-A", "-f");
    repo.git("commit", "-q", "-m", "a side");
  };
  write(files);
  const base = head();
  const gitDir = join(repo.dir, ".git");
  return {
    ...{ repo, base, head },
    merger: createMerger({ topDir: repo.dir, gitDir, commonDir: gitDir }, join(tempDir(), "merging")),
    side(name, parent, changed) {
      repo.git("checkout", "-q", "-b", name, parent);
      write(changed);
      const commit = head();
      repo.git("checkout", "-q", "main");
      return commit;
    },
  };
}

describe("a merge in memory", () => {
  it("is the tree that git merge makes, and touches nothing", async () => {
    const { repo, merger, side, base } = site({ "a.txt": "a\n", "b.txt": "b\n" });
    const [one, two] = [side("one", base, { "a.txt": "A\n" }), side("two", base, { "b.txt": "B\n", "c/d.txt": "d\n" })];
    const before = [
      repo.git("for-each-ref"),
      readFileSync(join(repo.dir, ".git/index")),
      repo.git("status", "--porcelain"),
    ];
    const { tree, conflicts } = await merger.merge(one, two);
    expect(conflicts).toEqual([]);
    const commit = await merger.commit({
      ...{
        tree,
        parents: [one, two],
        message: "both\n",
        identity: "A Müller <a@example.org>",
        atMs: 1_700_000_000_000,
      },
    });
    expect([
      repo.git("for-each-ref"),
      readFileSync(join(repo.dir, ".git/index")),
      repo.git("status", "--porcelain"),
    ]).toEqual(before);
    expect(repo.git("log", "-1", "--format=%an <%ae> %ct %P", commit).trim()).toBe(
      `A Müller <a@example.org> 1700000000 ${one} ${two}`,
    );
    repo.git("checkout", "-q", "-b", "control", one);
    repo.git("merge", "-q", "-m", "control", two);
    expect(repo.git("rev-parse", "HEAD^{tree}").trim()).toBe(tree);
  });

  it("names the paths that do not go together, once each, and what is in the way beside them", async () => {
    const { merger, side, base, repo } = site({ "f.txt": "a\nb\nc\n", "gone.txt": "x\n", "both.txt": "1\n" });
    const one = side("one", base, { "f.txt": "a\nONE\nc\n", "gone.txt": "y\n" });
    const two = side("two", base, { "f.txt": "a\nTWO\nc\n", "new line\n.txt": "n\n" });
    repo.git("checkout", "-q", "two");
    repo.git("rm", "-q", "gone.txt");
    repo.git("commit", "-q", "--amend", "-m", "two");
    const { conflicts, tree } = await merger.merge(one, repo.git("rev-parse", "two").trim());
    expect([...conflicts].sort()).toEqual(["f.txt", "gone.txt"]);
    expect(repo.git("cat-file", "blob", `${tree}:f.txt`)).toContain("<<<<<<<");
    expect(two).not.toBe(one);
  });

  it.each([
    {
      name: "attributes that are not committed",
      change: ({ repo }: Site) => repo.write(".gitattributes", "* merge=union\n"),
    },
    {
      name: "configuration, and drivers that are programs",
      change: ({ repo }: Site) => {
        repo.git("config", "merge.default", "union");
        repo.git("config", "merge.conflictStyle", "diff3");
        repo.git("config", "merge.renames", "false");
        repo.write(".git/info/attributes", "* merge=evil\n");
        repo.git("config", "merge.evil.driver", `touch ${repo.dir}/evil`);
      },
    },
  ])("is the same whatever the user has in the way of $name", async ({ change }) => {
    const one = site({ "f.txt": "a\nb\n" });
    const [ours, theirs] = [
      one.side("one", one.base, { "f.txt": "a\nX\n" }),
      one.side("two", one.base, { "f.txt": "a\nY\n" }),
    ];
    const plain = await one.merger.merge(ours, theirs);
    change(one);
    const again = createMerger(
      { topDir: one.repo.dir, gitDir: join(one.repo.dir, ".git"), commonDir: join(one.repo.dir, ".git") },
      join(tempDir(), "merging"),
    );
    expect(await again.merge(ours, theirs)).toEqual(plain);
    expect(plain.conflicts).toEqual(["f.txt"]);
    expect(readdirSync(one.repo.dir)).not.toContain("evil");
  });

  it("goes by the attributes of the target, in folders too", async () => {
    const { merger, side, base } = site({
      "sub/.gitattributes": "list.txt merge=union\n",
      "sub/list.txt": "a\n",
      "list.txt": "a\n",
    });
    const one = side("one", base, { "sub/list.txt": "a\nONE\n", "list.txt": "a\nONE\n" });
    const two = side("two", base, { "sub/list.txt": "a\nTWO\n", "list.txt": "a\nTWO\n" });
    expect((await merger.merge(one, two)).conflicts).toEqual(["list.txt"]);
    const without = side("without", base, { "sub/.gitattributes": "\n" });
    expect((await merger.mergeAll(without, [[one, two]]))[0]?.conflicts).toEqual(["list.txt", "sub/list.txt"]);
  });

  it("of many pairs takes one process, and one that cannot be merged spoils no other", async () => {
    const { merger, side, base, repo } = site({ "f.txt": "a\nb\nc\nd\ne\n" });
    const sides = ["A", "B", "C"].map((word) => side(word, base, { "f.txt": `a\n${word}\nc\nd\ne\n` }));
    const apart = side("apart", base, { "g.txt": "g\n" });
    const [a = "", b = "", c = ""] = sides;
    const gone = "1".repeat(40);
    const before = repo.git("count-objects");
    const found = await merger.mergeAll(base, [
      [a, b],
      [a, apart],
      [gone, c],
      [b, c],
    ]);
    expect(found.map((merge) => merge?.conflicts)).toEqual([["f.txt"], [], undefined, ["f.txt"]]);
    expect(repo.git("count-objects")).toBe(before); // It leaves nothing behind.
  });

  it("works in a shallow clone", async () => {
    const { repo, side, base } = site({ "f.txt": "a\n" });
    side("one", base, { "f.txt": "b\n" });
    const dir = join(tempDir(), "clone");
    repo.git("clone", "-q", "--depth", "1", "--no-single-branch", `file://${repo.dir}`, dir);
    expect(statSync(join(dir, ".git/shallow")).size).toBeGreaterThan(0);
    const gitDir = join(dir, ".git");
    const merger = createMerger({ topDir: dir, gitDir, commonDir: gitDir }, join(tempDir(), "merging"));
    const main = repo.git("rev-parse", "main").trim();
    expect((await merger.merge(main, main)).conflicts).toEqual([]);
  });
});
