import { lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fromByteName, toByteName } from "../objects/tree-format.ts";
import { GitError, runGit } from "../process/git-process.ts";
import type { KnownRepository } from "../repository/known-repositories.ts";
import { DEPENDENCY_FOLDERS } from "../snapshots/ignore-rules.ts";

/** Also what git ignores. Folders in which programs keep what they fetch are part of no snapshot, and looked at as ignored ones. */
const ALL = ["ls-files", "-z", "--others", ...DEPENDENCY_FOLDERS.map((name) => `--exclude=${name}/`)] as const;
const IGNORED = [...ALL, "--ignored", "--exclude-standard"] as const;

/**
 * Returns why a repository that somebody has made inside a work tree may not go with it, or `undefined`: it has objects of its own, or
 * files that git ignores there. All its other files are part of snapshots.
 *
 * @param made folders (with a "/" at their end; here a character is a byte) that may go with all that they hold
 * @throws GitError
 */
export async function nestedObstacle(worktree: KnownRepository, made: readonly string[]): Promise<string | undefined> {
  // Against nothing: git does not name a repository of which an index has files.
  const environment = { GIT_INDEX_FILE: join(worktree.gitDir, "no-index") };
  const folders = made.filter((entry) => entry.endsWith("/"));
  const nested = (await names(worktree, ALL, environment)).filter((name) => name.endsWith("/"));
  for (const name of nested) {
    if (folders.some((folder) => name.startsWith(folder))) continue;
    const path = fromByteName(name);
    if (toByteName(path) !== name) return `the name of ${path}, a repository of its own, is not UTF-8`;
    if (hasObjects(join(worktree.topDir, path, ".git")))
      return `${path} is a repository of its own, which holds objects`;
    // As a work tree of its own: so git does not take its top for a repository.
    const inside = { ...worktree, topDir: join(worktree.topDir, path) };
    const [ignored] = await names(inside, IGNORED, environment);
    if (ignored !== undefined)
      return `${path} is a repository of its own, in which git ignores ${fromByteName(ignored)}`;
    const deeper = await nestedObstacle(inside, []);
    if (deeper !== undefined) return `${deeper} (in ${path})`;
  }
  return undefined;
}

/** Tells whether the git directory at `path` holds an object, loose or packed. */
function hasObjects(path: string): boolean {
  const objects = join(path, "objects");
  return entriesOf(objects).some((name) => name.length === 2) || entriesOf(join(objects, "pack")).length > 0;
}

function entriesOf(dir: string): readonly string[] {
  return lstatSync(dir, { throwIfNoEntry: false })?.isDirectory() === true ? readdirSync(dir) : [];
}

async function names(
  worktree: KnownRepository,
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<readonly string[]> {
  const { status, stdout, stderr } = await runGit(worktree, args, { environment });
  if (status !== 0) throw new GitError(`git ls-files in ${worktree.topDir}: ${stderr}`);
  return stdout.toString("latin1").split("\0").slice(0, -1);
}
