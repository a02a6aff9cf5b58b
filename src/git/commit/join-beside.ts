import { MERGE_MESSAGE } from "../../task/records/merged-files.ts";
import type { ObjectStore } from "../objects/object-store.ts";
import type { TreeEditor } from "../objects/tree-edit.ts";
import { fromByteName, isFolder, type Tree, type TreeEntry } from "../objects/tree-format.ts";
import { GitError } from "../process/git-process.ts";
import { type FileChange, formatCommit } from "./commit-chain.ts";

/** A move of the branch: `to` holds all of `from`, and `changes` is what differs. */
export interface MovePlan {
  readonly from: string | undefined;
  readonly to: string;
  readonly changes: readonly FileChange[];
}

/** Of commits, and of files: more of a user's work between two looks is merged as anything else is. */
const COMMITS_MAX = 100;
const FILES_MAX = 2_000;

/**
 * Returns a commit that holds `tip` and all of the plan, where what was committed since `from` changes other files: then there is nothing to
 * merge, and no process is started. A user who commits every moment would else be there first, each time that a merge is made.
 *
 * @param committer "Name <address> <seconds> <zone>"
 */
export async function joinBeside(
  { store, trees }: { readonly store: ObjectStore; readonly trees: TreeEditor },
  { from, to, changes }: MovePlan,
  tip: string,
  committer: string,
): Promise<string | undefined> {
  if (from === undefined || changes.length === 0 || !(await descends(store, tip, from))) return undefined;
  const [before, after] = [await store.treeOf(from), await store.treeOf(tip)];
  const theirs = await changedPaths(trees, before, after);
  if (theirs === undefined || collide(theirs, new Set(changes.map(({ path }) => path)))) return undefined;
  const tree = await trees.rewrite(after, new Map(changes.map((change) => [change.path, change.after])));
  return store.add("commit", formatCommit(tree, [tip, to], { author: committer, committer }, MERGE_MESSAGE));
}

/** Looks along the first parents, as far as they are here: a shallow clone ends somewhere. */
async function descends(store: ObjectStore, tip: string, from: string): Promise<boolean> {
  let at: string | undefined = tip;
  for (let count = 0; at !== undefined && count < COMMITS_MAX; count += 1) {
    if (at === from) return true;
    at = await firstParent(store, at);
  }
  return false;
}

async function firstParent(store: ObjectStore, commit: string): Promise<string | undefined> {
  try {
    const [header = ""] = Buffer.from(await store.read(commit, "commit"))
      .toString("latin1")
      .split("\n\n", 1);
    return /^parent ([0-9a-f]+)$/m.exec(header)?.[1];
  } catch (error) {
    if (error instanceof GitError) return undefined;
    throw error;
  }
}

/** Returns the files that differ between two trees; `undefined` where they are too many. */
async function changedPaths(trees: TreeEditor, one: string, other: string): Promise<ReadonlySet<string> | undefined> {
  const found = new Set<string>();
  const folders: { readonly path: string; readonly ids: readonly [string | undefined, string | undefined] }[] = [
    { path: "", ids: [one, other] },
  ];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    const [before, after] = [await readOr(trees, folder.ids[0]), await readOr(trees, folder.ids[1])];
    for (const name of new Set([...before.keys(), ...after.keys()])) {
      const entries = [before.get(name), after.get(name)] as const;
      if (entries[0]?.id === entries[1]?.id && entries[0]?.mode === entries[1]?.mode) continue;
      const path = folder.path + fromByteName(name);
      const [left, right] = [folderId(entries[0]), folderId(entries[1])];
      if (left !== undefined || right !== undefined) folders.push({ path: `${path}/`, ids: [left, right] });
      if (entries.some((entry) => entry !== undefined && !isFolder(entry))) found.add(path);
      if (found.size > FILES_MAX || folders.length > FILES_MAX) return undefined;
    }
  }
  return found;
}

async function readOr(trees: TreeEditor, id: string | undefined): Promise<Tree> {
  return id === undefined ? new Map() : trees.read(id);
}

function folderId(entry: TreeEntry | undefined): string | undefined {
  return entry !== undefined && isFolder(entry) ? entry.id : undefined;
}

/** Whether one has a file where the other has it too, or a folder. */
function collide(one: ReadonlySet<string>, other: ReadonlySet<string>): boolean {
  const isIn = (path: string, files: ReadonlySet<string>): boolean => {
    for (let end = path.length; end !== -1; end = path.lastIndexOf("/", end - 1))
      if (files.has(path.slice(0, end))) return true;
    return false;
  };
  return [...one].some((path) => isIn(path, other)) || [...other].some((path) => isIn(path, one));
}
