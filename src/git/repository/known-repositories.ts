import { lstatSync, readdirSync, realpathSync, statSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { readBoundedText, SMALL_FILE_BYTES_MAX } from "../../base/files/read-bounded.ts";
import { realPathOf } from "../../base/files/real-path.ts";
import type { WorkTreePlace } from "./read-work-tree.ts";

/** A repository that git may be run in. */
export type KnownRepository = Pick<WorkTreePlace, "topDir" | "gitDir" | "commonDir">;

/**
 * Where a folder lies: in a known repository; in none (a folder that the policy allows, outside of any); or in one that is not known,
 * which `path` makes one. Whoever can push, and any agent, can make such a repository, and git runs what its configuration says.
 */
export type Ground =
  | { readonly kind: "repository"; readonly repository: KnownRepository }
  | { readonly kind: "none" }
  | { readonly kind: "foreign"; readonly path: string };

/**
 * The repositories that git may be run in, by us and by codex: that of the code, found when serving starts, and those that hold a folder
 * which the policy allows, found when the policy is read. Their submodules and linked worktrees belong to them: the git directories of
 * these lie in theirs, where no push and no sandboxed agent writes. Only files are read, and no git is started.
 */
export interface KnownRepositories {
  /** Looks where `dir` (absolute, links resolved) lies now. */
  groundOf(dir: string): Ground;
  /** Returns a git directory of a known repository, or of one that would be, that an agent which works in `dir` could write to. */
  exposedBy(dir: string): string | undefined;
}

const NONE: readonly KnownRepository[] = [];

/**
 * @param allowed absolute paths that the policy allows; the same list until it changes
 * @param linked worktrees of our own that lie elsewhere; the same list until it changes
 */
export function createKnownRepositories(
  code: KnownRepository,
  allowed: () => readonly string[],
  linked: () => readonly KnownRepository[] = () => NONE,
): KnownRepositories {
  let seen: readonly string[] | undefined;
  let seenLinked: readonly KnownRepository[] | undefined;
  let roots: readonly Root[] = [];

  /** The innermost root first. */
  function current(): readonly Root[] {
    const paths = allowed();
    const own = linked();
    if (paths === seen && own === seenLinked) return roots;
    seen = paths;
    seenLinked = own;
    const codeRoots = [code, ...own].map((repository): Root => ({ dir: repository.topDir, repository }));
    const others = paths.map(realPathOf).filter((path) => !isInside(path, code.topDir));
    roots = [...codeRoots, ...others.map((dir): Root => ({ dir, repository: locateRepository(dir) }))].sort(
      (one, other) => other.dir.length - one.dir.length,
    );
    return roots;
  }

  return {
    groundOf(dir) {
      const root = current().find((one) => isInside(dir, one.dir));
      if (root === undefined) return { kind: "none" };
      const top = root.repository?.topDir;
      for (let folder = dir; folder !== top; folder = dirname(folder)) {
        const found = lookAt(folder, root.repository);
        if (found !== undefined) return found;
        if (folder === dirname(folder) || (top === undefined && folder === root.dir)) return { kind: "none" };
      }
      return root.repository === undefined ? { kind: "none" } : { kind: "repository", repository: root.repository };
    },
    exposedBy(dir) {
      for (const { dir: root, repository } of current()) {
        // Where there is none, one that an agent makes would be known when the policy is read the next time.
        if (repository === undefined && root !== dir && isInside(root, dir)) return join(root, ".git");
        if (repository === undefined || repository === code || !isInside(repository.commonDir, dir)) continue;
        if (!/^\.git(\/|$)/.test(relative(dir, repository.commonDir))) return repository.commonDir;
      }
      return undefined;
    },
  };
}

interface Root {
  readonly dir: string;
  /** `undefined`: it lies in none. */
  readonly repository: KnownRepository | undefined;
}

/** Tells what makes `folder` the top of a repository, or a git directory: nothing, what belongs to `known`, or anything else. */
function lookAt(folder: string, known: KnownRepository | undefined): Ground | undefined {
  // Git takes a folder for a git directory that holds these, whatever its name is.
  const isBare = has(folder, "HEAD") && (has(folder, "commondir") || (has(folder, "objects") && has(folder, "refs")));
  if (isBare) return { kind: "foreign", path: folder };
  const path = join(folder, ".git");
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return undefined;
  const gitDir = gitDirOf(folder);
  const belongs =
    known !== undefined &&
    gitDir !== undefined &&
    (gitDir === known.commonDir || OF_A_REPOSITORY.some((name) => isInside(gitDir, join(known.commonDir, name))));
  // What a sandbox leaves behind that was killed: an empty folder, which git does not see.
  if (gitDir === undefined && isEmptyFolder(path)) return undefined;
  return belongs
    ? { kind: "repository", repository: { topDir: folder, gitDir, commonDir: commonDirOf(gitDir) } }
    : { kind: "foreign", path };
}

/** Where a repository keeps the git directories of its submodules and linked worktrees. */
const OF_A_REPOSITORY = ["modules", "worktrees"] as const;

/** Returns the repository around `dir` (absolute), as its files say; `undefined` where there is none. */
export function locateRepository(dir: string): KnownRepository | undefined {
  for (let folder = dir; ; folder = dirname(folder)) {
    const gitDir = gitDirOf(folder);
    if (gitDir !== undefined) return { topDir: folder, gitDir, commonDir: commonDirOf(gitDir) };
    if (folder === dirname(folder)) return undefined;
  }
}

/** Returns the git directory that `.git` in `folder` is or leads to, links resolved; `undefined` where it is none. */
function gitDirOf(folder: string): string | undefined {
  try {
    const path = join(folder, ".git");
    const isFolder = statSync(path).isDirectory();
    const named = isFolder ? path : /^gitdir: (.+)$/.exec(readLine(path) ?? "")?.[1];
    if (named === undefined) return undefined;
    const gitDir = realpathSync(resolve(folder, named));
    return has(gitDir, "HEAD") ? gitDir : undefined;
  } catch {
    return undefined; // Not there, or out of reach: git could not read it either.
  }
}

function commonDirOf(gitDir: string): string {
  const named = readLine(join(gitDir, "commondir"));
  return named === undefined ? gitDir : realPathOf(resolve(gitDir, named));
}

function readLine(path: string): string | undefined {
  return readBoundedText(path, SMALL_FILE_BYTES_MAX)?.replace(/\n$/, "");
}

function has(folder: string, name: string): boolean {
  return lstatSync(join(folder, name), { throwIfNoEntry: false }) !== undefined;
}

function isInside(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder === "/" ? folder : `${folder}/`);
}

function isEmptyFolder(path: string): boolean {
  try {
    return readdirSync(path).length === 0;
  } catch {
    return false;
  }
}
