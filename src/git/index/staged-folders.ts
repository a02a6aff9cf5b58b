import type { TreeEntry } from "../objects/tree-format.ts";
import type { IndexFile } from "./index-file.ts";

/** What is staged in some folders. Git is asked again only after somebody else wrote the index: it reads all of it for an answer. */
export interface StagedFolders {
  /** Returns path → blob of everything staged below `folder` (from the top of the work tree; "" is everything). */
  below(folder: string): Promise<ReadonlyMap<string, string>>;
  /** Tells that we have replaced the index that had the stamp `from`, with these changes. */
  replaced(from: string | undefined, changes: ReadonlyMap<string, TreeEntry | undefined>): void;
}

export function createStagedFolders(index: IndexFile): StagedFolders {
  let known = { stamp: "", folders: new Map<string, ReadonlyMap<string, string>>() };

  return {
    async below(folder) {
      const stamp = index.stamp();
      if (stamp !== known.stamp) known = { stamp, folders: new Map() };
      const { folders } = known; // The answer belongs to this index, whatever comes while git is asked.
      const entries = folders.get(folder) ?? (await read(index, folder));
      folders.set(folder, entries);
      return entries;
    },
    replaced(from, changes) {
      const folders = from === known.stamp ? [...known.folders] : [];
      known = {
        stamp: index.stamp(),
        folders: new Map(folders.map(([folder, entries]) => [folder, withChanges(folder, entries, changes)])),
      };
    },
  };
}

async function read(index: IndexFile, folder: string): Promise<ReadonlyMap<string, string>> {
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
