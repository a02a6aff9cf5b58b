import { CoordinatorError } from "../../base/errors.ts";
import { readBoundedText, SMALL_FILE_BYTES_MAX } from "../../base/files/read-bounded.ts";
import { writeFileAtomic } from "../../base/files/write-file-atomic.ts";
import { readTaskJournal } from "../journal/journal-reader.ts";
import type { StatePaths } from "../state-paths.ts";

/**
 * Remembers which branch is served. Open tasks are committed to the branch they were accepted for: a coordinator that starts again
 * while HEAD happens to be elsewhere would bring them to that one.
 *
 * @param branch full name
 * @throws CoordinatorError `REFUSED` where open tasks wait for another branch
 */
export function settleBranch(paths: StatePaths, branch: string): void {
  const served = readServedBranch(paths);
  if (served === branch) return;
  const open = served === undefined ? 0 : readTaskJournal(paths.journal).openIds().length;
  if (open > 0) {
    const [theirs, ours] = [served ?? "", branch].map((name) => name.replace(/^refs\/heads\//, ""));
    const tasks = open === 1 ? "1 open task" : `${open} open tasks`;
    throw new CoordinatorError(
      "REFUSED",
      `HEAD names ${ours}, but ${tasks} of this workspace ${open === 1 ? "belongs" : "belong"} to ${theirs}: serve again after git switch ${theirs}`,
    );
  }
  writeFileAtomic(paths.branch, `${branch}\n`, 0o600);
}

/** Returns the full name of the branch that was served last. @throws CoordinatorError `CONFIG` where something else lies there */
export function readServedBranch({ branch }: Pick<StatePaths, "branch">): string | undefined {
  return readBoundedText(branch, SMALL_FILE_BYTES_MAX)?.trim();
}
