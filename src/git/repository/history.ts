import type { Introduction } from "../branch.ts";
import { GitError, runGit } from "../process/git-process.ts";

/** Returns the newest commit reachable from `tip` that changed `path` (from the top of the work tree `topDir`). */
export async function findIntroduction(topDir: string, tip: string, path: string): Promise<Introduction | undefined> {
  const args = ["log", "-1", "--no-color", "--no-show-signature", "--no-decorate", "--format=%H %ct", tip, "--", path];
  const result = await runGit(topDir, args);
  if (result.status !== 0) throw new GitError(`git log: ${result.stderr}`);
  const [, commit, seconds] = /^([0-9a-f]+) (\d+)$/.exec(result.stdout.toString("utf8").trim()) ?? [];
  return commit === undefined ? undefined : { commit, timeMs: Number(seconds) * 1_000 };
}

/** Tells whether `tip` contains `commit`. A commit that is not even stored any more is not contained. */
export async function isReachable(topDir: string, commit: string, tip: string | undefined): Promise<boolean> {
  if (tip === undefined) return false;
  if (tip === commit) return true;
  return (await runGit(topDir, ["merge-base", "--is-ancestor", commit, tip])).status === 0;
}
