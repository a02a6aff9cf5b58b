import { CoordinatorError } from "../../../base/errors.ts";
import { type Landing, landBranch } from "../../../git/merge/landing.ts";
import type { SessionLanding } from "../../../run/workplace/run-places.ts";
import type { SessionEdits } from "../../../run/workplace/worktrees/session-edits.ts";
import { slugOf } from "../../../run/workplace/worktrees/session-worktrees.ts";
import { oneLine } from "../../../task/text/one-line.ts";
import { SESSION_BRANCH_PREFIX } from "../../../task/workplace/workplace-lease.ts";

/** What became of a session's work that was to land. */
export type LandAnswer = {
  readonly session: string;
  /** The task in which the session settles the conflict, where that was asked for. */
  readonly repair?: string;
  /** What was edited in its worktree since its last run, and is committed first. */
  readonly edits: SessionEdits;
} & Landing;

/** Of a session's key, so that the subject stays short. */
const KEY_CHARACTERS_MAX = 40;

/**
 * Merges the branch of a session into the branch that is checked out; what was edited in its worktree is committed there first.
 *
 * @param session its key
 * @param commitEdits does that, where it may be done now
 * @throws CoordinatorError `NOT_FOUND` where it has no branch; as `landBranch`
 */
export async function landSession(
  { home, ...deps }: SessionLanding,
  session: string,
  commitEdits: (session: string) => Promise<SessionEdits>,
): Promise<LandAnswer> {
  const slug = slugOf(session, home);
  const branch = SESSION_BRANCH_PREFIX + slug;
  const subject = `${oneLine(session, KEY_CHARACTERS_MAX)}: land its work`;
  const message = `${subject}\n\nSession-Key: ${oneLine(session, 400)}\nMerged-Branch: ${branch}\n`;
  const edits = await commitEdits(session);
  try {
    return { session, edits, ...(await landBranch(deps, branch, slug, message)) };
  } catch (error) {
    if (!(error instanceof CoordinatorError) || error.code !== "NOT_FOUND") throw error;
    const why = "its tasks have worked in the shared checkout, or have changed nothing";
    throw new CoordinatorError("NOT_FOUND", `session ${session} has no branch to land: ${why}`, { cause: error });
  }
}

/** Says why what lies in the worktree of a session is not to be committed: a run works there, or somebody else has taken it. */
export function editsObstacle(underWay: string | undefined, otherTaker?: string): string | undefined {
  if (underWay !== undefined) return `${underWay} is under way there`;
  return otherTaker === undefined ? undefined : `${otherTaker} has taken the session`;
}
