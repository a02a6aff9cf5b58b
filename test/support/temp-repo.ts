import { cpSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { inject } from "vitest";
import { type GitRepo, gitRepoAt, makeGitRepo, type RepoShape } from "./git-repo.ts";
import { tempDir } from "./temp-dir.ts";

/** Makes a repository with one commit on `main` in a folder of its own; it goes when the test has finished. */
export function tempRepo(shape: RepoShape = {}): GitRepo {
  const dir = join(tempDir(), "repo");
  if (Object.keys(shape).length > 0) return makeGitRepo(dir, shape);
  cpSync(template(), dir, { recursive: true });
  const repo = gitRepoAt(dir);
  repo.git("update-index", "--refresh"); // Git's index knows the files by their times and inodes, which are others now.
  return repo;
}

/** Returns a repository to copy, made by the first test that asks for one: a copy is one start of git instead of three. */
function template(): string {
  const path = join(inject("sharedDir"), "repository");
  if (existsSync(path)) return path;
  const { dir } = makeGitRepo(join(mkdtempSync(join(inject("sharedDir"), "new-")), "repository"));
  rmSync(join(dir, ".git/hooks"), { recursive: true });
  mkdirSync(join(dir, ".git/hooks")); // Its examples are half of all files.
  try {
    renameSync(dir, path);
  } catch (error) {
    if (!existsSync(path)) throw error; // Another process was faster.
  }
  return path;
}
