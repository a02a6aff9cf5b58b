import { lstatSync, realpathSync, type Stats, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { CoordinatorError } from "../../base/errors.ts";
import { readBoundedText, SMALL_FILE_BYTES_MAX } from "../../base/read-bounded.ts";
import { runGit } from "../process/git-process.ts";

/** A work tree, and where git keeps what belongs to it. Absolute real paths. */
export interface WorkTreePlace {
  readonly topDir: string;
  /** `.git`, or `.git/worktrees/<name>`. */
  readonly gitDir: string;
  /** The git directory that all linked worktrees share. */
  readonly commonDir: string;
  /** Full name of the branch that HEAD names; `undefined` when it is detached. */
  readonly branch: string | undefined;
}

/**
 * Finds the work tree around `dir` (absolute) by reading the few files that say so: two starts of git cost a short command a third
 * of its time. Whatever is not the plain layout of a checkout or of a linked worktree is left to git itself.
 *
 * @throws CoordinatorError `NOT_FOUND` outside a work tree
 */
export async function findWorkTree(dir: string): Promise<WorkTreePlace> {
  return readWorkTree(dir) ?? (await askGit(dir));
}

/** Returns what the files say, or `undefined` where they say anything out of the ordinary. */
export function readWorkTree(dir: string): WorkTreePlace | undefined {
  try {
    const start = realpathSync(dir);
    const device = statSync(start).dev;
    for (let folder = start; ; folder = dirname(folder)) {
      if (statSync(folder).dev !== device || isThere(join(folder, "HEAD"))) return undefined; // A mount; a git directory.
      if (isThere(join(folder, ".git"))) return readPlainLayout(folder);
      if (folder === dirname(folder)) return undefined;
    }
  } catch {
    return undefined; // Out of reach, or no plain files: git has the words for it.
  }
}

function readPlainLayout(topDir: string): WorkTreePlace | undefined {
  const gitDir = gitDirOf(topDir);
  const common = gitDir === undefined ? undefined : readLine(join(gitDir, "commondir"));
  if (gitDir === undefined) return undefined;
  const commonDir = common === undefined ? gitDir : realpathSync(resolve(gitDir, common));
  const isComplete = ["objects", "refs"].every((name) => statSync(join(commonDir, name)).isDirectory());
  // Git refuses a repository of another user unless it is told that it is safe.
  const isOwn = [topDir, gitDir, commonDir].every((path) => statSync(path).uid === process.getuid?.());
  if (!isComplete || !isOwn || ![commonDir, gitDir].every(isPlainConfig)) return undefined;
  const head = lstatSync(join(gitDir, "HEAD")).isFile() ? readLine(join(gitDir, "HEAD")) : undefined;
  if (head === undefined || !/^([0-9a-f]{40}|[0-9a-f]{64}|ref: refs\/heads\/\S+)$/.test(head)) return undefined;
  return { topDir, gitDir, commonDir, branch: head.startsWith("ref: ") ? head.slice("ref: ".length) : undefined };
}

function gitDirOf(topDir: string): string | undefined {
  const path = join(topDir, ".git");
  if (statSync(path).isDirectory()) return realpathSync(path);
  const [, named] = /^gitdir: (.+)$/.exec(readLine(path) ?? "") ?? [];
  return named === undefined ? undefined : realpathSync(resolve(topDir, named));
}

/** Tells whether the configuration in `folder` says nothing of where the work tree lies or how refs are kept. */
function isPlainConfig(folder: string): boolean {
  const text = ["config", "config.worktree"].map((name) => readBoundedText(join(folder, name), CONFIG_BYTES_MAX) ?? "");
  return !/worktree\s*=|include|refstorage|bare(?!\s*=\s*false\s)/i.test(text.join("\n"));
}

const CONFIG_BYTES_MAX = 1024 * 1024;

/** Returns the text of a file of one line, without its end. */
function readLine(path: string): string | undefined {
  return readBoundedText(path, SMALL_FILE_BYTES_MAX)?.replace(/\n$/, "");
}

function isThere(path: string): boolean {
  const stats: Stats | undefined = lstatSync(path, { throwIfNoEntry: false });
  return stats !== undefined;
}

async function askGit(dir: string): Promise<WorkTreePlace> {
  const asked = ["--path-format=absolute", "--show-toplevel", "--git-dir", "--git-common-dir"];
  const places = await runGit(dir, ["rev-parse", ...asked]);
  if (places.status !== 0) {
    throw new CoordinatorError(
      "NOT_FOUND",
      `${dir} is not in the work tree of a Git repository. Make one with: git init`,
      { cause: new Error(places.stderr) },
    );
  }
  const paths = places.stdout.toString("utf8").trimEnd().split("\n");
  const [topDir = "", gitDir = "", commonDir = ""] = paths.map((path) => realpathSync(path));
  const head = await runGit(dir, ["symbolic-ref", "--quiet", "HEAD"]);
  return { topDir, gitDir, commonDir, branch: head.status === 0 ? head.stdout.toString("utf8").trimEnd() : undefined };
}
