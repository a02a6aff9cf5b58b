import { runGit } from "../process/git-process.ts";
import type { KnownRepository } from "../repository/known-repositories.ts";

/** A change as `git apply` takes it. */
export interface DiffText {
  readonly text: string;
  /** It is longer than what is shown of it. */
  readonly isCut: boolean;
}

/** More than this nobody reads, and one answer is held in memory. */
const DIFF_BYTES_MAX = 2 * 1024 * 1024;

/**
 * Returns how `commit` differs from `parent` (ids; `undefined`: from nothing), or only which files and by how many lines; `undefined`
 * where this repository does not have them. No program of anybody's runs.
 */
export async function readDiff(
  repository: KnownRepository,
  parent: string | undefined,
  commit: string,
  options: { readonly stat: boolean },
): Promise<DiffText | undefined> {
  const shape = options.stat ? ["--stat=100", "--summary"] : ["--patch", "--binary"];
  const safe = ["--no-color", "--no-ext-diff", "--no-textconv", "--no-renames"];
  const ends = parent === undefined ? ["--root", "--no-commit-id", commit] : [parent, commit];
  const call = { stdoutBytesMax: DIFF_BYTES_MAX };
  const { status, stdout } = await runGit(repository, ["diff-tree", "-r", ...shape, ...safe, ...ends], call);
  const isCut = stdout.length > DIFF_BYTES_MAX;
  if (status !== 0 && !isCut) return undefined;
  return { text: stdout.subarray(0, DIFF_BYTES_MAX).toString("utf8"), isCut };
}
