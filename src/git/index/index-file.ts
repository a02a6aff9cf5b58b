import { openSync, rmSync, writeFileSync } from "node:fs";
import { syncDescriptor } from "../../base/files/durable-file.ts";
import { readStamp, stampText } from "../../base/files/file-stamp.ts";
import type { TemporaryFiles } from "../gate/temporary-files.ts";
import type { TreeEntry } from "../objects/tree-format.ts";
import { GitError, runGit } from "../process/git-process.ts";
import { createGitShell, type GitShell } from "../process/git-shell.ts";
import type { Repository } from "../repository/repository.ts";
import { copyIndex } from "./index-copy.ts";

/** Paths asked about in one command line. */
const PATHS_AT_ONCE = 500;
/** Some 4,000 files. */
const LISTED_WHOLE_BYTES = 400_000;

export interface Survey {
  readonly unmerged: boolean;
  readonly entries: ReadonlyMap<string, TreeEntry>;
}

/** Reads the user's index and builds its successor; never writes it (the swap renames the successor over it). */
export interface IndexFile {
  /** Changes whenever the index is replaced. */
  stamp(): string;
  /** Returns what is staged at `paths` (from the top of the work tree); what is not staged is missing in the answer. */
  entries(paths: readonly string[]): Promise<ReadonlyMap<string, TreeEntry>>;
  /** Returns the same, and whether a conflict is not resolved yet, anywhere. */
  survey(paths: readonly string[]): Promise<Survey>;
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

/** @param shell starts the git that writes the copy */
export function createIndexFile(
  repository: Repository,
  temporary: TemporaryFiles,
  shell: GitShell = createGitShell(),
): IndexFile {
  const { indexPath } = repository;

  async function list(args: readonly string[], paths: readonly string[]): Promise<string> {
    const result = await runGit(repository, ["ls-files", ...args, "-z", "--full-name", "--", ...paths]);
    if (result.status !== 0) throw new GitError(`git ls-files: ${result.stderr}`);
    return result.stdout.toString("utf8");
  }

  async function listEntries(paths: readonly string[]): Promise<ReadonlyMap<string, TreeEntry>> {
    const entries = new Map<string, TreeEntry>();
    for (let at = 0; at < paths.length; at += PATHS_AT_ONCE) {
      const found = parseStaged(await list(["--stage"], paths.slice(at, at + PATHS_AT_ONCE)));
      for (const [path, entry] of found) entries.set(path, entry);
    }
    return entries;
  }

  return {
    stamp: () => stampText(indexPath),
    entries: listEntries,
    async survey(paths) {
      // One process that lists a small index is faster than two that look for something in it.
      if ((readStamp(indexPath)?.sizeBytes ?? 0) <= LISTED_WHOLE_BYTES) {
        const all = await list(["--stage"], []);
        return { unmerged: /^\d+ [0-9a-f]+ [1-3]\t/m.test(all.replaceAll("\0", "\n")), entries: parseStaged(all) };
      }
      const [unmerged, entries] = await Promise.all([list(["--unmerged"], []), listEntries(paths)]);
      return { unmerged: unmerged !== "", entries };
    },
    async build(changes) {
      const path = temporary.newPath("index");
      await copyIndex(indexPath, path);
      const inputPath = temporary.newPath("index-info");
      writeFileSync(inputPath, [...changes].map(([name, entry]) => indexInfo(name, entry, repository)).join(""));
      const call = { inputPath, environment: { GIT_INDEX_FILE: path } };
      const result = await shell.run(repository, ["update-index", "--add", "-z", "--index-info"], call);
      rmSync(inputPath, { force: true });
      if (result.status !== 0) {
        for (const left of [path, `${path}.lock`]) rmSync(left, { force: true });
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
function parseStaged(text: string): ReadonlyMap<string, TreeEntry> {
  const entries = new Map<string, TreeEntry>();
  for (const record of text.split("\0")) {
    const [, mode, id, path] = /^(\d+) ([0-9a-f]+) 0\t(.*)$/s.exec(record) ?? [];
    if (mode !== undefined && id !== undefined && path !== undefined) entries.set(path, { mode, id });
  }
  return entries;
}
