import { GitError, runGit } from "../process/git-process.ts";
import type { KnownRepository } from "../repository/known-repositories.ts";

/**
 * Lets the files and the index of a work tree go from what `from` holds (a commit or tree), which they are, to what `to` holds. HEAD
 * stays. Nothing is changed where a file that is to change is not as `from` has it.
 *
 * @param environment what keeps git from running filters of its configuration
 * @throws GitError
 */
export async function checkOutTree(
  worktree: KnownRepository,
  from: string,
  to: string,
  environment: Readonly<Record<string, string>>,
): Promise<void> {
  const args = ["-c", "checkout.workers=0", "read-tree", "-m", "-u", from, to];
  const { status, stderr } = await runGit(worktree, args, { environment });
  if (status !== 0) throw new GitError(`git read-tree in ${worktree.topDir}: ${stderr}`);
}

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
