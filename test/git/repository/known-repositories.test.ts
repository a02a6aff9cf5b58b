import { mkdirSync, realpathSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createKnownRepositories, type KnownRepositories } from "../../../src/git/repository/known-repositories.ts";
import { readWorkTree } from "../../../src/git/repository/read-work-tree.ts";
import { type GitRepo, gitRepoAt, makeGitRepo } from "../../support/git-repo.ts";
import { plantRepository } from "../../support/planted-repository.ts";
import { tempDir } from "../../support/temp-dir.ts";

interface Tree {
  readonly repo: GitRepo;
  /** Beside the repository. */
  readonly base: string;
  open(allowed?: readonly string[]): KnownRepositories;
}

function tree(): Tree {
  const base = realpathSync(tempDir());
  const repo = makeGitRepo(join(base, "repo"));
  return {
    repo,
    base,
    open(allowed = []) {
      const code = readWorkTree(repo.dir);
      if (code === undefined) throw new Error("no work tree");
      return createKnownRepositories(code, () => allowed);
    },
  };
}

describe("a folder of the working tree", () => {
  it("lies in the repository of the code, submodules and linked worktrees in theirs", () => {
    const { repo, base, open } = tree();
    const [gitDir, other] = [join(repo.dir, ".git"), makeGitRepo(join(base, "other"))];
    repo.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", other.dir, "lib");
    repo.git("worktree", "add", "--quiet", "-b", "inner", "inner");
    mkdirSync(join(repo.dir, "lib/deep"));
    const repositories = open();
    for (const folder of ["", "src"])
      expect(repositories.groundOf(join(repo.dir, folder))).toMatchObject({
        ...{ kind: "repository", repository: { topDir: repo.dir, gitDir, commonDir: gitDir } },
      });
    const module = { topDir: join(repo.dir, "lib"), gitDir: join(gitDir, "modules/lib") };
    expect(repositories.groundOf(join(repo.dir, "lib/deep"))).toEqual({
      ...{ kind: "repository", repository: { ...module, commonDir: module.gitDir } },
    });
    const inner = { topDir: join(repo.dir, "inner"), gitDir: join(gitDir, "worktrees/inner"), commonDir: gitDir };
    expect(repositories.groundOf(inner.topDir)).toEqual({ kind: "repository", repository: inner });
  });

  it.each(["git-folder", "gitfile", "bare"] as const)(
    "is foreign ground where a repository was planted: %s",
    (layout) => {
      const { repo, base, open } = tree();
      const lib = join(repo.dir, "lib");
      plantRepository(lib, { marks: join(base, "marks"), layout });
      mkdirSync(join(lib, "below"));
      const path = layout === "bare" ? lib : join(lib, ".git");
      for (const folder of [lib, join(lib, "below")])
        expect(open().groundOf(folder)).toEqual({ kind: "foreign", path });
      expect(open().groundOf(join(repo.dir, "src"))).toMatchObject({ kind: "repository" });
    },
  );

  it("is foreign ground where its .git leads anywhere else, or its git directory is only begun", () => {
    const { repo, base, open } = tree();
    const other = makeGitRepo(join(base, "other"));
    const made = (name: string, put: (folder: string) => void): void => {
      const folder = join(repo.dir, name);
      mkdirSync(folder);
      put(folder);
      expect(open().groundOf(folder)).toMatchObject({ kind: "foreign" });
    };
    made("file", (folder) => writeFileSync(join(folder, ".git"), `gitdir: ${other.dir}/.git\n`));
    made("state", (folder) => writeFileSync(join(folder, ".git"), "gitdir: ../.git/codex-inbox\n"));
    made("link", (folder) => symlinkSync(join(other.dir, ".git"), join(folder, ".git")));
    made("nowhere", (folder) => symlinkSync("nowhere", join(folder, ".git")));
    made("half", (folder) => mkdirSync(join(folder, ".git/objects"), { recursive: true }));
    made("split", (folder) => {
      writeFileSync(join(folder, "HEAD"), "ref: refs/heads/main\n");
      writeFileSync(join(folder, "commondir"), `${other.dir}/.git\n`);
    });
    // What a sandbox leaves that was killed.
    mkdirSync(join(repo.dir, "empty/.git"), { recursive: true });
    expect(open().groundOf(join(repo.dir, "empty"))).toMatchObject({ kind: "repository" });
  });
});

describe("a folder that the policy allows", () => {
  it("lies in the repository that was around it when the policy was read, or in none", () => {
    const { base, open } = tree();
    const other = makeGitRepo(join(base, "other"));
    const [src, plain] = [join(other.dir, "src"), join(base, "plain")];
    mkdirSync(join(plain, "in"), { recursive: true });
    const repositories = open([src, plain]);
    expect(repositories.groundOf(src)).toMatchObject({ repository: { topDir: other.dir } });
    expect(repositories.groundOf(join(plain, "in"))).toEqual({ kind: "none" });
    expect(repositories.groundOf(base)).toEqual({ kind: "none" });
    for (const folder of [join(plain, "in"), plain]) {
      gitRepoAt(folder).git("init", "--quiet");
      expect(repositories.groundOf(folder)).toEqual({ kind: "foreign", path: join(folder, ".git") });
    }
    expect(open([plain]).groundOf(plain)).toMatchObject({ repository: { gitDir: join(plain, ".git") } });
  });

  it("keeps its repository, whatever becomes of the .git there", () => {
    const { base, open } = tree();
    const other = makeGitRepo(join(base, "other"));
    const repositories = open([other.dir]);
    const before = repositories.groundOf(other.dir);
    gitRepoAt(base).git("init", "--quiet", "--separate-git-dir", join(base, "elsewhere"), "other");
    expect(repositories.groundOf(other.dir)).toEqual(before);
  });

  it("is exposed by a folder above it, whose agents could write its configuration", () => {
    const { base, open } = tree();
    const other = makeGitRepo(join(base, "all/other"));
    const repositories = open([join(base, "all"), other.dir]);
    expect(repositories.exposedBy(join(base, "all"))).toBe(join(other.dir, ".git"));
    for (const dir of [other.dir, join(other.dir, "src")]) expect(repositories.exposedBy(dir)).toBeUndefined();
    expect(repositories.groundOf(other.dir)).toMatchObject({ kind: "repository" });
  });

  it("is exposed so where it has none yet: one that agents make would be known after the next start", () => {
    const { base, open } = tree();
    const [all, inner] = [join(base, "all"), join(base, "all/some/inner")];
    mkdirSync(inner, { recursive: true });
    const repositories = open([all, inner]);
    expect(repositories.exposedBy(all)).toBe(join(inner, ".git"));
    expect(repositories.exposedBy(join(all, "some"))).toBe(join(inner, ".git"));
    for (const dir of [inner, join(all, "else")]) expect(repositories.exposedBy(dir)).toBeUndefined();
    // The control: what an agent in `all` had made there is taken for the user's.
    plantRepository(join(all, "some"), { marks: join(base, "marks"), layout: "git-folder" });
    expect(open([all, inner]).groundOf(inner)).toMatchObject({ repository: { topDir: join(all, "some") } });
  });
});
