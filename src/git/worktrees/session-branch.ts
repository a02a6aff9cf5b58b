import { lstatSync, readdirSync, rmSync, type Stats } from "node:fs";
import { join } from "node:path";
import { runGitPastLocks } from "../gate/stale-lock.ts";
import { diskPath, fromByteName, toByteName } from "../objects/tree-format.ts";
import { type GitCall, GitError, type GitResult, runGit } from "../process/git-process.ts";
import { identityEnvironment } from "../repository/committer-identity.ts";
import type { KnownRepository } from "../repository/known-repositories.ts";
import { readHeadBranch } from "../repository/refs.ts";
import { DEPENDENCY_FOLDERS } from "../snapshots/ignore-rules.ts";
import { addAsTheyAre } from "../snapshots/private-index.ts";
import { type FileChange, readChanges } from "../snapshots/tree-changes.ts";

/** What `update-ref` makes durable before it says that it is done. */
const DURABLE = ["-c", "core.fsync=reference", "-c", "core.fsyncMethod=fsync"] as const;
const DURABLE_OBJECTS = ["-c", "core.fsync=loose-object", "-c", "core.fsyncMethod=batch"] as const;
/** What is named once is named in full: an entry of this kind may be a whole folder, which ends in "/". */
const IGNORED = [
  ...["ls-files", "-z", "--others", "--ignored", "--exclude-standard"],
  ...DEPENDENCY_FOLDERS.map((name) => `--exclude=${name}/`), // Part of no snapshot either.
] as const;

/** Returns the commit that `name` stands for, or `undefined` where there is none. */
export async function commitAt(repository: KnownRepository, name: string): Promise<string | undefined> {
  const found = await runGit(repository, ["rev-parse", "--verify", "--quiet", `${name}^{commit}`]);
  return found.status === 0 ? found.stdout.toString("utf8").trim() : undefined;
}

