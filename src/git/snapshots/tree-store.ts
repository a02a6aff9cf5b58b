import { writeLooseObject } from "../objects/loose-objects.ts";
import { type ObjectFormat, objectId } from "../objects/object-format.ts";
import type { StoredObject } from "../objects/object-reader.ts";
import { formatTree, parseTree, type Tree } from "../objects/tree-format.ts";
import { GitError } from "../process/git-process.ts";
import type { Trees } from "./own-paths.ts";

/** The trees and commits that one snapshot reads and names. */
export interface TreeStore extends Trees {
  /** Returns the tree of a commit. @throws GitError where there is none */
  treeOf(commit: string): Promise<string>;
  /** Stores a tree that was named, and those below it that were, durably. */
  store(tree: string): Promise<void>;
  writeCommit(content: Uint8Array): Promise<string>;
  /** The id of a tree that holds nothing. */
  readonly emptyTree: string;
}

/** @param objectsDir absolute; `readObject` takes an id or a name, as git understands it */
export function createTreeStore(
  objectsDir: string,
  format: ObjectFormat,
  readObject: (name: string) => Promise<StoredObject | undefined>,
): TreeStore {
  const named = new Map<string, Tree>();
  const stored = new Set<string>();

  const store = async (id: string): Promise<void> => {
    const tree = named.get(id);
    if (tree === undefined || stored.has(id)) return;
    for (const entry of tree.values()) await store(entry.id);
    await writeLooseObject(objectsDir, format, "tree", formatTree(tree));
    stored.add(id);
  };

  return {
    async read(id) {
      const own = named.get(id);
      if (own !== undefined) return own;
      const found = await readObject(id);
      if (found?.type !== "tree") throw new GitError(`git has no tree ${id}`);
      return parseTree(found.content, format);
    },
    write(tree) {
      const id = objectId(format, "tree", formatTree(tree));
      named.set(id, tree);
      return id;
    },
    async treeOf(commit) {
      const found = await readObject(`${commit}^{tree}`);
      if (found?.type !== "tree") throw new GitError(`git has no commit ${commit}`);
      return found.id;
    },
    store,
    writeCommit: (content) => writeLooseObject(objectsDir, format, "commit", content),
    emptyTree: objectId(format, "tree", Buffer.alloc(0)),
  };
}
