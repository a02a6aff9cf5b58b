import type { Log } from "../../../base/surroundings.ts";
import type { KnownRepository } from "../../../git/repository/known-repositories.ts";
import { keepSalvage } from "../../../git/worktrees/session-branch.ts";
import { commitStaged, type StagedCommit } from "../../../git/worktrees/staged-tree.ts";
import type { WorktreeRecord } from "../../../store/worktrees/worktree-records.ts";
import { oneLine } from "../../../task/text/one-line.ts";

interface StagedContentDeps {
  readonly code: KnownRepository;
  readonly committer: () => Promise<string>;
  readonly log: Log;
}

const SUBJECT_KEY_MAX = 40;

/**
 * Keeps what somebody has staged in a worktree (`git add -p`), and what its files have otherwise, on the next salvage ref, before its index
 * is made that of a commit, or goes. @throws GitError
 */
export async function keepStaged(
  { code, committer, log }: StagedContentDeps,
  { slug, session }: Pick<WorktreeRecord, "slug" | "session">,
  worktree: KnownRepository,
  staged: Pick<StagedCommit, "parent" | "kept" | "atMs">,
): Promise<void> {
  const subject = `${oneLine(session, SUBJECT_KEY_MAX)}: what was staged in its worktree`;
  const message = `${subject}\n\nSession-Key: ${oneLine(session, 400)}\n`;
  const commit = await commitStaged(worktree, { ...staged, message, identity: await committer() });
  if (commit !== undefined) log("worktree-staged-kept", { session, ref: await keepSalvage(code, slug, commit) });
}
