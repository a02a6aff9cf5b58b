import { mkdirSync } from "node:fs";
import { CoordinatorError } from "../../base/errors.ts";
import type { Branch } from "../../git/branch.ts";
import { openCommitter } from "../../git/commit/committer.ts";
import type { WorkspacePlace } from "../../git/repository/workspace-place.ts";
import { readCloneFile, settleCloneId } from "../../store/clone/clone-id.ts";
import { refuseNewerLedger } from "../../store/formats.ts";
import { statePaths } from "../../store/state-paths.ts";
import type { CommitPlan } from "../../task/records/commit-plan.ts";
import { LEDGER } from "../../task/records/workspace-paths.ts";

/** A git command of the user's is waited for this long. */
export const WAIT_FOR_GIT_MS = 10_000;
/** Why a commit was given up that nobody else was in the way of. */
export const GIT_IS_SLOW = `git took longer than ${WAIT_FOR_GIT_MS / 1_000} s, and nothing else is in the way: try again`;

/**
 * Lets `work` read `branchName` ("refs/heads/main") and commit to it, in a process of its own and also beside a coordinator: to that one
 * it is a commit of somebody else's.
 *
 * @throws CoordinatorError `CONFIG` where the branch is a newer version's; `TRY_AGAIN` where git commands of the user's take longer than ten seconds
 */
export async function withOwnCommitter<Result>(
  place: WorkspacePlace,
  branchName: string,
  work: (branch: Branch, commit: (plan: CommitPlan) => Promise<string | undefined>) => Promise<Result>,
): Promise<Result> {
  mkdirSync(place.stateDir, { recursive: true, mode: 0o700 });
  const branch = await openCommitter({
    place,
    workspaceDir: place.workspaceDir,
    stateDir: place.stateDir,
    branch: branchName,
    now: Date.now,
    onNotice: () => undefined,
    ownMarker: cloneIdOf(statePaths(place.stateDir).clone),
  });
  const commit = async (plan: CommitPlan): Promise<string | undefined> =>
    (await branch.commit([plan], AbortSignal.timeout(WAIT_FOR_GIT_MS))).commits[0];
  try {
    await branch.refresh();
    refuseNewerLedger(await branch.readText(LEDGER));
    return await work(branch, commit);
  } catch (error) {
    if (!isAbort(error)) throw error;
    const reason = branch.waiting()?.reason ?? GIT_IS_SLOW;
    throw new CoordinatorError("TRY_AGAIN", `cannot commit to ${branchName} now: ${reason}`, { cause: error });
  } finally {
    await branch.close();
  }
}

/** A copy keeps the id that it came with until it is served: only then it is known that nobody else writes to it. */
function cloneIdOf(path: string): string {
  const file = readCloneFile(path);
  return file?.isCopy === true ? file.id : settleCloneId(path);
}

/** Waiting is given up by an error that is a `DOMException` in one place of Node and not in another (24.21). */
function isAbort(error: unknown): boolean {
  return error instanceof Error && (error.name === "AbortError" || error.name === "TimeoutError");
}
