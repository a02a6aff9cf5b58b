import type { IndexFile } from "./index-file.ts";
import type { TreeEntry } from "./tree-format.ts";

/** What is staged at our paths, asked of git only after somebody else replaced the index. */
export interface IndexKnowledge {
  /**
   * Returns what is staged at those of `paths` that are known or `mustKnow`, or "unmerged" while a conflict is not resolved.
   *
   * @param mustKnow paths that exist in the branch; a path that is new there is taken as not staged while nobody else has
   *   written the index since our last commit
   */
  ask(paths: readonly string[], mustKnow: readonly string[]): Promise<Answer | "unmerged">;
  /** Tells that the index was just replaced by us, with these changes. */
  replaced(changes: ReadonlyMap<string, TreeEntry | undefined>): void;
}

export interface Answer {
  readonly stamp: string;
  /** Somebody else wrote the index since our last commit (or we have just started). */
  readonly isForeign: boolean;
  readonly entries: ReadonlyMap<string, TreeEntry | undefined>;
}

const KNOWN_MAX = 2_000;

export function createIndexKnowledge(index: IndexFile): IndexKnowledge {
  let seen: string | undefined;
  let ownStamp: string | undefined;
  let unmerged = false;
  let known = new Map<string, TreeEntry | undefined>();

  return {
    async ask(paths, mustKnow) {
      const stamp = index.stamp();
      if (stamp !== seen) {
        known = new Map();
        unmerged = await index.hasUnmerged();
        seen = stamp;
      }
      if (unmerged) return "unmerged";
      const isForeign = stamp !== ownStamp;
      const asked = (isForeign ? paths : mustKnow).filter((path) => !known.has(path));
      if (asked.length > 0) {
        const found = await index.entries(asked);
        for (const path of asked) known.set(path, found.get(path));
      }
      return { stamp, isForeign, entries: known };
    },
    replaced(changes) {
      for (const [path, entry] of changes) {
        known.delete(path);
        known.set(path, entry);
      }
      for (const path of known.keys()) {
        if (known.size <= KNOWN_MAX) break;
        known.delete(path);
      }
      seen = index.stamp();
      ownStamp = seen;
    },
  };
}
