import type { CommitPlan, CommitReport, CommitterWait } from "../task/records/commit-plan.ts";

/** Puts plans into one branch, beside a user who works in the same checkout. Paths are relative to the workspace. */
export interface Branch {
  /**
   * Makes one commit per plan and moves the branch once. Waits, politely and as long as it takes, while something of the user's is
   * under way; one call runs after the other.
   *
   * @throws AbortError when `signal` aborts; no lock is left then
   */
  commit(plans: readonly CommitPlan[], signal: AbortSignal): Promise<CommitReport>;
  /**
   * Moves the branch forward to `to`, a commit that holds all of it, with index and work tree where HEAD names it: as `git merge --ff-only`
   * would, and as politely as `commit`. Unless every file of the user's that differs is exactly as the branch has it, nothing moves.
   * The next `refresh` tells of it as of a move by somebody else.
   *
   * @throws AbortError when `signal` aborts; no lock is left then
   */
  advance(to: string | Goal, signal: AbortSignal): Promise<Advance>;
  /** Returns what keeps it waiting now, or `undefined` when it is not waiting. */
  waiting(): CommitterWait | undefined;
  /** Looks at the branch again. What others did to it since the last call is told once; `lostOurs` until we commit again. */
  refresh(): Promise<Refreshed>;
  /** All is done that follows from what `refresh` told of these commits of ours; until then it is told again after a restart. */
  seenTo(unseen: readonly string[]): Promise<void>;
  /** Returns the file at the tip of the last `refresh` or `commit`; so do the other readers. */
  readText(path: string): Promise<string | undefined>;
  blobAt(path: string): Promise<string | undefined>;
  /** Plain files and folders; empty where there is no such folder. */
  listFolder(path: string): Promise<readonly { readonly name: string; readonly kind: "file" | "folder" }[]>;
  /** Returns the id of the folder or file at `path`: the same id, the same content. */
  treeId(path: string): Promise<string | undefined>;
  headIsOurs(): Promise<boolean>;
  /** Tells whether a move of the branch put the file at `path` into the work tree and nobody has touched it since: nobody is writing it. */
  isWhole(path: string): boolean;
  /** Tells whether a git command of the user's that began a moment ago still runs: what it has read of the work tree is not known. */
  isUserAtGit(): boolean;
  /** Returns path → blob of everything staged below `folder`. */
  indexEntries(folder: string): Promise<ReadonlyMap<string, string>>;
  /**
   * Returns the newest commit of the branch that changed `path`; "beyond-history" where a shallow clone cannot tell, until
   * `git fetch --unshallow`.
   */
  introducedBy(path: string): Promise<Introduction | "beyond-history" | undefined>;
  /**
   * Tells whether the newest commit that changed `path` is a copy of another one that did and is no ancestor of it: amended or rebased, and
   * merged with what became of the original.
   */
  isRewritten(path: string): Promise<boolean>;
  /** Returns who made `commit`, and what git finds of its signature. */
  authorship(commit: string): Promise<Authorship>;
  /** Returns the id that `bytes` would have as a blob. */
  hashBlob(bytes: Uint8Array): string;
  /** Ends a commit that waits (it rejects), and the process that reads objects. */
  close(): Promise<void>;
}

/** A commit to move to, and what becomes of commits that somebody makes meanwhile. */
export interface Goal {
  /** Holds all of `from`, the tip that it was made for. */
  readonly from: string;
  readonly to: string;
  /** Returns a commit that holds all of `to` and of another tip; `undefined` where there is none. Not asked where both change other files. */
  readonly join: (tip: string | undefined) => Promise<string | undefined>;
}

/** What became of moving the branch forward. Paths are from the top of the work tree. */
export type Advance =
  | Moved
  /** The branch holds the commit already. */
  | { readonly kind: "there" }
  /** The branch has commits that the other does not hold. */
  | { readonly kind: "apart" }
  /** `why` completes "cannot move forward: …". */
  | { readonly kind: "in-the-way"; readonly why: string; readonly paths: readonly string[] };

/** `tip` holds the commit, and is another one where it was joined. */
export interface Moved {
  readonly kind: "moved";
  readonly tip: string;
  /** Files of ours that the user has edited, as in a commit of ours. */
  readonly leftAlone: readonly string[];
  /** How long git's index was locked at a stretch, at most; milliseconds. */
  readonly indexHeldMs: number;
}

export interface Refreshed {
  readonly tip: string | undefined;
  /** Somebody else moved the branch since the last refresh. */
  readonly foreign: boolean;
  /** Our last commit is not in the branch any more. */
  readonly lostOurs: boolean;
  /** Our commits that were the last ones before others moved the branch since the last refresh; they may be lost, or not. */
  readonly unseen: readonly string[];
}

export interface Introduction {
  readonly commit: string;
  /** Committer date, Unix ms. */
  readonly timeMs: number;
}

/** Who made a commit, as it says itself. */
export interface Authorship {
  readonly author: string;
  readonly email: string;
  /** git's `%G?`: "G" where the signature is good and its key trusted, "N" without one; `null` where git cannot tell. */
  readonly signature: string | null;
  readonly signer: string | null;
}
