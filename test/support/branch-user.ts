import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { GitRepo } from "./git-repo.ts";

/** What a user does beside the committer, in the same checkout. The branch is `main`. */
export interface BranchUser {
  /** Commits exactly these files; `undefined` removes one, from the disk as well unless `keepOnDisk`. Returns the commit. */
  commit(files: Readonly<Record<string, string | undefined>>, options?: { readonly keepOnDisk?: boolean }): string;
  /** Writes a file and stages it. */
  stage(path: string, text: string): void;
  /** Writes a file, or removes it. */
  write(path: string, text: string | undefined): void;
  read(path: string): string | undefined;
  /** Takes branch, index and work tree back to a commit. */
  reset(commit: string): void;
  /** Checks out another branch with the same content. */
  switchAway(): void;
  switchBack(): void;
  beginMerge(): void;
  endMerge(): void;
}

/** Returns a user of a real repository. */
export function gitUser(repo: GitRepo): BranchUser {
  const mergeHead = join(repo.git("rev-parse", "--absolute-git-dir"), "MERGE_HEAD");
  return {
    commit(files, { keepOnDisk = false } = {}) {
      for (const [path, text] of Object.entries(files)) {
        if (text !== undefined) {
          repo.write(path, text);
          repo.git("add", "--", path);
        } else repo.git("rm", "--quiet", ...(keepOnDisk ? ["--cached"] : []), "--", path);
      }
      repo.git("commit", "--quiet", "-m", "a commit of the user's");
      return repo.git("rev-parse", "HEAD");
    },
    stage(path, text) {
      repo.write(path, text);
      repo.git("add", "--", path);
    },
    write(path, text) {
      if (text === undefined) rmSync(join(repo.dir, path), { force: true });
      else repo.write(path, text);
    },
    read: (path) => repo.read(path),
    reset: (commit) => void repo.git("reset", "--quiet", "--hard", commit),
    switchAway: () => void repo.git("switch", "--quiet", "-c", "elsewhere"),
    switchBack: () => void repo.git("switch", "--quiet", "main"),
    beginMerge: () => writeFileSync(mergeHead, `${repo.git("rev-parse", "HEAD")}\n`),
    endMerge: () => rmSync(mergeHead),
  };
}
