import { existsSync } from "node:fs";
import { CoordinatorError } from "../../../base/errors.ts";
import { findWorkTree } from "../../../git/repository/find-work-tree.ts";
import { describeMove, findLinkedWorktree, listLinkedWorktrees } from "../../../git/worktrees/worktree-list.ts";
import { readWorktreeRecords } from "../../../store/worktrees/worktree-records.ts";
import { shellWord } from "../../../task/text/shell-word.ts";
import type { Check } from "../check.ts";
import { CannotLook } from "../ground.ts";

/** The worktrees of sessions are where they were made. */
export const worktreesCheck: Check = {
  name: "worktrees",
  what: "Each worktree of a session is where it was made, whole, and on its session's branch",
  why: "A task of that session ends at once otherwise, with what to do; what lies in such a folder is touched by nobody",
  async look({ paths, place }, tell) {
    const records = readWorktreeRecords(paths.worktrees).filter(({ state }) => state === "made" || state === "ready");
    tell.looked("worktrees", records.length);
    if (records.length === 0) return;
    const code = await findWorkTree(place.workRoot).catch((error: unknown) => {
      if (error instanceof CoordinatorError) throw new CannotLook(error.message);
      throw error;
    });
    for (const { session, dir, branch } of records) {
      const found = findLinkedWorktree(code.commonDir, dir);
      const at = listLinkedWorktrees(code.commonDir).find(({ topDir }) => topDir === dir)?.branch;
      const moved = describeMove(code, { dir, branch });
      const own = `the worktree of session ${session}`;
      if (found !== undefined && at !== `refs/heads/${branch}`)
        tell.problem({
          path: dir,
          message: `${own} is on ${at?.replace("refs/heads/", "") ?? "no branch"}`,
          remedy: `switch it back: git -C ${shellWord(dir)} switch ${branch}`,
        });
      else if (found === undefined && existsSync(dir))
        tell.problem({
          path: dir,
          message: `git does not know ${own}`,
          remedy: `codex-inbox worktree repair ${shellWord(session)}; it says so where the folder has to be moved away`,
        });
      else if (found === undefined && moved !== undefined)
        tell.problem({
          path: dir,
          message: moved,
          remedy: "or remove it there: then it is made again from its branch",
        });
      else if (found === undefined)
        tell.note({ path: dir, message: `${own} is gone`, remedy: "the next task makes it again from its branch" });
    }
  },
};
