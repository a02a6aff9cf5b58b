import { createHash } from "node:crypto";
import { existsSync, readdirSync, realpathSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { CoordinatorError } from "../../base/errors.ts";
import { readBoundedText, SMALL_FILE_BYTES_MAX } from "../../base/files/read-bounded.ts";
import { INBOX, LEDGER } from "../../task/records/workspace-paths.ts";
import { isBelow } from "../../task/rights/rights.ts";
import { shellWord } from "../../task/text/shell-word.ts";
import { findWorkTree } from "./find-work-tree.ts";
import { locateRepository } from "./known-repositories.ts";
import type { WorkTreePlace } from "./read-work-tree.ts";

/** Where a workspace lies and what belongs to it. Absolute paths. */
export interface WorkspacePlace {
  readonly workspaceDir: string;
  /** Top of the work tree that holds it. */
  readonly topDir: string;
  /** The git directory of that work tree, and the one that all linked worktrees share. */
  readonly gitDir: string;
  readonly commonDir: string;
  /** The coordinator's own folder, in the git directory that all linked worktrees share: removing a worktree loses nothing. */
  readonly stateDir: string;
  /** Full name of the branch that HEAD names: "refs/heads/main". `undefined` when HEAD is detached. */
  readonly branch: string | undefined;
  /** What tasks' `workdir` is relative to: the checkout of the code. */
  readonly workRoot: string;
}

/** Name of the file in the state folder that says where the code is, for a workspace on a branch of its own. */
export const WORK_ROOT_FILE = "work-root";

/**
 * Finds the workspace that `dir` lies in: the nearest folder upwards, within its work tree, that holds an inbox or a ledger, or
 * that is served although the branch checked out now has neither.
 *
 * @param isServed tells it from the state folder
 * @throws CoordinatorError `NOT_FOUND` where there is none, saying how to make one; `REFUSED` where it lies inside another one
 */
export async function findWorkspace(
  dir: string,
  isServed: (stateDir: string) => boolean = () => false,
): Promise<WorkspacePlace> {
  const tree = await findWorkTree(dir);
  const { topDir, gitDir, commonDir } = tree;
  for (let folder = realpathSync(dir); ; folder = dirname(folder)) {
    const isHere = existsSync(join(folder, LEDGER)) || existsSync(join(folder, INBOX));
    if (isHere || isServed(stateFolder(commonDir, gitDir, relative(topDir, folder)))) return placeIn(tree, folder);
    if (folder === topDir || dirname(folder) === folder) break;
  }
  const [home, ...others] = homesOf(commonDir, topDir);
  if (home !== undefined && others.length === 0) return placeAt(home);
  const none = `${dir} is not in a workspace: there is no ${INBOX}/ here or above`;
  if (home === undefined) throw new CoordinatorError("NOT_FOUND", `${none}. Make one with: codex-inbox init`);
  const homes = [home, ...others].map((one) => `codex-inbox -C ${shellWord(one)}`).join(", ");
  throw new CoordinatorError("REFUSED", `${none}, and this repository has several elsewhere: ${homes}`);
}

/**
 * Returns the linked worktrees whose workspaces have their agents work in the checkout at `topDir`; where there are none, those whose
 * agents work in another checkout of the repository. Read from the files by which git and `init` know them.
 */
function homesOf(commonDir: string, topDir: string): readonly string[] {
  const folder = join(commonDir, "worktrees");
  const homes: { readonly home: string; readonly workRoot: string }[] = [];
  for (const name of existsSync(folder) ? readdirSync(folder) : []) {
    const workRoot = readWorkRoot(stateFolder(commonDir, join(folder, name), ""));
    const link =
      workRoot === undefined ? undefined : readBoundedText(join(folder, name, "gitdir"), SMALL_FILE_BYTES_MAX);
    const home = link === undefined ? undefined : dirname(link.trim());
    if (workRoot !== undefined && home !== undefined && existsSync(home)) homes.push({ home, workRoot });
  }
  const own = homes.filter(({ workRoot }) => workRoot === topDir);
  return (own.length > 0 ? own : homes).map(({ home }) => home);
}

/**
 * Returns the place of a workspace whose folder is `workspaceDir`, whether or not it has been made.
 *
 * @throws CoordinatorError `NOT_FOUND` outside a work tree; `REFUSED` in a repository inside another workspace
 */
export async function placeAt(workspaceDir: string): Promise<WorkspacePlace> {
  const folder = realpathSync(resolve(workspaceDir));
  return placeIn(await findWorkTree(folder), folder);
}

function placeIn(tree: WorkTreePlace, folder: string): WorkspacePlace {
  const { topDir, gitDir, commonDir, branch } = tree;
  refuseInner(tree);
  const stateDir = stateFolder(commonDir, gitDir, relative(topDir, folder));
  return {
    workspaceDir: folder,
    topDir,
    gitDir,
    commonDir,
    stateDir,
    branch,
    workRoot: readWorkRoot(stateDir) ?? folder,
  };
}

/** What lies in the work tree of a workspace is an agent's to make: a repository with a configuration, an inbox and a policy of its own. */
function refuseInner({ topDir, commonDir }: WorkTreePlace): void {
  for (let folder = dirname(topDir); ; ) {
    const outer = locateRepository(folder);
    if (outer === undefined) return;
    const isOwn = isBelow(outer.commonDir, commonDir); // A linked worktree, or a submodule.
    const isWorkspace = [join(outer.commonDir, "codex-inbox"), join(outer.topDir, INBOX)].some((path) =>
      existsSync(path),
    );
    if (!isOwn && isWorkspace) {
      const message = `${topDir} lies in the work tree of another workspace, ${outer.topDir}, whose agents and pushes can have made it`;
      throw new CoordinatorError("REFUSED", `${message}; move a repository of yours out of there`);
    }
    if (outer.topDir === dirname(outer.topDir)) return;
    folder = dirname(outer.topDir);
  }
}

function stateFolder(commonDir: string, gitDir: string, prefix: string): string {
  const home = join(commonDir, "codex-inbox");
  const linked = relative(join(commonDir, "worktrees"), gitDir);
  const isLinked = gitDir !== commonDir && !linked.startsWith("..");
  const name = [isLinked ? linked : "", prefix].filter((part) => part !== "").join("/");
  if (name === "") return home;
  const digest = createHash("sha256").update(name).digest("hex").slice(0, 8);
  return join(
    home,
    "homes",
    `${name
      .split(sep)
      .join("-")
      .replace(/[^A-Za-z0-9._-]/g, "_")
      .slice(0, 60)}-${digest}`,
  );
}

function readWorkRoot(stateDir: string): string | undefined {
  return readBoundedText(join(stateDir, WORK_ROOT_FILE), SMALL_FILE_BYTES_MAX)?.trimEnd();
}
