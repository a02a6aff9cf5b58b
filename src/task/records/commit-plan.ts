import type { KeptText } from "../text/kept-text.ts";

/**
 * One commit to make, as edits that can be applied to any tip of the branch: when the tip moves, the committer applies them
 * again. An edit that finds its work done returns the content unchanged, so applying a plan twice changes nothing.
 */
export interface CommitPlan {
  /** Names the plan in logs; a task id, or what was done ("inbox"). */
  readonly label: string;
  readonly message: KeptText;
  readonly edits: readonly FileEdit[];
  /** Files that are only cleared away with it, and what a commit says that changes no others: the plan's own work stands in the branch already. */
  readonly aside?: { readonly paths: readonly string[]; readonly message: KeptText };
  /**
   * Edits that belong to no single plan of a batch (rows of the ledger): they go with the last plan that changes something, and with
   * this one where none does. So a plan whose work the branch holds already gets no second commit for the sake of others.
   */
  readonly closing?: readonly FileEdit[];
}

/** A change to one file. `path` is relative to the workspace, with "/" between its parts. */
export interface FileEdit {
  readonly path: KeptText;
  /** Returns the content the file shall have, `"unchanged"`, or `"absent"`. `current` is `undefined` where the tip has no such file. */
  readonly apply: (current: string | undefined) => KeptText | "unchanged" | "absent";
}

/** What became of a batch of plans. A plan that changed nothing got no commit. */
export interface CommitReport {
  /** The branch's new tip (or the old one, where nothing had to change). */
  readonly tip: string;
  /** Per plan, in order: the id of its commit, or `undefined` where the branch already held all of it. */
  readonly commits: readonly (string | undefined)[];
  /** Files of ours the user has edited in the work tree: committed, but left alone on disk. */
  readonly leftAlone: readonly string[];
  /** Milliseconds spent rewriting git's index (the one cost that grows with the number of tracked files). */
  readonly indexMs: number;
  /** How often git's locks were taken to move the branch: more than once where other processes came in between. */
  readonly attempts: number;
  /** The longest time at a stretch that `index.lock` was held, in milliseconds. A user's command that asks for it meanwhile fails. */
  readonly indexHeldMs: number;
}

/** Why the committer cannot commit now, and since when. Cleared by the next commit. */
export interface CommitterWait {
  readonly reason: string;
  readonly sinceMs: number;
}
