import { existsSync } from "node:fs";
import { join } from "node:path";
import { readStamp } from "../../base/files/file-stamp.ts";
import { createSlices } from "../../base/slices.ts";
import type { TreeEntry } from "../objects/tree-format.ts";
import { type GitCall, GitError, runGit } from "../process/git-process.ts";
import type { ConfiguredPrograms } from "../repository/configured-programs.ts";
import type { Repository } from "../repository/repository.ts";
import type { FileChange } from "./commit-chain.ts";
import type { DiskStep } from "./placement.ts";
import type { StagingParts } from "./staging.ts";
import type { DiskContent, WorkTree } from "./work-tree.ts";

/** The branch cannot move forward with index and work tree; the message completes "cannot move forward: …". */
export class MoveRefusedError extends Error {
  override readonly name = "MoveRefusedError";
  /** From the top of the work tree. */
  readonly paths: readonly string[];

  constructor(message: string, paths: readonly string[]) {
    super(message);
    this.paths = paths;
  }
}

/** A file of the user's that differs between the branch and where it is to go. */
export interface UserFile extends FileChange {
  /** What the index has. */
  readonly staged: TreeEntry | undefined;
}

interface Judged {
  readonly toStage: readonly FileChange[];
  readonly toWrite: readonly { readonly change: FileChange; readonly disk: DiskContent }[];
}

/** A larger file is not read, and one that grows beyond it not written: both would take too long. */
const FILE_BYTES_MAX = 16 * 1024 * 1024;
const ALL_BYTES_MAX = 64 * 1024 * 1024;

interface Parts extends Pick<StagingParts, "workTree" | "trees"> {
  readonly repository: Repository;
  readonly programs: ConfiguredPrograms;
}

export interface UserFiles {
  /**
   * Returns what is to be staged and written. What an interrupted move of ours has written counts as what the branch has.
   *
   * @throws MoveRefusedError naming every file that the user has changed, staged, removed or put there
   */
  judge(files: readonly UserFile[]): Promise<Judged>;
  /** Returns what of the same files is to be staged, once somebody else has written the index; `undefined` where the user has staged one of them. */
  judgeStaged(files: readonly UserFile[]): Promise<readonly FileChange[] | undefined>;
  /**
   * Lets git write files, as a checkout would, below `folder` (absolute), and returns the steps that put them in place.
   *
   * @throws MoveRefusedError for files that a filter would have to write, and such as are too large
   */
  write(files: Judged["toWrite"], indexPath: string, folder: string): Promise<readonly DiskStep[]>;
}

