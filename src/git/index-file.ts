import { constants, copyFileSync, openSync, rmSync, utimesSync } from "node:fs";
import { syncDescriptor } from "./durable-file.ts";
import { readStamp, stampText } from "./file-stamp.ts";
import { runGit } from "./git-process.ts";
import type { Repository } from "./repository.ts";
import type { TemporaryFiles } from "./temporary-files.ts";
import type { TreeEntry } from "./tree-format.ts";

/** Paths asked about in one command line. */
const PATHS_AT_ONCE = 500;

/** Reads the user's index and builds its successor; never writes it (the swap renames the successor over it). */
export interface IndexFile {
  /** Changes whenever the index is replaced. */
  stamp(): string;
  /** Returns what is staged at `paths` (from the top of the work tree); what is not staged is missing in the answer. */
  entries(paths: readonly string[]): Promise<ReadonlyMap<string, TreeEntry>>;
  hasUnmerged(): Promise<boolean>;
  /**
   * Writes a copy of the index with `changes` made (`undefined` removes), synced, as a temporary file. Everything else in it is
   * as git keeps it, because git writes it.
   *
   * @returns the path of the copy, or the message of git where it refused
   */
  build(
    changes: ReadonlyMap<string, TreeEntry | undefined>,
  ): Promise<{ readonly path: string } | { readonly refused: string }>;
}

export function createIndexFile(repository: Repository, temporary: TemporaryFiles): IndexFile {
  const { topDir, indexPath } = repository;

  async function list(args: readonly string[], paths: readonly string[]): Promise<string> {
    const result = await runGit(topDir, ["ls-files", ...args, "-z", "--full-name", "--", ...paths]);
    if (result.status !== 0) throw new Error(`git ls-files: ${result.stderr}`);
    return result.stdout.toString("utf8");
  }

  return {
    stamp: () => stampText(indexPath),
    async entries(paths) {
      const entries = new Map<string, TreeEntry>();
      for (let at = 0; at < paths.length; at += PATHS_AT_ONCE) {
        parseStaged(await list(["--stage"], paths.slice(at, at + PATHS_AT_ONCE)), entries);
      }
      return entries;
    },
    hasUnmerged: async () => (await list(["--unmerged"], [])) !== "",
    async build(changes) {
      const path = temporary.newPath("index");
      copyIndex(indexPath, path);
      const input = [...changes].map(([name, entry]) => indexInfo(name, entry, repository)).join("");
      const environment = { GIT_INDEX_FILE: path };
      const result = await runGit(topDir, ["update-index", "--add", "-z", "--index-info"], { input, environment });
      if (result.status !== 0) {
        rmSync(path, { force: true });
        return { refused: result.stderr };
      }
      await syncDescriptor(openSync(path, "r"));
      return { path };
    },
  };
}

/** One record of `git update-index --index-info`; mode 0 removes. The id is stored as given: no filter changes our bytes. */
function indexInfo(path: string, entry: TreeEntry | undefined, repository: Repository): string {
  const { mode, id } = entry ?? { mode: "0", id: "0".repeat(repository.objectFormat === "sha1" ? 40 : 64) };
  return `${mode} ${id} 0\t${path}\0`;
}

/** Reads records "<mode> <id> <stage>\t<path>"; entries of a conflict (stages 1 to 3) are left out. */
function parseStaged(text: string, entries: Map<string, TreeEntry>): void {
  for (const record of text.split("\0")) {
    const [, mode, id, path] = /^(\d+) ([0-9a-f]+) 0\t(.*)$/s.exec(record) ?? [];
    if (mode !== undefined && id !== undefined && path !== undefined) entries.set(path, { mode, id });
  }
}

/**
 * The copy must not look younger than the original: git distrusts entries as young as their index ("racily clean") and compares
 * their content, and a younger copy would lose that protection. One millisecond older costs at most a comparison.
 */
function copyIndex(from: string, to: string): void {
  const stamp = readStamp(from);
  if (stamp === undefined) return; // No commit and nothing staged yet: git makes the file.
  copyFileSync(from, to, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL);
  const seconds = (stamp.modifiedMs - 1) / 1_000;
  utimesSync(to, seconds, seconds);
}
