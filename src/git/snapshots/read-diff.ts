import { GitError, runGit } from "../process/git-process.ts";
import type { KnownRepository } from "../repository/known-repositories.ts";
import { readChanges } from "./tree-changes.ts";

/** A change as `git apply` takes it. */
export interface DiffText {
  readonly text: string;
  /** It is longer than what is shown of it. */
  readonly isCut: boolean;
}

/** More than this nobody reads, and one answer is held in memory. */
const DIFF_BYTES_MAX = 2 * 1024 * 1024;
const PATHS_MAX = 1_000;

/**
 * Returns how `commit` differs from `parent` (ids; `undefined`: from nothing), or only which files and by how many lines; `undefined`
 * where this repository does not have them. No program of anybody's runs.
 *
 * @param options.merged what `commit` merges besides: then the files count that it has otherwise than both
 */
export async function readDiff(
  repository: KnownRepository,
  parent: string | undefined,
  commit: string,
  options: { readonly stat: boolean; readonly merged?: string | undefined },
): Promise<DiffText | undefined> {
  const own = await ownPaths(repository, parent, commit, options.merged);
  if (own?.length === 0) return { text: "", isCut: false };
  const shape = options.stat ? ["--stat=100", "--summary"] : ["--patch", "--binary"];
  const safe = ["--no-color", "--no-ext-diff", "--no-textconv", "--no-renames"];
  const ends = parent === undefined ? ["--root", "--no-commit-id", commit] : [parent, commit];
  const call = { stdoutBytesMax: DIFF_BYTES_MAX };
  const { status, stdout } = await runGit(
    repository,
    ["--literal-pathspecs", "diff-tree", "-r", ...shape, ...safe, ...ends, "--", ...(own ?? [])],
    call,
  );
  const isCut = stdout.length > DIFF_BYTES_MAX;
  if (status !== 0 && !isCut) return undefined;
  return { text: stdout.subarray(0, DIFF_BYTES_MAX).toString("utf8"), isCut };
}

/** `undefined`: all of them; so it is too where there are too many to be named. */
async function ownPaths(
  repository: KnownRepository,
  parent: string | undefined,
  commit: string,
  merged: string | undefined,
): Promise<readonly string[] | undefined> {
  if (parent === undefined || merged === undefined) return undefined;
  try {
    const theirs = new Set((await readChanges(repository, merged, commit)).map(({ path }) => path));
    const own = (await readChanges(repository, parent, commit)).filter(({ path }) => theirs.has(path));
    return own.length > PATHS_MAX ? undefined : own.map(({ path }) => path);
  } catch (error) {
    if (error instanceof GitError) return undefined; // It does not have them.
    throw error;
  }
}
