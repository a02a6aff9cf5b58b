import { mkdirSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { findWorkTree } from "../../../src/git/repository/find-work-tree.ts";
import { readWorkTree, type WorkTreePlace } from "../../../src/git/repository/read-work-tree.ts";
import { type GitRepo, gitRepoAt, makeGitRepo } from "../../support/git-repo.ts";
import { tempDir } from "../../support/temp-dir.ts";

/** What git itself says; `undefined` where it finds no work tree. */
function asGitSaysIt(dir: string): WorkTreePlace | undefined {
  const repo = gitRepoAt(dir);
  const places = ["--show-toplevel", "--git-dir", "--git-common-dir"];
  const { status, stdout } = repo.tryGit("rev-parse", "--path-format=absolute", ...places);
  if (status !== 0) return undefined;
  const [topDir = "", gitDir = "", commonDir = ""] = stdout
    .trimEnd()
    .split("\n")
    .map((path) => realpathSync(path));
  const head = repo.tryGit("symbolic-ref", "--quiet", "HEAD");
  return { topDir, gitDir, commonDir, branch: head.status === 0 ? head.stdout.trimEnd() : undefined };
}

type Layout = (repo: GitRepo) => string;

const PLAIN: readonly (readonly [name: string, layout: Layout])[] = [
  ["the top of a checkout", ({ dir }) => dir],
  ["a folder below it", ({ dir }) => join(dir, "src")],
  [
    "a branch whose name has a slash",
    (repo) => {
      repo.git("switch", "--quiet", "-c", "topic/one");
      return repo.dir;
    },
  ],
  [
    "a detached HEAD",
    (repo) => {
      repo.git("checkout", "--quiet", "--detach");
      return repo.dir;
    },
  ],
  [
    "a linked worktree",
    (repo) => {
      repo.git("worktree", "add", "--quiet", "-b", "other", `${repo.dir}-linked`);
      mkdirSync(`${repo.dir}-linked/below`);
      return `${repo.dir}-linked/below`;
    },
  ],
  [
    "a link to a folder in it",
    (repo) => {
      symlinkSync(join(repo.dir, "src"), `${repo.dir}-link`);
      return `${repo.dir}-link`;
    },
  ],
  ["a repository without a commit", ({ dir }) => makeGitRepo(join(dir, "..", "unborn"), { empty: true }).dir],
  ["a git directory elsewhere", ({ dir }) => makeGitRepo(join(dir, "..", "two"), { gitDir: `${dir}-git` }).dir],
  ["object names of SHA-256", ({ dir }) => makeGitRepo(join(dir, "..", "two"), { objectFormat: "sha256" }).dir],
];

const ODD: readonly (readonly [name: string, layout: Layout])[] = [
  [
    "a submodule, whose work tree its configuration names",
    (repo) => {
      repo.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", repo.dir, "module");
      return join(repo.dir, "module");
    },
  ],
  [
    "a work tree elsewhere",
    (repo) => {
      repo.git("config", "core.worktree", join(repo.dir, "src"));
      return join(repo.dir, "src");
    },
  ],
  [
    "a configuration that includes another",
    (repo) => {
      repo.git("config", "include.path", "more");
      return repo.dir;
    },
  ],
  [
    "a worktree of a bare repository",
    (repo) => {
      repo.git("clone", "--quiet", "--bare", repo.dir, `${repo.dir}-bare`);
      gitRepoAt(`${repo.dir}-bare`).git("worktree", "add", "--quiet", `${repo.dir}-linked`);
      return `${repo.dir}-linked`;
    },
  ],
  [
    "HEAD as a symbolic link",
    (repo) => {
      repo.git("config", "core.preferSymlinkRefs", "true");
      repo.git("switch", "--quiet", "-c", "other");
      return repo.dir;
    },
  ],
];

const NONE: readonly (readonly [name: string, layout: Layout])[] = [
  ["outside of a repository", ({ dir }) => join(dir, "..")],
  ["inside of the git directory", ({ dir }) => join(dir, ".git", "objects")],
  [
    "a bare repository",
    (repo) => {
      repo.git("clone", "--quiet", "--bare", ".", `${repo.dir}-bare`);
      return `${repo.dir}-bare`;
    },
  ],
  [
    "a repository whose configuration calls it bare",
    (repo) => {
      repo.git("config", "core.bare", "true");
      return repo.dir;
    },
  ],
  [
    "a git directory that is not whole",
    (repo) => {
      rmSync(join(repo.dir, ".git", "objects"), { recursive: true });
      return repo.dir;
    },
  ],
];

function layOut(layout: Layout): string {
  return layout(makeGitRepo(join(tempDir(), "repo")));
}

describe("where a work tree lies", () => {
  it.each(PLAIN)("is read from files as git says it: %s", (_, layout) => {
    const dir = layOut(layout);
    expect(readWorkTree(dir)).toEqual(asGitSaysIt(dir));
    expect(readWorkTree(dir)).toBeDefined();
  });

  it.each(ODD)("is asked of git: %s", async (_, layout) => {
    const dir = layOut(layout);
    expect(readWorkTree(dir)).toBeUndefined();
    const asked = await findWorkTree(dir);
    expect(asked).toEqual(asGitSaysIt(dir));
  });

  it.each(NONE)("is nowhere: %s", async (_, layout) => {
    const dir = layOut(layout);
    expect(readWorkTree(dir)).toBeUndefined();
    await expect(findWorkTree(dir)).rejects.toMatchObject({ code: "NOT_FOUND" });
  });
});
