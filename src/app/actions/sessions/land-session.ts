import { rm } from "node:fs/promises";
import { join } from "node:path";
import { CoordinatorError } from "../../../base/errors.ts";
import { type Landing, landBranch } from "../../../git/merge/landing.ts";
import { createMerger } from "../../../git/merge/merger.ts";
import { openCodeRepositories } from "../../../git/repository/code-repositories.ts";
import type { WorkspacePlace } from "../../../git/repository/workspace-place.ts";
import type { SessionLanding } from "../../../run/workplace/run-places.ts";
import { slugOf } from "../../../run/workplace/worktrees/session-worktrees.ts";
import { homeName, statePaths } from "../../../store/state-paths.ts";
import { oneLine } from "../../../task/text/one-line.ts";
import { SESSION_BRANCH_PREFIX } from "../../../task/workplace/workplace-lease.ts";

/** What became of a session's work that was to land. */
export type LandAnswer = {
  readonly session: string;
  /** The task in which the session settles the conflict, where that was asked for. */
  readonly repair?: string;
} & Landing;

/** Of a session's key, so that the subject stays short. */
const KEY_CHARACTERS_MAX = 40;

/**
 * Merges the branch of a session into the branch that is checked out.
 *
 * @param session its key
 * @throws CoordinatorError `NOT_FOUND` where it has no branch; as `landBranch`
 */
export async function landSession({ home, ...deps }: SessionLanding, session: string): Promise<LandAnswer> {
  const slug = slugOf(session, home);
  const branch = SESSION_BRANCH_PREFIX + slug;
  const subject = `${oneLine(session, KEY_CHARACTERS_MAX)}: land its work`;
  const message = `${subject}\n\nSession-Key: ${oneLine(session, 400)}\nMerged-Branch: ${branch}\n`;
  try {
    return { session, ...(await landBranch(deps, branch, slug, message)) };
  } catch (error) {
    if (!(error instanceof CoordinatorError) || error.code !== "NOT_FOUND") throw error;
    const why = "its tasks have worked in the shared checkout, or have changed nothing";
    throw new CoordinatorError("NOT_FOUND", `session ${session} has no branch to land: ${why}`, { cause: error });
  }
}

/** Does that in a process of its own; a coordinator at work sees it soon. */
export async function landSessionHere(place: WorkspacePlace, session: string): Promise<LandAnswer> {
  const { programs, code: checkout } = await openCodeRepositories(place, () => []);
  const dir = join(statePaths(place.stateDir).merging, String(process.pid));
  try {
    return await landSession(
      { checkout, merger: createMerger(checkout, dir), programs, now: Date.now, home: homeName(place.stateDir) },
      session,
    );
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}
