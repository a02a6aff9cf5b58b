import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Authorship, Introduction } from "../branch.ts";
import type { GitPlace } from "../process/git-environment.ts";
import { GitError, type GitResult, runGit } from "../process/git-process.ts";
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

/** Of commits that have changed one path; a copy is younger than most. */
const COPIES_LOOKED_FOR = 50;

/**
 * Tells whether the newest commit before `tip` that changed `path` is a copy of another one, as `git commit --amend`, `git rebase` and
 * `git cherry-pick` make it: its author and the second in which that one wrote it are the same. A copy on top of the original is none: somebody
 * wanted the change once more. @throws GitError
 */
export async function isCopy(
  repository: Pick<Repository, "topDir" | "gitDir" | "commonDir">,
  tip: string,
  path: string,
): Promise<boolean> {
  const introduced = await findIntroduction(repository, tip, path);
  if (introduced === undefined || introduced === "beyond-history") return false;
  const format = "--format=%H %at %ae %an";
  const most = `-n${COPIES_LOOKED_FOR}`;
  const args = ["log", "--full-history", "--no-merges", most, "--no-color", "--no-show-signature", "--no-decorate"];
  const result = await runGit(repository, [...args, "--diff-filter=AM", format, tip, "--", path]);
  if (result.status !== 0) throw new GitError(`git log: ${result.stderr}`);
  const commits = result.stdout
    .toString("utf8")
    .trimEnd()
    .split("\n")
    .map((line) => ({ id: line.slice(0, line.indexOf(" ")), author: line.slice(line.indexOf(" ")) }));
  const author = commits.find(({ id }) => id === introduced.commit)?.author;
  for (const commit of commits) {
    if (commit.id === introduced.commit || commit.author !== author) continue;
    if (!(await isReachable(repository, commit.id, introduced.commit))) return true;
  }
  return false;
}

/** What git's look at a signature may take: it starts gpg, which may ask a key server, or wait for an answer that nobody gives. */
const SIGNATURE_LIMITS = { timeMs: 10_000, againMs: 600_000 };

/**
 * Returns what tells who made a commit, and what git finds of its signature: it looks for the key where the user's configuration says.
 * Where that takes too long the signature is unknown (`null`), and no other is asked for for a while.
 *
 * @param onLate is told so
 */
export function createAuthorshipReader(
  place: GitPlace,
  onLate: (message: string) => void,
  limits: typeof SIGNATURE_LIMITS = SIGNATURE_LIMITS,
): (commit: string) => Promise<Authorship> {
  let askAtMs = Number.NEGATIVE_INFINITY;
  const show = (commit: string, format: string, timeMs?: number): Promise<GitResult> => {
    const args = ["show", "--no-patch", "--no-color", "--no-show-signature", "--no-notes", format, commit, "--"];
    return runGit(place, args, timeMs === undefined ? {} : { timeMs });
  };
  return async (commit) => {
    let result = performance.now() < askAtMs ? undefined : await show(commit, `${NAMES}%x00%G?%x00%GS`, limits.timeMs);
    if (result?.isLate === true) {
      askAtMs = performance.now() + limits.againMs;
      onLate(
        `git has not said within ${limits.timeMs / 1_000} s whether the signature of ${commit} is good: it counts as unknown, and no signature is looked at for ${limits.againMs / 60_000} minutes (what does gpg wait for?)`,
      );
      result = undefined;
    }
    result ??= await show(commit, NAMES);
    if (result.status !== 0) throw new GitError(`git show: ${result.stderr}`);
    const [author = "", email = "", signature = "", signer = ""] = result.stdout.toString("utf8").trimEnd().split("\0");
    return { author, email, signature: signature || null, signer: signer || null };
  };
}

const NAMES = "--format=%an%x00%ae";

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
