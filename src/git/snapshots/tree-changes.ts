import { fromByteName } from "../objects/tree-format.ts";
import { GitError, runGit } from "../process/git-process.ts";
import type { KnownRepository } from "../repository/known-repositories.ts";

/** A file that differs between two trees. */
export interface FileChange {
  readonly path: string;
  readonly change: "added" | "modified" | "deleted";
  /** Lines; `undefined` for a binary file. */
  readonly addedLines: number | undefined;
  readonly deletedLines: number | undefined;
  /** Blobs; `undefined` where it is not there, or is a submodule. */
  readonly before: string | undefined;
  readonly after: string | undefined;
}

const GITLINK = "160000";
const CHANGES: Readonly<Record<string, FileChange["change"]>> = { A: "added", D: "deleted" };

/** Returns what differs between two trees, by path; renames are a file gone and another one come. @throws GitError */
export async function readChanges(
  repository: KnownRepository,
  before: string,
  after: string,
): Promise<readonly FileChange[]> {
  const args = ["diff-tree", "-r", "-z", "--raw", "--numstat", "--no-renames", "--no-ext-diff", "--no-textconv"];
  const { status, stdout, stderr } = await runGit(repository, [...args, before, after]);
  if (status !== 0) throw new GitError(`git diff-tree in ${repository.topDir}: ${stderr}`);
  return parseChanges(stdout.toString("latin1"));
}

/** First ":<mode> <mode> <id> <id> <letter>", "<path>" of all, then "<added>\t<deleted>\t<path>" of all, "-" for binary files. */
function parseChanges(text: string): readonly FileChange[] {
  const words = text.split("\0");
  const lines = new Map<string, readonly [string, string]>();
  const files: (readonly [path: string, raw: readonly string[]])[] = [];
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? "";
    if (word.startsWith(":")) {
      at += 1;
      files.push([words[at] ?? "", word.slice(1).split(" ")]);
    } else {
      const [, added = "", deleted = "", path = ""] = /^(\d+|-)\t(\d+|-)\t(.*)$/s.exec(word) ?? [];
      lines.set(path, [added, deleted]);
    }
  }
  return files.map(([path, [modeBefore, modeAfter, before, after, letter = ""]]) => {
    const [added, deleted] = lines.get(path) ?? [];
    return {
      path: fromByteName(path),
      change: CHANGES[letter] ?? "modified",
      addedLines: numberIn(added),
      deletedLines: numberIn(deleted),
      before: blobOf(modeBefore, before),
      after: blobOf(modeAfter, after),
    };
  });
}

function numberIn(text: string | undefined): number | undefined {
  return text === undefined || !/^\d+$/.test(text) ? undefined : Number(text);
}

function blobOf(mode: string | undefined, id: string | undefined): string | undefined {
  return mode === GITLINK || id === undefined || /^0+$/.test(id) ? undefined : id;
}
