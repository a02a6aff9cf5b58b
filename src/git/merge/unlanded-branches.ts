import { SESSION_BRANCH_PREFIX } from "../../task/workplace/workplace-lease.ts";
import { GitError, runGit } from "../process/git-process.ts";
import type { KnownRepository } from "../repository/known-repositories.ts";

/** What is checked out, and the branches of sessions whose commits it does not hold, the newest first. */
export interface Unlanded {
  /** Empty where there is no commit yet. */
  readonly head: string;
  /** Files of it are changed and not committed. */
  readonly isDirty: boolean;
  /** Without `refs/heads/`; when the newest commit was made is in Unix ms. */
  readonly branches: readonly { readonly branch: string; readonly tip: string; readonly atMs: number }[];
}

/**
 * Reads that.
 *
 * @param environment what keeps git from running filters in a listing
 * @param areThere whether there may be such branches
 * @throws GitError
 */
export async function readUnlanded(
  code: KnownRepository,
  environment: Readonly<Record<string, string>>,
  areThere: boolean,
): Promise<Unlanded> {
  const found = await runGit(code, ["rev-parse", "--verify", "--quiet", "HEAD"]);
  if (found.status > 1) throw new GitError(`git rev-parse in ${code.topDir}: ${found.stderr}`); // 1: there is no commit.
  const head = found.stdout.toString("latin1").trim();
  if (head === "") return { head, isDirty: false, branches: [] };
  const isDirty = (await textOf(code, ["ls-files", "--modified", "--deleted"], environment)) !== "";
  const format = "%(refname:lstrip=2) %(objectname) %(committerdate:unix)";
  const args = ["for-each-ref", `--no-merged=${head}`, "--sort=-committerdate", `--format=${format}`];
  const text = areThere ? await textOf(code, [...args, `refs/heads/${SESSION_BRANCH_PREFIX}`]) : "";
  const branches = text.split("\n").flatMap((line) => {
    const [branch = "", tip = "", seconds = ""] = line.split(" ");
    return tip === "" ? [] : [{ branch, tip, atMs: Number(seconds) * 1_000 }];
  });
  return { head, isDirty, branches };
}

/** Counts the commits that `tip` has and `head` has not, and the other way round. @throws GitError */
export async function countApart(
  code: KnownRepository,
  head: string,
  tip: string,
): Promise<{ readonly ahead: number; readonly behind: number }> {
  const text = await textOf(code, ["rev-list", "--left-right", "--count", `${head}...${tip}`]);
  const [behind = 0, ahead = 0] = text.split(/\s+/).map(Number);
  return { ahead, behind };
}

async function textOf(
  code: KnownRepository,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<string> {
  const { status, stdout, stderr } = await runGit(code, args, { environment });
  if (status !== 0) throw new GitError(`git ${args[0]} in ${code.topDir}: ${stderr}`);
  return stdout.toString("utf8").trim();
}
