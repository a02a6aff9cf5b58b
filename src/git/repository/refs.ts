import { appendFileSync, existsSync, lstatSync, mkdirSync, readFileSync, readlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { systemErrorCode } from "../../base/errors.ts";
import { stampText } from "../../base/files/file-stamp.ts";
import { GitError } from "../process/git-process.ts";
import type { Repository } from "./repository.ts";

/** Reads refs as files, at once and without a process: the last look before the branch moves has no time for one. */
export interface Refs {
  /** Returns the branch's commit, or `undefined` where it has none (unborn or deleted). @throws GitError */
  tip(): string | undefined;
  /** Returns the full name of the branch that HEAD names, or `undefined` when it is detached. */
  headBranch(): string | undefined;
  /** Appends one line to the branch's reflog, and to HEAD's where HEAD names the branch, as git would. */
  appendReflogs(entry: ReflogEntry): void;
}

export interface ReflogEntry {
  readonly before: string;
  readonly after: string;
  /** "Name <address> <seconds> <zone>" */
  readonly signature: string;
  readonly message: string;
  readonly headToo: boolean;
}

export function createRefs(repository: Repository): Refs {
  const packed = createPackedReader(repository.packedRefsPath, repository.branch);
  return {
    tip() {
      // Loose first: `git pack-refs` writes the packed file before it removes the loose one.
      const loose = readIfThere(repository.branchPath)?.trim();
      if (loose === undefined) {
        const id = packed();
        // A branch that is not there was deleted; where HEAD is not there either, the whole repository is away.
        if (id === undefined && !existsSync(repository.headPath))
          throw new GitError(`${repository.headPath} is not there`);
        return id;
      }
      const link = readLinkIfAny(repository.branchPath);
      if (link === undefined && /^[0-9a-f]{40,64}$/.test(loose)) return loose;
      const isWhat = link === undefined ? `its file holds "${loose.slice(0, 80)}"` : `its file is a link to ${link}`;
      throw new GitError(`${repository.branch} is not a plain branch: ${isWhat}; serve the branch that it stands for`);
    },
    headBranch: () => readHeadBranch(repository.headPath),
    appendReflogs({ before, after, signature, message, headToo }) {
      const line = `${before} ${after} ${signature}\t${message.replaceAll(/\s+/g, " ").trim()}\n`;
      const paths = headToo ? [repository.branchLogPath, repository.headLogPath] : [repository.branchLogPath];
      for (const path of paths) {
        if (!repository.beginsReflogs && !existsSync(path)) continue;
        mkdirSync(dirname(path), { recursive: true });
        appendFileSync(path, line);
      }
    },
  };
}

/** Returns the branch that the HEAD file at `path` names (another worktree's too), or `undefined`. */
export function readHeadBranch(path: string): string | undefined {
  // Very old setups keep HEAD as a symbolic link to the branch's file.
  if (lstatSync(path).isSymbolicLink()) return readlinkSync(path);
  return /^ref:\s*(\S+)\s*$/.exec(readFileSync(path, "utf8"))?.[1];
}

/**
 * Returns the commit that HEAD names where two files say it: HEAD names a branch, and that has a file of its own. Else `undefined`, and
 * git has to be asked.
 */
export function readLooseHead({ gitDir, commonDir }: Pick<Repository, "gitDir" | "commonDir">): string | undefined {
  const head = readIfThere(join(gitDir, "HEAD")) ?? "";
  const branch = /^ref: (refs\/heads\/[^\n]+)\n$/.exec(head)?.[1];
  const id = branch === undefined ? "" : (readIfThere(join(commonDir, branch)) ?? "").trimEnd();
  return /^[0-9a-f]{40,64}$/.test(id) ? id : undefined;
}

function createPackedReader(path: string, ref: string): () => string | undefined {
  let seen = "";
  let value: string | undefined;
  return () => {
    const stamp = stampText(path);
    if (stamp !== seen) {
      value = findPacked(readIfThere(path) ?? "", ref);
      seen = stamp;
    }
    return value;
  };
}

function findPacked(text: string, ref: string): string | undefined {
  const end = text.indexOf(` ${ref}\n`);
  return end === -1 ? undefined : text.slice(text.lastIndexOf("\n", end) + 1, end);
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const code = systemErrorCode(error);
    // EISDIR: git leaves the empty folder of a deleted branch "main/x" behind.
    if (code === "ENOENT" || code === "ENOTDIR" || code === "EISDIR") return undefined;
    throw error;
  }
}

/** Moving a branch replaces its file: what a link stands for would not move. */
function readLinkIfAny(path: string): string | undefined {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true ? readlinkSync(path) : undefined;
}
