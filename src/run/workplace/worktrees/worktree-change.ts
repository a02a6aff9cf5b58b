import type { LeftOut } from "../../../git/snapshots/candidates.ts";
import type { CommitChange } from "../../../git/worktrees/session-branch.ts";

/** What one run has changed in the worktree of its session. */
export interface WorktreeChange extends CommitChange {
  /** Without `refs/heads/`. */
  readonly branch: string;
  /** The tip of the branch: what the run left. */
  readonly tip: string;
  /** What it is compared with. */
  readonly parent: string;
  /** The run's own commit; `undefined` where it changed nothing, or what it changed is held. */
  readonly commit: string | undefined;
  readonly leftOut: readonly LeftOut[];
  /** Where the change holds what looks like a secret: it is on this ref alone, which never leaves the machine. */
  readonly held: { readonly ref: string; readonly commit: string; readonly paths: readonly string[] } | undefined;
  /** Why it could not be recorded; then it lies in the worktree, which is kept. */
  readonly problem?: string;
  /** The commit that was merged besides, where the run was to settle a merge. */
  readonly merged?: string;
  /** Why that is not settled: the branch has stayed, and the run's own ref alone holds the commit. */
  readonly unsettled?: string;
}
