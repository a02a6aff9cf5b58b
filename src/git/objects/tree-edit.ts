import { LRUCache } from "lru-cache";
import type { ObjectFormat } from "./object-format.ts";
import type { ObjectStore } from "./object-store.ts";
import {
  FOLDER_MODE,
  formatTree,
  isFolder,
  parseTree,
  spliceTree,
  type Tree,
  type TreeEntry,
  toByteName,
} from "./tree-format.ts";

/** Entries kept in memory over all cached trees: some versions of the folders we write to (a thousand entries each), not the user's sources. */
const CACHED_ENTRIES_MAX = 10_000;

/** Something of the user's stands where a file or folder of ours belongs: a file for a folder, a link, a submodule. */
export class ObstacleError extends Error {
  override readonly name = "ObstacleError";
}

/** Finds and rewrites along paths only: what a commit costs does not depend on the size of the rest of the tree. */
export interface TreeEditor {
  read(id: string): Promise<Tree>;
  /** Returns what lies at `path` ("" is the root itself), or `undefined`. */
  find(root: string | undefined, path: string): Promise<TreeEntry | undefined>;
  /**
   * Returns the id of `root` with `changes` made: an entry is put at its path, `undefined` removes what is there. Folders are
   * made as needed and go when nothing is left in them.
   *
   * @throws ObstacleError where something else stands in the way
   */
  rewrite(root: string | undefined, changes: ReadonlyMap<string, TreeEntry | undefined>): Promise<string>;
}

/** A tree, and the same as git keeps it. */
interface KnownTree {
  readonly id: string;
  readonly entries: Tree;
  readonly bytes: Buffer;
}

/** What was made of `base`, and how it differs. */
interface EditedTree {
  readonly base: KnownTree | undefined;
  readonly entries: Tree;
  readonly changed: ReadonlyMap<string, TreeEntry | undefined>;
}

interface Change {
  readonly names: readonly string[];
  readonly path: string;
  readonly entry: TreeEntry | undefined;
}

export function createTreeEditor(store: ObjectStore, format: ObjectFormat): TreeEditor {
  const cache = new LRUCache<string, KnownTree>({
    maxSize: CACHED_ENTRIES_MAX,
    // Counted in entries, because folders differ so much in size. One that is larger than all is kept nevertheless.
    sizeCalculation: ({ entries }) => Math.min(Math.max(1, entries.size), CACHED_ENTRIES_MAX),
  });

  async function load(id: string): Promise<KnownTree> {
    const known = cache.get(id);
    if (known !== undefined) return known;
    const content = await store.read(id, "tree");
    const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
    const tree = { id, entries: parseTree(bytes, format), bytes };
    cache.set(id, tree);
    return tree;
  }

  async function read(id: string): Promise<Tree> {
    return (await load(id)).entries;
  }

  function write({ entries, base, changed }: EditedTree): string {
    const bytes = base === undefined ? formatTree(entries) : spliceTree(base.bytes, changed, format);
    const id = store.add("tree", bytes, base?.id);
    cache.set(id, { id, entries, bytes });
    return id;
  }

  async function rewriteFolder(id: string | undefined, changes: readonly Change[], depth: number): Promise<EditedTree> {
    const base = id === undefined ? undefined : await load(id);
    const entries = new Map(base?.entries);
    const changed = new Map<string, TreeEntry | undefined>();
    for (const [name, inside] of groupByName(changes, depth)) {
      const there = entries.get(name);
      const own = inside.find((change) => change.names.length === depth + 1);
      const below = inside.filter((change) => change !== own);
      const file = own === undefined ? there : replaceFile(there, own);
      const next = below.length === 0 ? file : await rewriteBelow(file, below, depth);
      changed.set(name, next);
      if (next === undefined) entries.delete(name);
      else entries.set(name, next);
    }
    return { base, entries, changed };
  }

  async function rewriteBelow(there: TreeEntry | undefined, inside: readonly Change[], depth: number) {
    if (there !== undefined && !isFolder(there)) {
      const blocked = inside.find((change) => change.entry !== undefined);
      if (blocked === undefined) return there;
      throw new ObstacleError(blocked.names.slice(0, depth + 1).join("/"));
    }
    const tree = await rewriteFolder(there?.id, inside, depth + 1);
    return tree.entries.size === 0 ? undefined : { mode: FOLDER_MODE, id: write(tree) };
  }

  return {
    read,
    async find(root, path) {
      let entry: TreeEntry | undefined = root === undefined ? undefined : { mode: FOLDER_MODE, id: root };
      for (const name of toByteName(path)
        .split("/")
        .filter((part) => part !== "")) {
        if (entry === undefined || !isFolder(entry)) return undefined;
        entry = (await read(entry.id)).get(name);
      }
      return entry;
    },
    async rewrite(root, changes) {
      const list = [...changes].map(([path, entry]) => ({ names: toByteName(path).split("/"), path, entry }));
      return write(await rewriteFolder(root, list, 0));
    },
  };
}

function replaceFile(there: TreeEntry | undefined, change: Change): TreeEntry | undefined {
  if (there !== undefined && isFolder(there)) throw new ObstacleError(change.path);
  return change.entry;
}

function groupByName(changes: readonly Change[], depth: number): ReadonlyMap<string, readonly Change[]> {
  return Map.groupBy(changes, (change) => change.names[depth] ?? "");
}
