import { isPlainFile, type TreeEntry } from "../objects/tree-format.ts";
import type { GitPlace } from "../process/git-environment.ts";
import { GitError, runGit } from "../process/git-process.ts";

/** A path that differs between two trees. */
export interface Difference {
  readonly path: string;
  readonly before: TreeEntry | undefined;
  readonly after: TreeEntry | undefined;
}

/** Of what two clones did apart from each other; more is for a person to merge. */
const DIFFERENCE_BYTES_MAX = 64 * 1024 * 1024;

/** Returns what differs below `places` (paths from the top; none: everywhere), by path. @throws GitError */
export async function differences(
  place: GitPlace,
  from: string,
  to: string,
  places: readonly string[],
): Promise<ReadonlyMap<string, Difference>> {
  const args = ["diff-tree", "-r", "-z", "--raw", "--no-abbrev", "--no-renames", from, to, "--", ...places];
  const { status, stdout, stderr } = await runGit(place, args, { stdoutBytesMax: DIFFERENCE_BYTES_MAX });
  if (status !== 0) throw new GitError(`git diff-tree: ${stderr}`);
  const words = stdout.toString("utf8").split("\0");
  const found = new Map<string, Difference>();
  for (let at = 0; at + 1 < words.length; at += 2) {
    const [, modeBefore = "", mode = "", idBefore = "", id = ""] =
      /^:(\d+) (\d+) ([0-9a-f]+) ([0-9a-f]+) [A-Z]\d*$/.exec(words[at] ?? "") ?? [];
    const path = words[at + 1] ?? "";
    found.set(path, { path, before: entryOf(modeBefore, idBefore), after: entryOf(mode, id) });
  }
  return found;
}

function entryOf(mode: string, id: string): TreeEntry | undefined {
  return Number(mode) === 0 ? undefined : { mode, id };
}

/** Returns the plain files at `paths` in a commit. @throws GitError */
export async function filesAt(
  place: GitPlace,
  commit: string,
  paths: readonly string[],
): Promise<ReadonlyMap<string, TreeEntry>> {
  if (paths.length === 0) return new Map();
  const { status, stdout, stderr } = await runGit(place, ["ls-tree", "-z", "--full-tree", commit, "--", ...paths]);
  if (status !== 0) throw new GitError(`git ls-tree: ${stderr}`);
  const records = stdout.toString("utf8").split("\0");
  return new Map(
    records.flatMap((record) => {
      const [, mode = "", id = "", path = ""] = /^(\d+) \w+ ([0-9a-f]+)\t(.*)$/s.exec(record) ?? [];
      const entry = { mode, id };
      return path !== "" && isPlainFile(entry) ? [[path, entry] as const] : [];
    }),
  );
}
