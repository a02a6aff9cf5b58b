import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Authorship, Introduction } from "../branch.ts";
import type { GitPlace } from "../process/git-environment.ts";
import { GitError, runGit } from "../process/git-process.ts";
import type { Repository } from "./repository.ts";

/**
 * Returns the newest commit reachable from `tip` that changed `path` (from the top of the work tree), or "beyond-history" where the
 * history of this clone begins later: in a shallow clone its oldest commits seem to bring everything that was there before.
 */
export async function findIntroduction(
  repository: Pick<Repository, "topDir" | "gitDir" | "commonDir">,
  tip: string,
  path: string,
): Promise<Introduction | "beyond-history" | undefined> {
  const args = ["log", "-1", "--no-color", "--no-show-signature", "--no-decorate", "--format=%H %ct", tip, "--", path];
  const result = await runGit(repository, args);
  if (result.status !== 0) throw new GitError(`git log: ${result.stderr}`);
  const [, commit, seconds] = /^([0-9a-f]+) (\d+)$/.exec(result.stdout.toString("utf8").trim()) ?? [];
  if (commit === undefined) return undefined;
  if (shallowCommits(repository.commonDir).includes(commit)) return "beyond-history";
  return { commit, timeMs: Number(seconds) * 1_000 };
}

/** Returns who made `commit`, and what git finds of its signature: it looks for the key where the user's configuration says. */
export async function readAuthorship(place: GitPlace, commit: string): Promise<Authorship> {
  const format = "--format=%an%x00%ae%x00%G?%x00%GS";
  const args = ["show", "--no-patch", "--no-color", "--no-show-signature", "--no-notes", format, commit, "--"];
  const result = await runGit(place, args);
  if (result.status !== 0) throw new GitError(`git show: ${result.stderr}`);
  const [author = "", email = "", signature = "", signer = ""] = result.stdout.toString("utf8").trimEnd().split("\0");
  return { author, email, signature: signature || null, signer: signer || null };
}

/** Returns the commits whose parents this clone does not have. */
function shallowCommits(commonDir: string): readonly string[] {
  const path = join(commonDir, "shallow");
  return existsSync(path) ? readFileSync(path, "utf8").split("\n") : [];
}

/** Tells whether `tip` contains `commit`. A commit that is not even stored any more is not contained. */
export async function isReachable(place: GitPlace, commit: string, tip: string | undefined): Promise<boolean> {
  if (tip === undefined) return false;
  if (tip === commit) return true;
  return (await runGit(place, ["merge-base", "--is-ancestor", commit, tip])).status === 0;
}
