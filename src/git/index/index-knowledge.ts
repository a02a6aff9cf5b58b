import type { TreeEntry } from "../objects/tree-format.ts";
import type { IndexFile } from "./index-file.ts";

/** What is staged at our paths, asked of git only after somebody else replaced the index. */
export interface IndexKnowledge {
  /** Begins to ask about `paths` if somebody else has written the index, so that the answer is there when it is needed. */
  prefetch(paths: readonly string[]): void;
  /**
   * Returns what is staged at those of `paths` that are known or `mustKnow`, or "unmerged" while a conflict is not resolved.
   *
   * @param mustKnow paths that exist in the branch; a path that is new there is taken as not staged while nobody else has
   *   written the index since our last commit
   */
  ask(paths: readonly string[], mustKnow: readonly string[]): Promise<Answer | "unmerged">;
  /** Returns path → blob of everything staged below `folder` (from the top of the work tree; "" is everything). */
  below(folder: string): Promise<ReadonlyMap<string, string>>;
  /** Tells that the index was just replaced by us, with these changes; it had this stamp then. */
  replaced(changes: ReadonlyMap<string, TreeEntry | undefined>, stamp: string): void;
}

export interface Answer {
  readonly stamp: string;
  /** Somebody else wrote the index since our last commit (or we have just started). */
  readonly isForeign: boolean;
  readonly entries: ReadonlyMap<string, TreeEntry | undefined>;
}

const KNOWN_MAX = 2_000;

export function createIndexKnowledge(index: IndexFile): IndexKnowledge {
  const folders = createStagedFolders(index);
  let ownStamp: string | undefined;
  let view: IndexView | undefined;

  async function read(stamp: string, paths: readonly string[]): Promise<IndexView> {
    const { unmerged, entries } = await index.survey(paths);
    return { stamp, unmerged, known: new Map(paths.map((path) => [path, entries.get(path)])) };
  }

  let reading: { readonly stamp: string; readonly view: Promise<IndexView> } | undefined;

  function current(paths: readonly string[]): Promise<IndexView> {
    const stamp = index.stamp();
    if (view?.stamp === stamp) return Promise.resolve(view);
    if (reading?.stamp !== stamp) reading = { stamp, view: read(stamp, paths) };
    return reading.view;
  }

  return {
    prefetch(paths) {
      current(paths).catch(() => undefined); // Whoever asks for the answer gets the error.
    },
    async ask(paths, mustKnow) {
      const answer = await current(paths);
      view = answer;
      reading = undefined;
      if (answer.unmerged) return "unmerged";
      const isForeign = answer.stamp !== ownStamp;
      const asked = (isForeign ? paths : mustKnow).filter((path) => !answer.known.has(path));
      if (asked.length > 0) {
        const found = await index.entries(asked);
        for (const path of asked) answer.known.set(path, found.get(path));
      }
      return { stamp: answer.stamp, isForeign, entries: answer.known };
    },
    below: folders.below,
    replaced(changes, stamp) {
      folders.replaced({ from: view?.stamp, to: stamp }, changes);
      const known = view?.known ?? new Map<string, TreeEntry | undefined>();
      for (const [path, entry] of changes) {
        known.delete(path);
        known.set(path, entry);
      }
      for (const path of known.keys()) {
        if (known.size <= KNOWN_MAX) break;
        known.delete(path);
      }
      ownStamp = stamp;
      view = { stamp, unmerged: false, known };
    },
  };
}

interface IndexView {
  readonly stamp: string;
  readonly unmerged: boolean;
  readonly known: Map<string, TreeEntry | undefined>;
}

/** What is staged in some folders. Git is asked again only after somebody else wrote the index: it reads all of it for an answer. */
interface StagedFolders {
  /** Returns path → blob of everything staged below `folder` (from the top of the work tree; "" is everything). */
  below(folder: string): Promise<ReadonlyMap<string, string>>;
  /** Tells that we have replaced the index that had the stamp `from`, with these changes. */
  replaced(
    stamps: { readonly from: string | undefined; readonly to: string },
    changes: ReadonlyMap<string, TreeEntry | undefined>,
  ): void;
}

function createStagedFolders(index: IndexFile): StagedFolders {
  let known = { stamp: "", folders: new Map<string, ReadonlyMap<string, string>>() };

  return {
    async below(folder) {
      const stamp = index.stamp();
      if (stamp !== known.stamp) known = { stamp, folders: new Map() };
      const { folders } = known; // The answer belongs to this index, whatever comes while git is asked.
      const entries = folders.get(folder) ?? (await readFolder(index, folder));
      folders.set(folder, entries);
      return entries;
    },
    replaced({ from, to }, changes) {
      const folders = from === known.stamp ? [...known.folders] : [];
      known = {
        stamp: to,
        folders: new Map(folders.map(([folder, entries]) => [folder, withChanges(folder, entries, changes)])),
      };
    },
  };
}

async function readFolder(index: IndexFile, folder: string): Promise<ReadonlyMap<string, string>> {
  const entries = await index.entries([folder === "" ? "." : folder]);
  return new Map([...entries].map(([path, { id }]) => [path, id]));
}

function withChanges(
  folder: string,
  entries: ReadonlyMap<string, string>,
  changes: ReadonlyMap<string, TreeEntry | undefined>,
): ReadonlyMap<string, string> {
  const after = new Map(entries);
  for (const [path, entry] of changes) {
    if (folder !== "" && !path.startsWith(`${folder}/`)) continue;
    if (entry === undefined) after.delete(path);
    else after.set(path, entry.id);
  }
  return after;
}