/** @param half the tree that a move of ours was about to make when it was interrupted */
export function createUserFiles({ repository, workTree, trees, programs }: Parts, half: string | undefined): UserFiles {
  const git = async (args: readonly string[], call: GitCall): Promise<string> => {
    const { status, stdout, stderr } = await runGit(repository, args, call);
    if (status !== 0) throw new GitError(`git ${args[0]}: ${stderr}`);
    return stdout.toString("utf8");
  };

  /** Returns which of some files are as `is` says once git has undone what a checkout does to line ends. */
  async function unconverted(files: readonly { readonly path: string; readonly ids: readonly string[] }[]) {
    const there = files.filter(({ path }) => !path.includes("\n"));
    if (there.length === 0) return new Set<string>();
    const input = there.map(({ path }) => `${join(repository.topDir, path)}\n`).join("");
    const ids = (await git(["hash-object", "--stdin-paths"], { input, environment: await filtersOff() })).split("\n");
    return new Set(there.filter((file, at) => file.ids.includes(ids[at] ?? "")).map(({ path }) => path));
  }

  /** No filter runs, git-lfs neither: a file that has one is refused when it is to be written, and counts as changed here. */
  async function filtersOff(): Promise<Readonly<Record<string, string>>> {
    await programs.forListing(repository);
    const off = programs.forOthers(repository);
    if (off === undefined) throw new GitError("the configuration of git changes just now");
    return off;
  }

  async function refuseFiltered(paths: readonly string[], environment: Readonly<Record<string, string>>) {
    const input = paths.map((path) => `${path}\0`).join("");
    const words = (await git(["check-attr", "--cached", "-z", "--stdin", "filter"], { input, environment })).split(
      "\0",
    );
    const filtered = words.filter(
      (_, at) => at % 3 === 0 && !["unspecified", "unset", undefined].includes(words[at + 2]),
    );
    if (filtered.length > 0)
      throw new MoveRefusedError("files are written by a filter of git's configuration", filtered);
  }

  async function refuseLarge(files: Judged["toWrite"]): Promise<void> {
    const input = files.map(({ change }) => `${change.after?.id}\n`).join("");
    const sizes = (await git(["cat-file", "--batch-check=%(objectsize)"], { input }))
      .split("\n")
      .slice(0, -1)
      .map(Number);
    const large = files
      .filter((_, at) => !((sizes[at] ?? Number.NaN) <= FILE_BYTES_MAX))
      .map(({ change }) => change.path);
    if (large.length > 0) throw new MoveRefusedError("files are too large to be moved by us", large);
    if (sizes.reduce((sum, size) => sum + size, 0) > ALL_BYTES_MAX)
      throw new MoveRefusedError("the files that differ are too large, all together", []);
  }

  return {
    async judge(files) {
      if (files.length === 0) return { toStage: [], toWrite: [] };
      const attributes = files.filter(({ path }) => path.split("/").at(-1) === ".gitattributes");
      if (attributes.length > 0)
        throw new MoveRefusedError(
          "how git writes files changes",
          attributes.map(({ path }) => path),
        );
      const modesCount = await modesAreKept(repository);
      const blocked: string[] = [];
      const doubtful: { readonly file: UserFile; readonly disk: DiskContent; readonly ids: readonly string[] }[] = [];
      const toStage: FileChange[] = [];
      const toWrite: { change: FileChange; disk: DiskContent }[] = [];
      const slices = createSlices();
      for (const file of files) {
        await slices.next();
        const written = half === undefined ? undefined : await trees.find(half, file.path);
        const inIndex = judgeStaged(file, written);
        const disk = lookAt(workTree, repository, file.path);
        const onDisk = judgeFile(file, disk, written, modesCount);
        if (inIndex === "user's" || (onDisk === "user's" && disk.kind !== "file")) blocked.push(file.path);
        else if (onDisk === "user's" && !hasMode(file.before, disk, modesCount)) blocked.push(file.path);
        else {
          if (inIndex === "change") toStage.push(file);
          if (onDisk === "change") toWrite.push({ change: file, disk });
          if (onDisk === "user's") doubtful.push({ file, disk, ids: [file.before?.id ?? ""] });
        }
      }
      const clean = await unconverted(doubtful.map(({ file, ids }) => ({ path: file.path, ids })));
      for (const { file, disk } of doubtful) {
        if (clean.has(file.path)) toWrite.push({ change: file, disk });
        else blocked.push(file.path);
      }
      if (blocked.length > 0) throw new MoveRefusedError("files differ from the branch", blocked);
      return { toStage, toWrite };
    },
    async judgeStaged(files) {
      const toStage: FileChange[] = [];
      for (const file of files) {
        const verdict = judgeStaged(file, half === undefined ? undefined : await trees.find(half, file.path));
        if (verdict === "user's") return undefined;
        if (verdict === "change") toStage.push(file);
      }
      return toStage;
    },
    async write(files, indexPath, folder) {
      const written = files.filter(({ change }) => change.after !== undefined);
      const environment = { ...(await filtersOff()), GIT_INDEX_FILE: indexPath };
      const paths = written.map(({ change }) => change.path);
      if (paths.length > 0) {
        await refuseFiltered(paths, environment);
        await refuseLarge(written);
        const args = ["checkout-index", "--quiet", "--force", "-z", "--stdin", `--prefix=${folder}/`];
        await git(args, { input: paths.map((path) => `${path}\0`).join(""), environment });
      }
      return files.map(({ change: { path, after }, disk }): DiskStep => {
        const before = disk.kind === "file" ? disk.stamp : undefined;
        if (after === undefined) return { path, content: undefined, before };
        const prepared = join(folder, path);
        if (!existsSync(prepared)) throw new GitError(`git checkout-index has not written ${path}`);
        return { path, content: undefined, before, prepared };
      });
    },
  };
}

async function modesAreKept(repository: Repository): Promise<boolean> {
  const { stdout } = await runGit(repository, ["config", "--type=bool", "--get", "core.fileMode"]);
  return stdout.toString("latin1").trim() !== "false";
}

/** A large file is the user's: nothing of that size is moved. */
function lookAt(workTree: WorkTree, { topDir }: Repository, path: string): DiskContent {
  const stamp = readStamp(join(topDir, path));
  return (stamp?.sizeBytes ?? 0) > FILE_BYTES_MAX ? { kind: "foreign" } : workTree.look(path);
}

type Verdict = "done" | "change" | "user's";

function judgeStaged({ before, after, staged }: UserFile, half: TreeEntry | undefined): Verdict {
  if (isSame(staged, after)) return "done";
  return isSame(staged, before) || (half !== undefined && isSame(staged, half)) ? "change" : "user's";
}

function judgeFile(
  { before, after }: UserFile,
  disk: DiskContent,
  half: TreeEntry | undefined,
  modes: boolean,
): Verdict {
  if (disk.kind === "foreign") return "user's";
  if (disk.kind === "absent") {
    if (after === undefined) return "done";
    return before === undefined ? "change" : "user's";
  }
  const holds = (entry: TreeEntry | undefined): boolean => entry?.id === disk.id && hasMode(entry, disk, modes);
  if (after !== undefined && holds(after)) return "done";
  return holds(before) || holds(half) ? "change" : "user's";
}

/** @param modes whether the file system keeps what may be run */
function hasMode(entry: TreeEntry | undefined, disk: DiskContent, modes: boolean): boolean {
  if (entry === undefined || disk.kind !== "file") return false;
  return !modes || (entry.mode === "100755") === ((disk.stamp.mode & 0o100) !== 0);
}

function isSame(one: TreeEntry | undefined, other: TreeEntry | undefined): boolean {
  return one?.id === other?.id && one?.mode === other?.mode;
}
