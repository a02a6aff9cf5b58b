import { existsSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { landBranch } from "../../../../src/git/merge/landing.ts";
import { createMerger } from "../../../../src/git/merge/merger.ts";
import { createConfiguredPrograms } from "../../../../src/git/repository/configured-programs.ts";
import { leaseOfRecord } from "../../../../src/run/workplace/worktrees/session-worktrees.ts";
import type { GitRepo } from "../../../support/git-repo.ts";
import { type OpenedTree, openedTree } from "../../../support/opened-tree.ts";
import { tempDir } from "../../../support/temp-dir.ts";

/** Keeps contents in the folder `store`, and fails for one that says BROKEN. */
function gitLfs(store: string): string {
  return `#!/bin/sh
in=$(mktemp ${store}/in.XXXXXX); cat > $in
grep -q BROKEN $in && exit 1
if [ "$1" = clean ]; then
  if grep -q '^version https://git-lfs' $in; then cat $in; exit; fi
  oid=$(sha256sum < $in | cut -d' ' -f1); cp $in ${store}/$oid
  printf 'version https://git-lfs.github.com/spec/v1\\noid sha256:%s\\nsize %s\\n' $oid $(wc -c < $in)
elif [ -n "$GIT_LFS_SKIP_SMUDGE" ]; then cat $in
else cat ${store}/$(sed -n 's/^oid sha256://p' $in); fi
`;
}

/** Puts git-lfs on the PATH, or takes it away again. */
function lfsOnPath(): { readonly remove: () => void } {
  const [dir, path] = [tempDir(), process.env.PATH ?? ""];
  writeFileSync(join(dir, "git-lfs"), gitLfs(dir), { mode: 0o755 });
  vi.stubEnv("PATH", `${dir}:${path}`);
  onTestFinished(() => void vi.unstubAllEnvs());
  return { remove: () => vi.stubEnv("PATH", path) };
}

/** As `git lfs install` and `git lfs track "*.bin"` leave a repository; a.bin is what git-lfs has made of a content. */
function withLfs(repo: GitRepo): void {
  repo.git("config", "filter.lfs.clean", "git-lfs clean -- %f");
  repo.git("config", "filter.lfs.smudge", "git-lfs smudge -- %f");
  repo.git("config", "filter.lfs.required", "true");
  repo.write(".gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n");
  repo.write("a.bin", "the content of a\n");
  repo.git("add", "--all");
  repo.git("commit", "--quiet", "-m", "tracked by git-lfs");
}

const POINTER = /^version https:\/\/git-lfs/;

async function land({ repo, record }: OpenedTree) {
  const checkout = { topDir: repo.dir, gitDir: join(repo.dir, ".git"), commonDir: join(repo.dir, ".git") };
  const parts = { checkout, merger: createMerger(checkout, join(tempDir(), "merging")) };
  const deps = { ...parts, programs: createConfiguredPrograms(), now: Date.now };
  return landBranch(deps, record.branch, record.slug, "land it");
}

describe("files of git-lfs", () => {
  it("are pointers in a worktree and in each commit, whatever an agent makes of them, and contents in the checkout", async () => {
    lfsOnPath();
    const tree = await openedTree(withLfs, createConfiguredPrograms());
    const { repo, record, write, git, commit, park, open } = tree;
    const at = (path: string): string => readFileSync(join(record.dir, path), "utf8");
    expect(at("a.bin")).toMatch(POINTER);
    write("b.bin", "the content of b\n");
    write("a.bin", "another content of a\n");
    expect((await commit())?.files.map(({ path }) => path)).toEqual(["a.bin", "b.bin"]);
    for (const path of ["a.bin", "b.bin"]) expect(repo.git("show", `${record.branch}:${path}`)).toMatch(POINTER);
    expect(at("b.bin")).toBe("the content of b\n");
    expect(git("status", "--porcelain")).toBe("");
    expect(await park()).toBeUndefined();
    await open();
    expect([at("a.bin"), at("b.bin")]).toEqual([expect.stringMatching(POINTER), expect.stringMatching(POINTER)]);
    expect((await commit(2))?.files).toEqual([]);
    expect(await land(tree)).toMatchObject({ state: "landed" });
    expect(readFileSync(join(repo.dir, "a.bin"), "utf8")).toBe("another content of a\n");
    expect(repo.git("status", "--porcelain")).toBe("");
  });

  it("are left where they lie, and named, where git-lfs fails: no commit has the content in place of the pointer", async () => {
    lfsOnPath();
    const { repo, record, write, commit, park } = await openedTree(withLfs, createConfiguredPrograms());
    write("a.bin", "BROKEN\n");
    write("made.txt", "one\n");
    const change = await commit();
    expect(change?.files.map(({ path }) => path)).toEqual(["made.txt"]);
    expect(change?.leftOut).toMatchObject([{ path: "a.bin", why: 'its filter "lfs" has failed' }]);
    expect(repo.git("show", `${record.branch}:a.bin`)).toMatch(POINTER);
    expect(await park()).toBe("in no commit: a.bin");
  });

  it("are pointers where git-lfs is configured and not there; what changes in them is left where it lies, and named", async () => {
    const path = lfsOnPath();
    const tree = await openedTree((repo) => {
      withLfs(repo);
      path.remove();
    }, createConfiguredPrograms());
    const { repo, record, write, commit, park } = tree;
    expect(readFileSync(join(record.dir, "a.bin"), "utf8")).toMatch(POINTER);
    write("b.bin", "the content of b\n");
    write("made.txt", "one\n");
    const change = await commit();
    expect(change?.files.map((file) => file.path)).toEqual(["made.txt"]);
    expect(change?.leftOut).toMatchObject([{ path: "b.bin", why: 'its filter "lfs" is not run here' }]);
    expect(await park()).toBe("in no commit: b.bin");
    expect(await land(tree)).toMatchObject({ state: "ready", why: expect.stringContaining("filters") });
    expect(readFileSync(join(repo.dir, "a.bin"), "utf8")).toBe("the content of a\n");
  });
});

describe("what an agent can write is run by no git of ours", () => {
  it("as a filter that a repository of its own configures", async () => {
    const { repo, record, git, write, commit } = await openedTree(undefined, createConfiguredPrograms());
    const marked = join(tempDir(), "marked");
    repo.git("init", "--quiet", join(record.dir, "inner"));
    git("-C", "inner", "config", "filter.evil.clean", `touch ${marked}; cat`);
    write("inner/.gitattributes", "* filter=evil\n");
    write("inner/a.txt", "a\n");
    expect((await commit())?.files.map(({ path }) => path)).toEqual(["inner/.gitattributes", "inner/a.txt"]);
    expect(existsSync(marked)).toBe(false);
  });

  it.each<{ name: string; setting: string; look: (tree: OpenedTree) => Promise<unknown> }>([
    {
      name: "a merge is put into its worktree",
      setting: "filter.up.smudge",
      async look({ repo, record, sessions }) {
        repo.write("inbox/README.md", "changed\n");
        repo.git("commit", "--quiet", "--all", "-m", "changed");
        await sessions.snapshots.merge(leaseOfRecord(record), "20261120-141530-merge1");
        expect(readFileSync(join(record.dir, "inbox/README.md"), "utf8")).toBe("changed\n");
      },
    },
    {
      name: "its worktree is parked, and the coordinator's own files there are looked at",
      setting: "filter.up.clean",
      async look({ record, park }) {
        utimesSync(join(record.dir, "inbox/README.md"), 1, 1);
        expect(await park()).toBeUndefined();
      },
    },
  ])("as the script of a filter of the user's, when $name", async ({ setting, look }) => {
    const marked = join(tempDir(), "marked");
    const tree = await openedTree((repo) => {
      repo.git("config", setting, "sh tools/up.sh");
      repo.write("inbox/README.md", "drop here\n");
      repo.git("add", "--all");
      repo.git("commit", "--quiet", "-m", "files");
    }, createConfiguredPrograms());
    tree.write("tools/up.sh", `touch ${marked}; cat\n`);
    tree.write(".gitattributes", "inbox/** filter=up\n");
    await tree.commit();
    await look(tree);
    expect(existsSync(marked)).toBe(false);
  });
});
