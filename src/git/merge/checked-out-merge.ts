import { CoordinatorError } from "../../base/errors.ts";
import { oneLine } from "../../task/text/one-line.ts";
import { GitError, runGit } from "../process/git-process.ts";
import type { KnownRepository } from "../repository/known-repositories.ts";
import { findFileInTheWay } from "../worktrees/files-in-the-way.ts";

/**
 * Lets the files and the index of a work tree go from what `from` holds (a commit or tree), which they are, to what `to` holds. HEAD
 * stays. Nothing is changed where a file that is to change is not as `from` has it, nor where one would come in the place of another that
 * git does not have, ignored ones included.
 *
 * @param environment what keeps git from running filters of its configuration
 * @throws CoordinatorError `TASK_FILE` where a file is in the way; GitError
 */
export async function checkOutTree(
  worktree: KnownRepository,
  from: string,
  to: string,
  environment: Readonly<Record<string, string>>,
): Promise<void> {
  const ignored = await findFileInTheWay(worktree, from, to);
  if (ignored !== undefined) throw inTheWay(worktree, ignored);
  const args = ["-c", "checkout.workers=0", "read-tree", "-m", "-u", from, to];
  const { status, stderr } = await runGit(worktree, args, { environment });
  if (status === 0) return;
  if (!IN_THE_WAY.test(stderr)) throw new GitError(`git read-tree in ${worktree.topDir}: ${stderr}`);
  throw inTheWay(worktree, stderr);
}

function inTheWay({ topDir }: KnownRepository, said: string): CoordinatorError {
  const what = oneLine(said, WHY_CHARACTERS_MAX);
  return new CoordinatorError("TASK_FILE", `a file in ${topDir} is in the way; move it away (${what})`);
}

const IN_THE_WAY = /not uptodate|would be overwritten|would lose untracked|would be removed/i;
const WHY_CHARACTERS_MAX = 300;

/** Lines that git puts around the two sides of a conflict, whatever marker size a file's attributes ask for. */
const MARKS = ["^(<{7,}|>{7,})( |$)", "^[<>]+ [0-9a-f]{40}"];
/** Paths that one process is asked for. */
const PATHS_AT_ONCE = 500;

/**
 * Returns which of `paths` have marks of conflicts in `commit` (or a tree) that none of `without` has there: some files are about such
 * marks. @throws GitError
 */
export async function filesWithMarks(
  repository: KnownRepository,
  commit: string,
  paths: readonly string[],
  without: readonly string[],
): Promise<readonly string[]> {
  const marked = await countMarks(repository, commit, paths);
  const known = await Promise.all(without.map((one) => countMarks(repository, one, [...marked.keys()])));
  return [...marked].flatMap(([path, count]) =>
    known.every((counts) => count > (counts.get(path) ?? 0)) ? [path] : [],
  );
}

/** Also in files that attributes call binary. */
async function countMarks(
  repository: KnownRepository,
  commit: string,
  paths: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>();
  const patterns = MARKS.flatMap((mark) => ["-e", mark]);
  for (let at = 0; at < paths.length; at += PATHS_AT_ONCE) {
    const asked = paths.slice(at, at + PATHS_AT_ONCE);
    const args = [
      "--literal-pathspecs",
      "grep",
      "-a",
      "-c",
      "-z",
      "-E",
      "--no-textconv",
      ...patterns,
      commit,
      "--",
      ...asked,
    ];
    const { status, stdout, stderr } = await runGit(repository, args);
    if (status > 1) throw new GitError(`git grep in ${repository.topDir}: ${stderr}`);
    // Each: "<commit>:<path>\0<count>\n".
    let path = "";
    for (const word of stdout.toString("utf8").split("\0")) {
      const end = path === "" ? -1 : word.indexOf("\n");
      if (end !== -1) counts.set(path, Number(word.slice(0, end)));
      path = word.slice(end + 1 + commit.length + 1);
    }
  }
  return counts;
}
