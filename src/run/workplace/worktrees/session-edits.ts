import { CoordinatorError } from "../../../base/errors.ts";
import type { LeftOut } from "../../../git/snapshots/candidates.ts";
import type { LinkedWorktrees } from "../../../git/worktrees/linked-worktrees.ts";
import { describeOperation } from "../../../git/worktrees/worktree-list.ts";
import type { WorktreeRecord, WorktreeRecords } from "../../../store/worktrees/worktree-records.ts";
import type { SessionSnapshots } from "./session-snapshots.ts";
import { type SessionWorktrees, slugOf } from "./session-worktrees.ts";

/** What somebody has edited in the worktree of a session since its last run. Absent things are `null`. */
export interface SessionEdits {
  /** The commit of it that was made now, on the session's branch, marked `Author-Kind: outside`. */
  readonly edited: string | null;
  /** What of the worktree is in no commit of the branch, or may be, and why: in words. */
  readonly left: string | null;
}

/**
 * Commits that. Where it is not to be touched now, or cannot be, nothing is, and what is returned says so; it is never lost by that.
 *
 * @param obstacle says why it is not to be touched, asked before anything is done, and again when nobody else can begin to
 */
export type CommitEdits = (session: string, obstacle: () => string | undefined) => Promise<SessionEdits>;

export interface SessionEditsDeps {
  readonly home: string | undefined;
  readonly trees: Pick<LinkedWorktrees, "list">;
  readonly worktrees: Pick<SessionWorktrees, "alone" | "repository">;
  readonly records: Pick<WorktreeRecords, "get">;
  readonly snapshots: Pick<SessionSnapshots, "outside">;
}

export const NO_EDITS: SessionEdits = { edited: null, left: null };
const NAMED_MAX = 3;

export function createCommitEdits({ home, trees, worktrees, records, snapshots }: SessionEditsDeps): CommitEdits {
  const whyNot = (record: WorktreeRecord, gitDir: string): string | undefined => {
    const at = trees.list().find(({ topDir }) => topDir === record.dir)?.branch;
    if (at !== `refs/heads/${record.branch}`) return `it is on ${at?.replace("refs/heads/", "") ?? "no branch"}`;
    return record.merging === undefined ? describeOperation(gitDir) : "a merge lies there that is not settled";
  };
  const commitNow = async (slug: string, obstacle: () => string | undefined): Promise<SessionEdits> => {
    const record = records.get(slug);
    const worktree = record === undefined ? undefined : worktrees.repository(record);
    if (record === undefined || worktree === undefined) return NO_EDITS;
    const why = obstacle() ?? whyNot(record, worktree.gitDir);
    if (why !== undefined) return untouched(record, why);
    try {
      const { commit, leftOut, problem } = await snapshots.outside(record, worktree);
      if (problem !== undefined) return untouched(record, problem);
      return { edited: commit ?? null, left: leftOut.length === 0 ? null : `in no commit: ${named(leftOut)}` };
    } catch (error) {
      if (!(error instanceof CoordinatorError)) throw error;
      return untouched(record, error.message);
    }
  };
  return async (session, obstacle) => {
    const slug = slugOf(session, home);
    const record = records.get(slug);
    if (record === undefined || worktrees.repository(record) === undefined) return NO_EDITS;
    const why = obstacle(); // A task that is under way may have its worktree to itself for long.
    return why === undefined ? worktrees.alone(slug, () => commitNow(slug, obstacle)) : untouched(record, why);
  };
}

function untouched({ dir }: Pick<WorktreeRecord, "dir">, why: string): SessionEdits {
  return { edited: null, left: `what has changed in ${dir} and is in no commit yet: ${why}` };
}

function named(files: readonly LeftOut[]): string {
  const more = files.length > NAMED_MAX ? ` and ${files.length - NAMED_MAX} more` : "";
  return files
    .slice(0, NAMED_MAX)
    .map(({ path, why }) => `${path} (${why})`)
    .join(", ")
    .concat(more);
}
