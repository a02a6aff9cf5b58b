import { CoordinatorError } from "../../base/errors.ts";
import { createObjectReader } from "../objects/object-reader.ts";
import type { GitPlace } from "../process/git-environment.ts";
import { runGit } from "../process/git-process.ts";

/** A blob at a path, or the message of a commit, as git has it. */
export interface StoredText {
  /** The commit asked for, or in a history the first that has the blob at this path. */
  readonly commit: string;
  /** Relative to the top of the repository; `undefined` for a message. */
  readonly path: string | undefined;
  /** `undefined`: it is larger than is read. */
  readonly content: Buffer | undefined;
}

/** More of one object is not read. */
const OBJECT_BYTES_MAX = 64 * 1024 * 1024;
/** Commits whose changes are asked for at once. */
const COMMITS_AT_ONCE = 500;

/** Modes of a path that was removed, and of a submodule. */
const NO_BLOB: ReadonlySet<string> = new Set(["000000", "160000"]);

interface Entry {
  readonly commit: string;
  readonly path: string;
  readonly blob: string;
}

/**
 * Yields what the commit that `name` leads to holds, with its message; with `history` every blob and message that it can reach, each
 * blob once for each path, the oldest first.
 *
 * @param place the repository
 * @throws CoordinatorError `NOT_FOUND` where `name` leads to no commit
 */
export async function* storedTexts(place: GitPlace, name: string, history: boolean): AsyncGenerator<StoredText> {
  const tip = (await answer(place, ["rev-parse", "--verify", "--quiet", "--end-of-options", `${name}^{commit}`])) ?? "";
  if (tip === "") throw new CoordinatorError("NOT_FOUND", `there is no branch or commit "${name}"`);
  const reader = createObjectReader(place);
  const sizes = async (entries: readonly Entry[]): Promise<ReadonlyMap<string, number>> => {
    const input = `${[...new Set(entries.map(({ blob }) => blob))].join("\n")}\n`;
    const { stdout } = await runGit(place, ["cat-file", "--batch-check=%(objectname) %(objectsize)"], { input });
    return new Map(
      stdout
        .toString("latin1")
        .split("\n")
        .map((line) => [line.split(" ")[0] ?? "", Number(line.split(" ")[1])]),
    );
  };
  async function* read(entries: readonly Entry[]): AsyncGenerator<StoredText> {
    const known = await sizes(entries);
    for (const { commit, path, blob } of entries) {
      const isSmall = (known.get(blob) ?? 0) <= OBJECT_BYTES_MAX;
      yield { commit, path, content: isSmall ? (await reader.read(blob))?.content : undefined };
    }
  }
  async function* messageOf(commit: string): AsyncGenerator<StoredText> {
    const content = (await reader.read(commit))?.content;
    yield { commit, path: undefined, content: content?.subarray(content.indexOf("\n\n") + 2) };
  }
  try {
    if (!history) {
      yield* messageOf(tip);
      yield* read(await treeOf(place, tip));
      return;
    }
    const commits = ((await answer(place, ["rev-list", "--reverse", "--topo-order", tip])) ?? "").split("\n");
    const seen = new Set<string>();
    for (let at = 0; at < commits.length; at += COMMITS_AT_ONCE) {
      const some = commits.slice(at, at + COMMITS_AT_ONCE);
      for (const commit of some) yield* messageOf(commit);
      const added = (await changesOf(place, some)).filter(({ path, blob }) => {
        const key = `${blob} ${path}`;
        return !seen.has(key) && seen.add(key) !== undefined;
      });
      yield* read(added);
    }
  } finally {
    reader.close();
  }
}

async function answer(place: GitPlace, args: readonly string[]): Promise<string | undefined> {
  const { status, stdout } = await runGit(place, args);
  return status === 0 ? stdout.toString("utf8").trim() : undefined;
}

async function treeOf(place: GitPlace, commit: string): Promise<readonly Entry[]> {
  const { stdout } = await runGit(place, ["ls-tree", "-r", "-z", "--full-tree", commit]);
  return stdout
    .toString("utf8")
    .split("\0")
    .flatMap((line) => {
      const [, blob, path] = /^\d+ blob ([0-9a-f]+)\t([\s\S]*)$/.exec(line) ?? [];
      return blob === undefined || path === undefined ? [] : [{ commit, path, blob }];
    });
}

/** What commits have put at which path; a merge is held against its first parent. */
async function changesOf(place: GitPlace, commits: readonly string[]): Promise<readonly Entry[]> {
  const args = ["diff-tree", "--stdin", "-r", "-z", "--root", "--no-renames", "--diff-merges=first-parent", "--raw"];
  const { stdout } = await runGit(place, args, { input: `${commits.join("\n")}\n` });
  const entries: Entry[] = [];
  let commit = "";
  let change: { readonly mode: string; readonly blob: string } | undefined;
  for (const part of stdout.toString("utf8").split("\0")) {
    const [, mode = "", blob = ""] = /^:\d+ (\d+) [0-9a-f]+ ([0-9a-f]+) [A-Z]\d*$/.exec(part) ?? [];
    if (change !== undefined) {
      if (!NO_BLOB.has(change.mode)) entries.push({ commit, path: part, blob: change.blob });
      change = undefined;
    } else if (blob !== "") change = { mode, blob };
    else if (/^[0-9a-f]{40,64}$/.test(part)) commit = part;
  }
  return entries;
}
