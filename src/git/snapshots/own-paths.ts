import { FOLDER_MODE, isFolder, type Tree, type TreeEntry, toByteName } from "../objects/tree-format.ts";

/** Reads and names trees; `write` may keep what it names until it is asked to store it. */
export interface Trees {
  read(id: string): Promise<Tree>;
  write(tree: Tree): string;
}

/**
 * Returns the id of `root` with what `from` holds at the paths of the coordinator's own files in place of its own; `undefined` for
 * `from` leaves them out. Nothing else is looked at, so this costs a few trees however many files there are.
 *
 * @param ours paths from the top: "inbox", "sub/tasks.md"
 */
export async function withOwnPaths(
  trees: Trees,
  root: string | undefined,
  from: string | undefined,
  ours: readonly string[],
): Promise<string | undefined> {
  const paths = ours.map((path) => toByteName(path).split("/"));
  const entry = await graft(trees, folderEntry(root), folderEntry(from), paths);
  return entry?.id;
}

async function graft(
  trees: Trees,
  root: TreeEntry | undefined,
  from: TreeEntry | undefined,
  paths: readonly (readonly string[])[],
): Promise<TreeEntry | undefined> {
  if (paths.some((path) => path.length === 0)) return from;
  // A file where a folder of ours is would be in the way of what it holds.
  if (root !== undefined && !isFolder(root)) return root;
  const tree = new Map(root === undefined ? [] : await trees.read(root.id));
  const other: Tree = from !== undefined && isFolder(from) ? await trees.read(from.id) : new Map();
  for (const [name, inside] of Map.groupBy(paths, (path) => path[0] ?? "")) {
    const rest = inside.map((path) => path.slice(1));
    const next = await graft(trees, tree.get(name), other.get(name), rest);
    if (next === undefined) tree.delete(name);
    else tree.set(name, next);
  }
  return tree.size === 0 ? undefined : { mode: FOLDER_MODE, id: trees.write(tree) };
}

function folderEntry(id: string | undefined): TreeEntry | undefined {
  return id === undefined ? undefined : { mode: FOLDER_MODE, id };
}