/** Returns the branch that is checked out, without `refs/heads/`; `undefined` where none is. */
export function checkedOutBranch({ gitDir }: KnownRepository): string | undefined {
  return readHeadBranch(join(gitDir, "HEAD"))?.replace(/^refs\/heads\//, "");
}

/** Returns a text that a commit holds at `path`, or `undefined`; of one that is larger than `bytesMax`, nothing. */
export async function textAt(
  repository: KnownRepository,
  commit: string,
  path: string,
  bytesMax: number,
): Promise<string | undefined> {
  const size = await runGit(repository, ["cat-file", "-s", `${commit}:${path}`]);
  if (size.status !== 0 || Number(size.stdout.toString("utf8")) > bytesMax) return undefined;
  const found = await runGit(repository, ["cat-file", "blob", `${commit}:${path}`]);
  return found.status === 0 ? found.stdout.toString("utf8") : undefined;
}

/** Returns the newest commit that two commits have in common, or `undefined`. */
export async function mergeBase(repository: KnownRepository, one: string, other: string): Promise<string | undefined> {
  const found = await runGit(repository, ["merge-base", one, other]);
  return found.status === 0 ? found.stdout.toString("utf8").trim() : undefined;
}

/** Tells whether all of `commit` is part of `of`. */
export async function isAncestor(repository: KnownRepository, commit: string, of: string): Promise<boolean> {
  return (await runGit(repository, ["merge-base", "--is-ancestor", commit, of])).status === 0;
}

/**
 * Moves a ref (full name) by compare-and-swap, durably; `undefined` for `from`: it is not there, for `to`: it goes. Returns whether it
 * was as expected; where it is at `to` already, it was.
 *
 * @throws GitError where it could not be moved although it was
 */
export async function moveRef(
  repository: KnownRepository,
  ref: string,
  to: string | undefined,
  from: string | undefined,
): Promise<boolean> {
  const none = "0".repeat((to ?? from ?? "").length);
  const change = to === undefined ? ["-d", ref, from ?? none] : ["-m", "codex-inbox", ref, to, from ?? none];
  const { status, stderr } = await runGitPastLocks(repository, [...DURABLE, "update-ref", ...change]);
  if (status === 0) return true;
  const now = await refAt(repository, ref);
  if (now === to) return true;
  if (now !== from) return false;
  throw new GitError(`git cannot move ${ref}: ${stderr}`);
}

/** Returns what a ref (full name) names, or `undefined` where it is not there. */
export async function refAt(repository: KnownRepository, ref: string): Promise<string | undefined> {
  const found = await runGit(repository, ["rev-parse", "--verify", "--quiet", ref]);
  return found.status === 0 ? found.stdout.toString("utf8").trim() : undefined;
}

/** Returns the full names of the refs below `prefix` ("refs/…/"), with what they name. */
export async function refsBelow(repository: KnownRepository, prefix: string): Promise<ReadonlyMap<string, string>> {
  const args = ["for-each-ref", "--format=%(refname) %(objectname)", prefix];
  const { status, stdout, stderr } = await runGit(repository, args);
  if (status !== 0) throw new GitError(`git for-each-ref: ${stderr}`);
  const lines = stdout.toString("utf8").split("\n");
  return new Map(lines.flatMap((line) => (line === "" ? [] : [line.split(" ") as [string, string]])));
}

/**
 * Lets the index of a linked worktree hold `commit`, which its files were snapshotted as: else they show as changed, and what the commit
 * brought as taken back. Returns false where somebody else's git holds the index just now.
 *
 * @param changed what it has otherwise than the index had, where that is known: else each file is looked at
 */
export async function followCommit(
  worktree: KnownRepository,
  commit: string,
  environment: Readonly<Record<string, string>>,
  changed?: readonly string[],
): Promise<boolean> {
  // What the commit has as the index had it keeps what git knows of the file: it is not read again, and stays out of a sparse checkout.
  if ((await runGitPastLocks(worktree, ["read-tree", "--reset", commit], { environment })).status !== 0) return false;
  if (changed === undefined || changed.length > LOOKED_AT_ALONE_MAX || !(await lookAt(worktree, changed, environment)))
    await runGit(worktree, ["update-index", "-q", "--refresh"], { environment }); // Its status says whether files have changed.
  return true;
}

/** Of more, all files are looked at. */
const LOOKED_AT_ALONE_MAX = 500;

/** Notes in the index how these files are, and no other one: in a tree of 100,000 files that takes a fifth of the time. */
async function lookAt(
  worktree: KnownRepository,
  paths: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<boolean> {
  if (paths.length === 0) return true;
  const args = ["add", "--refresh", "--pathspec-from-file=-", "--pathspec-file-nul"];
  const input = paths.map((path) => `${path}\0`).join("");
  return (await runGit(worktree, args, { environment, input })).status === 0;
}

/**
 * Returns what is part of no snapshot of a work tree, since git ignores it or programs keep there what they fetch: files, and folders of
 * which that is all ("dist/"). Here and below a character of a path is a byte.
 */
export async function ignoredEntries(worktree: KnownRepository): Promise<readonly string[]> {
  return names(worktree, [...IGNORED, "--directory"]);
}

/** Returns the files below some of these entries, whose names have to be UTF-8, one by one. */
export async function ignoredFiles(worktree: KnownRepository, below: readonly string[]): Promise<readonly string[]> {
  return below.length === 0 ? [] : names(worktree, [...IGNORED, "--", ...below.map(fromByteName)]);
}

/** Looks at what lies in a work tree under a name in which a character is a byte. */
export function statOfName({ topDir }: KnownRepository, name: string): Stats | undefined {
  return lstatSync(diskPath(topDir, name), { throwIfNoEntry: false });
}

/** Returns a name in which a character is a byte as people read it, and whether it is UTF-8: git takes it as an argument then. */
export function readName(name: string): { readonly text: string; readonly isUtf8: boolean } {
  const text = fromByteName(name);
  return { text, isUtf8: toByteName(text) === name };
}

/** So is a submodule that was never checked out; one whose folder is gone is no less. */
function isEmptyFolder(path: Buffer): boolean {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  return stats === undefined || (stats.isDirectory() && readdirSync(path).length === 0);
}

/**
 * Returns the files below some paths that are new or changed, whatever git ignores.
 *
 * @param environment what keeps git from running filters of its configuration
 */
export async function changedBelow(
  worktree: KnownRepository,
  below: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<readonly string[]> {
  if (below.length === 0) return [];
  const args = ["ls-files", "-z", "--others", "--modified", "--", ...below];
  return (await names(worktree, args, environment)).map(fromByteName);
}

/** Returns the submodules of a work tree that are checked out there, or have files in their folder. */
export async function submodulesInUse(worktree: KnownRepository): Promise<readonly string[]> {
  const records = await names(worktree, ["ls-files", "-z", "--stage"]);
  const modules = records.filter((record) => record.startsWith("160000 "));
  return modules
    .map((record) => record.slice(record.indexOf("\t") + 1))
    .filter((name) => !isEmptyFolder(diskPath(worktree.topDir, name)))
    .map(fromByteName);
}

/** Tells whether a stash was made on `branch` (without "refs/heads/"): it is kept with the repository, and meant for that branch. */
export async function hasStash(repository: KnownRepository, branch: string): Promise<boolean> {
  const { stdout } = await runGit(repository, ["log", "-g", "--format=%gs", "refs/stash", "--"]);
  const lines = stdout.toString("utf8").split("\n");
  return lines.some((line) => line.startsWith(`WIP on ${branch}:`) || line.startsWith(`On ${branch}:`));
}

/**
 * Commits files (paths from the top) byte for byte as they lie in a work tree, on top of `parent`, whatever git would ignore or convert;
 * no ref, and no index but the one at `indexPath`, is changed.
 *
 * @throws GitError
 */
export async function commitFiles(
  worktree: KnownRepository,
  files: readonly string[],
  { parent, message, identity, atMs, indexPath, environment }: FilesCommit,
): Promise<string> {
  const own = { ...environment, GIT_INDEX_FILE: indexPath };
  const run = (args: readonly string[], call: GitCall = {}): Promise<GitResult> =>
    runGit(worktree, [...DURABLE_OBJECTS, ...args], { ...call, environment: { ...own, ...call.environment } });
  const git = async (args: readonly string[], input?: string | Buffer, environment = {}): Promise<string> => {
    const { status, stdout, stderr } = await run(args, { environment, ...(input === undefined ? {} : { input }) });
    if (status !== 0) throw new GitError(`git ${args[0]} in ${worktree.topDir}: ${stderr}`);
    return stdout.toString("utf8").trim();
  };
  for (const end of ["", ".lock"]) rmSync(indexPath + end, { force: true }); // Left by a git that was killed.
  await git(["read-tree", parent]);
  const isLink = (name: string): boolean => lstatSync(diskPath(worktree.topDir, name)).isSymbolicLink();
  const [links, plain] = [files.filter(isLink), files.filter((name) => !isLink(name))];
  const input = Buffer.from(links.map((name) => `${name}\0`).join(""), "latin1");
  if (links.length > 0) await git(["update-index", "--add", "--replace", "-z", "--stdin"], input);
  await addAsTheyAre(run, worktree, plain);
  const tree = await git(["write-tree"]);
  return git(["commit-tree", tree, "-p", parent], message, identityEnvironment(identity, atMs));
}

export interface FilesCommit {
  readonly parent: string;
  readonly message: string;
  /** "Name <address>" */
  readonly identity: string;
  readonly atMs: number;
  /** Absolute; made anew. */
  readonly indexPath: string;
  readonly environment: Readonly<Record<string, string>>;
}

async function names(
  worktree: KnownRepository,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<readonly string[]> {
  const { status, stdout, stderr } = await runGit(worktree, args, { environment });
  if (status !== 0) throw new GitError(`git ${args[0]} in ${worktree.topDir}: ${stderr}`);
  return stdout.toString("latin1").split("\0").slice(0, -1);
}

/** What lies between two commits. */
export interface CommitChange {
  readonly files: readonly { readonly path: string; readonly change: "added" | "modified" | "deleted" }[];
  readonly insertions: number;
  readonly deletions: number;
}

/**
 * Returns what `to` changes against `from`; a binary file counts no lines. Of a merge, files count that it has from neither side as they are.
 *
 * @param merged the commit that it merges besides
 * @param known what differs between the two, where that was read already
 * @throws GitError
 */
export async function changeBetween(
  repository: KnownRepository,
  from: string,
  to: string,
  merged?: string,
  known?: readonly FileChange[],
): Promise<CommitChange> {
  const all = known ?? (await readChanges(repository, from, to));
  const apart = merged === undefined ? undefined : await readChanges(repository, merged, to);
  const own = new Set(apart?.map(({ path }) => path));
  const files = apart === undefined ? all : all.filter(({ path }) => own.has(path));
  return {
    files: files.map(({ path, change }) => ({ path, change })),
    insertions: files.reduce((sum, { addedLines = 0 }) => sum + addedLines, 0),
    deletions: files.reduce((sum, { deletedLines = 0 }) => sum + deletedLines, 0),
  };
}

const SALVAGE = "refs/codex-inbox/salvage/";

/** Keeps a commit that no branch holds on the next ref of its worktree, `refs/codex-inbox/salvage/<slug>/<n>`; returns its name. */
export async function keepSalvage(repository: KnownRepository, slug: string, commit: string): Promise<string> {
  const prefix = `${SALVAGE}${slug}/`;
  const numbers = [...(await refsBelow(repository, prefix)).keys()].map((ref) => Number(ref.slice(prefix.length)) || 0);
  const ref = `${prefix}${Math.max(0, ...numbers) + 1}`;
  await moveRef(repository, ref, commit, undefined);
  return ref;
}

/** Returns how many commits `one` has that `other` has not, and the other way round. */
export async function countBetween(
  repository: KnownRepository,
  one: string,
  other: string,
): Promise<readonly [ahead: number, behind: number]> {
  const { stdout } = await runGit(repository, ["rev-list", "--left-right", "--count", `${one}...${other}`]);
  const [ahead = 0, behind = 0] = stdout.toString("utf8").trim().split("\t").map(Number);
  return [ahead, behind];
}
