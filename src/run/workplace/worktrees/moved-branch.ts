import { CoordinatorError } from "../../../base/errors.ts";
import { checkOutTree } from "../../../git/merge/checked-out-merge.ts";
import type { KnownRepository } from "../../../git/repository/known-repositories.ts";
import { followCommit, isAncestor } from "../../../git/worktrees/session-branch.ts";
import { indexHolds } from "../../../git/worktrees/staged-tree.ts";
import type { WorktreeRecord } from "../../../store/worktrees/worktree-records.ts";
import { shellWord } from "../../../task/text/shell-word.ts";

/**
 * Lets a worktree follow its branch where somebody has moved that and left the files as they were (`git update-ref`, a fetch into it): else
 * the next commit would take back what the branch was moved to. What was edited there stays; who commits in the worktree, or resets or
 * rebases it, has moved both.
 *
 * @param tip of the branch
 * @returns what is wrong where what was edited does not go together with that; nothing was changed then
 */
export async function followMovedBranch(
  { head, made, branch, dir }: Pick<WorktreeRecord, "head" | "made" | "branch" | "dir">,
  worktree: KnownRepository,
  tip: string,
  environment: Readonly<Record<string, string>>,
): Promise<CoordinatorError | undefined> {
  if (tip === head) return undefined;
  if (tip === made) {
    await followCommit(worktree, tip, environment); // A kill has come before the index followed our own commit.
    return undefined;
  }
  if ((await indexHolds(worktree, tip)) || !(await indexHolds(worktree, head))) return undefined;
  if (!(await isAncestor(worktree, head, tip))) return undefined; // So does `git reset --soft`, which wants the files as they are.
  try {
    await checkOutTree(worktree, head, tip, environment);
    return undefined;
  } catch (error) {
    if (!(error instanceof CoordinatorError) || error.code !== "TASK_FILE") throw error;
    const place = shellWord(dir);
    const what = `${branch} was moved to ${tip.slice(0, 12)} by somebody, which does not go together with what is edited in ${dir}`;
    const way = `git -C ${place} stash && git -C ${place} reset --hard keeps that apart; git -C ${place} reset commits it as it is`;
    return new CoordinatorError("TASK_FILE", `${what}: ${way} (${error.message})`);
  }
}
