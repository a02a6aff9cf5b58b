import { GitError, runGit } from "../process/git-process.ts";
import { identityEnvironment } from "../repository/committer-identity.ts";
import type { KnownRepository } from "../repository/known-repositories.ts";

/** Tells whether the index of a work tree holds what `commit` does. */
export async function indexHolds(worktree: KnownRepository, commit: string): Promise<boolean> {
  return (await runGit(worktree, ["diff-index", "--cached", "--quiet", commit, "--"])).status === 0;
}

export interface StagedCommit {
  readonly parent: string;
  readonly message: string;
  /** "Name <address>" */
  readonly identity: string;
  readonly atMs: number;
  /** A tree that is kept anyway. */
  readonly kept?: string;
}

/**
 * Commits what is staged in a work tree, on top of `parent`, where neither that nor `kept` has the same; no ref is moved. `undefined` where
 * there is nothing to commit, or nothing that could be (a conflict stands in the index).
 *
 * @throws GitError
 */
export async function commitStaged(worktree: KnownRepository, commit: StagedCommit): Promise<string | undefined> {
  const { parent, message, identity, atMs, kept } = commit;
  if (await indexHolds(worktree, parent)) return undefined;
  const tree = await runGit(worktree, ["write-tree"]);
  const id = tree.stdout.toString("latin1").trim();
  if (tree.status !== 0 || id === kept) return undefined;
  const environment = identityEnvironment(identity, atMs);
  const made = await runGit(worktree, ["commit-tree", id, "-p", parent], { input: message, environment });
  if (made.status !== 0) throw new GitError(`git commit-tree in ${worktree.topDir}: ${made.stderr}`);
  return made.stdout.toString("latin1").trim();
}
