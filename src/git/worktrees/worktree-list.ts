import { existsSync, readdirSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { readBoundedText, SMALL_FILE_BYTES_MAX } from "../../base/files/read-bounded.ts";
import { shellWord } from "../../task/text/shell-word.ts";
import type { KnownRepository } from "../repository/known-repositories.ts";

export { checkoutsOf, describeOperation } from "../repository/repository-state.ts";

/** A linked worktree, as the files that git keeps of it say. It may be half made: `git worktree list` tells nothing of some of these. */
export interface LinkedWorktree {
  /** Of its folder below `worktrees/` of the common git directory. */
  readonly name: string;
  /** Absolute; its git directory. */
  readonly gitDir: string;
  /** Absolute path of its top, whether or not something is there; `undefined` where git was stopped before it noted one. */
  readonly topDir: string | undefined;
  /** Why it is locked; `undefined` where it is not. */
  readonly lock: string | undefined;
  /** Full name of its branch; `undefined` where HEAD is detached or missing. */
  readonly branch: string | undefined;
}

/** More worktrees than this are not looked at. */
const WORKTREES_MAX = 10_000;
/** What git locks a worktree with that it is still making. */
export const INITIALIZING = "initializing";

/** Lists the linked worktrees of the repository whose common git directory is `commonDir`, from files alone. */
export function listLinkedWorktrees(commonDir: string): readonly LinkedWorktree[] {
  const folder = join(commonDir, "worktrees");
  const names = existsSync(folder) ? readdirSync(folder).slice(0, WORKTREES_MAX) : [];
  return names.map((name) => readLinkedWorktree(join(folder, name)));
}

function readLinkedWorktree(gitDir: string): LinkedWorktree {
  const link = readLine(join(gitDir, "gitdir")) ?? "";
  const [, branch] = /^ref: (refs\/heads\/\S+)$/.exec(readLine(join(gitDir, "HEAD")) ?? "") ?? [];
  return {
    name: basename(gitDir),
    gitDir,
    topDir: link === "" ? undefined : dirname(resolve(gitDir, link)),
    lock: readLine(join(gitDir, "locked")),
    branch,
  };
}

/** Returns the worktree whose top is `topDir` (absolute) as a repository to run git in; `undefined` where it is not there, or not whole. */
export function findLinkedWorktree(commonDir: string, topDir: string): KnownRepository | undefined {
  const found = listLinkedWorktrees(commonDir).find((one) => one.topDir === topDir);
  if (found === undefined || found.lock === INITIALIZING) return undefined;
  const [, named] = /^gitdir: (.+)$/.exec(readLine(join(topDir, ".git")) ?? "") ?? [];
  if (named === undefined || resolve(topDir, named) !== found.gitDir) return undefined;
  return existsSync(join(found.gitDir, "index")) ? { topDir, gitDir: found.gitDir, commonDir } : undefined;
}

/** What git notes, before the name of the session, of the worktrees that are ours. */
export const OWN_LOCK = "codex-inbox";

/** Says where somebody has moved a worktree of ours by git's command, and how it comes back; `undefined` where nobody has. */
export function describeMove(
  { commonDir, topDir: checkout }: KnownRepository,
  { dir, branch }: { readonly dir: string; readonly branch: string },
): string | undefined {
  const found = listLinkedWorktrees(commonDir).find(
    (one) =>
      one.lock?.startsWith(`${OWN_LOCK} `) === true && one.branch === `refs/heads/${branch}` && one.topDir !== dir,
  );
  if (found?.topDir === undefined || !existsSync(found.topDir)) return undefined;
  const words = ["git", "-C", checkout, "worktree", "move", "-f", "-f", found.topDir, dir];
  return `the worktree ${dir} was moved to ${found.topDir}; move it back: ${words.map(shellWord).join(" ")}`;
}

function readLine(path: string): string | undefined {
  try {
    return readBoundedText(path, SMALL_FILE_BYTES_MAX)?.trim();
  } catch {
    return undefined; // Something else lies there: git could not read it either.
  }
}
