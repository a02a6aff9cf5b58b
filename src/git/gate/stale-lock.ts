import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { readStamp } from "../../base/files/file-stamp.ts";
import { type GitCall, type GitResult, runGit } from "../process/git-process.ts";
import type { KnownRepository } from "../repository/known-repositories.ts";
import { createProcessTable } from "./process-table.ts";

/** A git that is told by its environment where the repository is, and works elsewhere, is not seen: it has had so long. */
const AGE_MIN_MS = 1_000;
const POLL_MS = 50;
const LOCKED = /Unable to create '([^']+\.lock)'/;

const KILLED = /^ended by SIG/;

/**
 * Runs git as `runGit`, and once more where somebody has killed it, or where it fails for a lock in the git directory that one which was killed
 * has left behind. For what the coordinator alone changes, and may be done twice: its refs, and the worktrees that it makes.
 *
 * @throws GitError as `runGit`
 */
export async function runGitPastLocks(
  repository: KnownRepository,
  args: readonly string[],
  call: GitCall = {},
): Promise<GitResult> {
  let result = await runGit(repository, args, call);
  if (KILLED.test(result.stderr) && call.signal?.aborted !== true) result = await runGit(repository, args, call);
  const [, lock] = result.status === 0 ? [] : (LOCKED.exec(result.stderr) ?? []);
  if (lock === undefined || !lock.startsWith(`${repository.commonDir}/`)) return result;
  return (await removeStaleLock(lock, repository)) ? runGit(repository, args, call) : result;
}

/** Removes a lock that nobody can hold any more: it is a second old, and no git but our own works there. Waits for that second. */
async function removeStaleLock(path: string, repository: KnownRepository): Promise<boolean> {
  for (;;) {
    const stamp = readStamp(path);
    if (stamp === undefined) return true;
    if (gitWorksIn(foldersOf(repository))) return false;
    const ageMs = Date.now() - stamp.modifiedMs;
    if (ageMs >= AGE_MIN_MS || ageMs < 0) {
      try {
        rmSync(path, { force: true });
        return true;
      } catch {
        return false; // No file, or not ours to remove: what git said of it stands.
      }
    }
    await delay(POLL_MS);
  }
}

/** The git directory, the main checkout and all linked worktrees. */
function foldersOf({ commonDir, topDir }: KnownRepository): readonly string[] {
  const folder = join(commonDir, "worktrees");
  const links = existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name, "gitdir")) : [];
  const linked = links.flatMap((link) => (existsSync(link) ? [dirname(readFileSync(link, "utf8").trim())] : []));
  return [commonDir, dirname(commonDir), topDir, ...linked.filter((top) => top.startsWith("/") && top !== "/")];
}

/** Our own children aside: what they hold is not asked for again before they have ended. */
function gitWorksIn(folders: readonly string[]): boolean {
  const table = createProcessTable();
  const isInside = (cwd: string | undefined): boolean =>
    cwd !== undefined && folders.some((folder) => cwd === folder || cwd.startsWith(`${folder}/`));
  return table
    .pids()
    .some(
      (pid) =>
        table.name(pid)?.startsWith("git") === true &&
        isInside(table.cwd(pid)) &&
        table.stat(pid) !== undefined &&
        table.stat(pid)?.parent !== process.pid,
    );
}
