import { realpathSync } from "node:fs";
import { CoordinatorError } from "../../base/errors.ts";
import { askGitAround } from "../process/git-process.ts";
import { readWorkTree, type WorkTreePlace } from "./read-work-tree.ts";

/**
 * Finds the work tree around `dir` (absolute) by reading the few files that say so: two starts of git cost a short command a third
 * of its time. Whatever is not the plain layout of a checkout or of a linked worktree is left to git itself.
 *
 * @throws CoordinatorError `NOT_FOUND` outside a work tree
 */
export async function findWorkTree(dir: string): Promise<WorkTreePlace> {
  return readWorkTree(dir) ?? (await askGit(dir));
}

async function askGit(dir: string): Promise<WorkTreePlace> {
  const asked = ["--path-format=absolute", "--show-toplevel", "--git-dir", "--git-common-dir"];
  const places = await askGitAround(dir, ["rev-parse", ...asked]);
  if (places.status !== 0) {
    throw new CoordinatorError(
      "NOT_FOUND",
      `${dir} is not in the work tree of a Git repository. Make one with: git init`,
      { cause: new Error(places.stderr) },
    );
  }
  const paths = places.stdout.toString("utf8").trimEnd().split("\n");
  const [topDir = "", gitDir = "", commonDir = ""] = paths.map((path) => realpathSync(path));
  const head = await askGitAround(dir, ["symbolic-ref", "--quiet", "HEAD"]);
  return { topDir, gitDir, commonDir, branch: head.status === 0 ? head.stdout.toString("utf8").trimEnd() : undefined };
}
