import { lstatSync, realpathSync, type Stats, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { readBoundedText, SMALL_FILE_BYTES_MAX } from "../../base/files/read-bounded.ts";

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

/** Returns what git's files say of the work tree around `dir` (absolute), or `undefined` where they say anything out of the ordinary. */
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
