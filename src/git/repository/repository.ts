import { realpathSync } from "node:fs";
import { join, relative } from "node:path";
import { CoordinatorError } from "../../base/errors.ts";
import type { ObjectFormat } from "../objects/object-format.ts";
import type { GitPlace } from "../process/git-environment.ts";
import { runGit } from "../process/git-process.ts";
import type { WorkTreePlace } from "./read-work-tree.ts";

/** Where everything of one work tree lies. All paths are absolute and real; git itself was asked for each. */
export interface Repository {
  /** Top of the work tree. */
  readonly topDir: string;
  /** From the top to the workspace: "" or "sub/folder/". */
  readonly prefix: string;
  /** The git directory of this work tree: `.git`, or `.git/worktrees/<name>`. */
  readonly gitDir: string;
  /** The git directory that all linked worktrees share. */
  readonly commonDir: string;
  readonly objectsDir: string;
  readonly objectFormat: ObjectFormat;
  /** The branch we commit to: "refs/heads/main". */
  readonly branch: string;
  readonly indexPath: string;
  readonly headPath: string;
  readonly headLogPath: string;
  readonly branchPath: string;
  readonly branchLogPath: string;
  readonly packedRefsPath: string;
  /** A reflog is begun where there is none (`core.logAllRefUpdates`). */
  readonly beginsReflogs: boolean;
}

/**
 * Asks git where the work tree at `place` keeps its parts.
 *
 * @param workspaceDir absolute; the top of the work tree, or a folder in it
 * @throws CoordinatorError `CONFIG` for a work tree that cannot be used, a branch name that is none, or refs that are not kept in files
 */
export async function openRepository(
  place: Pick<WorkTreePlace, "topDir" | "gitDir">,
  workspaceDir: string,
  branch: string,
): Promise<Repository> {
  await checkBranchName(place, branch);
  const places = ["index", "logs/HEAD", `logs/${branch}`, "packed-refs", "objects"];
  const asked = ["--show-toplevel", "--absolute-git-dir", "--git-common-dir", "--show-object-format"];
  const args = [...asked, ...places.flatMap((one) => ["--git-path", one])];
  const found = await runGit(place, ["rev-parse", "--path-format=absolute", ...args]);
  if (found.status !== 0) {
    throw new CoordinatorError("CONFIG", `${workspaceDir} is not in a work tree that can be used: ${found.stderr}`);
  }
  const lines = found.stdout.toString("utf8").split("\n");
  if (lines.length !== asked.length + places.length + 1) {
    throw new CoordinatorError("CONFIG", `${workspaceDir}: a line break in the path of a repository is not supported`);
  }
  const settings = await readSettings(place, ["extensions.refstorage", "core.logallrefupdates"]);
  refuseOtherRefStorage(settings.get("extensions.refstorage"));
  const line = (index: number): string => lines[index] ?? "";
  const [topDir, gitDir, commonDir] = [realpathSync(line(0)), realpathSync(line(1)), realpathSync(line(2))];
  const prefix = relative(topDir, realpathSync(workspaceDir));
  return {
    topDir,
    gitDir,
    commonDir,
    objectFormat: line(3) === "sha256" ? "sha256" : "sha1",
    prefix: prefix === "" ? "" : `${prefix}/`,
    branch,
    indexPath: line(4),
    // Git would follow a HEAD that is a symbolic link (`core.preferSymlinkRefs`), and name the branch's file instead.
    headPath: join(gitDir, "HEAD"),
    headLogPath: line(5),
    branchPath: join(commonDir, branch),
    branchLogPath: line(6),
    packedRefsPath: line(7),
    objectsDir: line(8),
    beginsReflogs: settings.get("core.logallrefupdates") !== "false",
  };
}

/** Letters, digits and single separators: what else a name may hold, git knows. */
const PLAIN_BRANCH = /^refs\/heads\/[A-Za-z0-9_]+(?:[-/][A-Za-z0-9_]+)*$/;

async function checkBranchName(place: GitPlace, branch: string): Promise<void> {
  const isValid = async (): Promise<boolean> => (await runGit(place, ["check-ref-format", branch])).status === 0;
  if (!PLAIN_BRANCH.test(branch) && !(branch.startsWith("refs/heads/") && (await isValid())))
    throw new CoordinatorError("CONFIG", `${branch} is not the full name of a branch, like refs/heads/main`);
}

/** The branch is moved by renaming its file under git's own lock, which only the `files` storage has. */
function refuseOtherRefStorage(storage: string | undefined): void {
  if (storage === undefined || storage === "files") return;
  const advice = "convert it with: git refs migrate --ref-format=files";
  throw new CoordinatorError(
    "CONFIG",
    `the repository keeps its refs as "${storage}", but only "files" is supported; ${advice}`,
  );
}

/** Returns the values of `keys` (in lower case) that are configured, in lower case too. */
async function readSettings(place: GitPlace, keys: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const pattern = `^(${keys.join("|").replaceAll(".", "[.]")})$`;
  const { stdout } = await runGit(place, ["config", "--null", "--get-regexp", pattern]);
  // Records "<key>\n<value>"; the last of one key counts.
  const records = stdout.toString("utf8").toLowerCase().split("\0");
  return new Map(records.map((record) => [record.split("\n", 1)[0] ?? "", record.slice(record.indexOf("\n") + 1)]));
}
