import { join } from "node:path";
import { type GitRepo, makeGitRepo, type RepoShape } from "./git-repo.ts";
import { tempDir } from "./temp-dir.ts";

/** Makes a repository with one commit on `main` in a folder of its own; it goes when the test has finished. */
export function tempRepo(shape: RepoShape = {}): GitRepo {
  return makeGitRepo(join(tempDir(), "repo"), shape);
}
