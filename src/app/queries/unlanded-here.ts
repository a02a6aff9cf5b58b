import { rm } from "node:fs/promises";
import { join } from "node:path";
import { createMerger } from "../../git/merge/merger.ts";
import { openCodeRepositories } from "../../git/repository/code-repositories.ts";
import type { WorkspacePlace } from "../../git/repository/workspace-place.ts";
import { createSessionBranches, type SessionBranch } from "../../run/workplace/worktrees/session-branches.ts";
import { statePaths } from "../../store/state-paths.ts";
import { readWorktreeRecords } from "../../store/worktrees/worktree-records.ts";

/** Returns the sessions whose work is not landed, in a process of its own; of a workspace without worktrees git is not asked. */
export async function unlandedHere(place: WorkspacePlace): Promise<readonly SessionBranch[]> {
  const { worktrees, merging } = statePaths(place.stateDir);
  const records = readWorktreeRecords(worktrees);
  if (records.length === 0) return [];
  const { programs, code } = await openCodeRepositories(place, () => []);
  const dir = join(merging, String(process.pid));
  try {
    return await createSessionBranches({
      ...{ code, records: { list: () => records }, merger: createMerger(code, dir), log: () => undefined },
      environment: () => programs.forListing(code),
    }).refresh();
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}
