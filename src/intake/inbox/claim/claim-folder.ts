import { type Dirent, lstatSync, mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { systemErrorCode } from "../../../base/errors.ts";
import { writeFileAtomic } from "../../../base/files/write-file-atomic.ts";
import { isTaskId } from "../../../task/names/task-id.ts";
import { INBOX } from "../../../task/records/workspace-paths.ts";
import { openInboxFolder } from "../folder.ts";
import { type InboxPlace, isDropName, placeInInbox } from "../name-rules.ts";

/** Names the file that a claim holds where it could not be moved into the claim: inbox/ lies on another file system. */
const ELSEWHERE = ".elsewhere";

/** A dropped file under a claim. `path` is good until `close`. */
export interface HeldFile {
  /** Where it was dropped. */
  readonly place: InboxPlace;
  readonly path: string;
  close(): void;
}

/**
 * The folders `accepting/<id>/`, each of which is one claim. A claim holds one file at `accepting/<id>/<path in inbox/>`.
 * Where inbox/ lies on another file system, the file stays in its folder under a dot-name, and `accepting/<id>/.elsewhere`
 * says which one it is.
 */
export interface ClaimFolders {
  readonly root: string;
  ids(): readonly string[];
  /** Makes `accepting/<id>/` with the folders of `place`; false when the claim is there already: somebody else's. */
  make(id: string, place: InboxPlace): boolean;
  /** The folders from `root` down to the one that the file of a claim goes to. */
  levels(id: string, place: InboxPlace): readonly string[];
  /** Where the file of a claim goes. */
  target(id: string, place: InboxPlace): string;
  /** Notes durably that the file of the claim stays in its folder, and returns the name it has to get there. */
  noteElsewhere(id: string, place: InboxPlace): string;
  /**
   * Finds the file that a claim holds, whatever an earlier coordinator left.
   *
   * @param place where it is known to have been moved from, if it lies in the claim itself: then nothing is searched
   */
  open(id: string, place?: InboxPlace): HeldFile | undefined;
  /** Removes a claim with all that is in it. @param place as for `open` */
  remove(id: string, place?: InboxPlace): void;
}

/** Returns the claims below `stateDir` on files of `workspaceDir`. Every method throws a plain `Error` for what is not a task id. */
export function createClaimFolders(workspaceDir: string, stateDir: string): ClaimFolders {
  const root = join(stateDir, "accepting");
  const folderOf = (id: string): string => {
    if (!isTaskId(id)) throw new Error(`not a task id: ${id}`);
    return join(root, id);
  };
  return {
    root,
    ids() {
      mkdirSync(root, { recursive: true, mode: 0o700 });
      return readdirSync(root).filter(isTaskId).sort();
    },
    make(id, place) {
      if (!makeOnce(root, folderOf(id))) return false;
      if (place.folders.length > 0) mkdirSync(join(folderOf(id), ...place.folders), { recursive: true });
      return true;
    },
    levels(id, { folders }) {
      const inside = Array.from({ length: folders.length + 1 }, (_, depth) => folders.slice(0, depth));
      return [root, ...inside.map((below) => join(folderOf(id), ...below))];
    },
    target: (id, place) => join(folderOf(id), ...place.folders, place.name),
    noteElsewhere(id, place) {
      writeFileAtomic(join(folderOf(id), ELSEWHERE), [INBOX, ...place.folders, place.name].join("/"));
      return hiddenName(id);
    },
    open(id, known) {
      if (known !== undefined) return heldIn(folderOf(id), known);
      const path = readIfThere(join(folderOf(id), ELSEWHERE));
      const place = path === undefined ? undefined : placeInInbox(path);
      return place === undefined ? findInside(folderOf(id), []) : openHidden(workspaceDir, place, id);
    },
    remove(id, known) {
      if (known === undefined || !removeEmptied(folderOf(id), known))
        rmSync(folderOf(id), { recursive: true, force: true });
    },
  };
}

function heldIn(folder: string, place: InboxPlace): HeldFile | undefined {
  const path = join(folder, ...place.folders, place.name);
  const isThere = lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  return isThere ? { place, path, close: () => undefined } : undefined;
}

/** Removes the folders of a claim whose file is gone, and nothing else; false where something is left in them. */
function removeEmptied(folder: string, { folders }: InboxPlace): boolean {
  try {
    for (let depth = folders.length; depth >= 0; depth -= 1) rmdirSync(join(folder, ...folders.slice(0, depth)));
    return true;
  } catch (error) {
    if (systemErrorCode(error) === undefined) throw error;
    return false;
  }
}

function hiddenName(id: string): string {
  return `.codex-inbox-${id}`;
}

function openHidden(workspaceDir: string, place: InboxPlace, id: string): HeldFile | undefined {
  const folder = openInboxFolder(workspaceDir, place.folders);
  if (folder === undefined) return undefined;
  const path = folder.at(hiddenName(id));
  if (lstatSync(path, { throwIfNoEntry: false }) !== undefined) return { place, path, close: folder.close };
  folder.close();
  return undefined;
}

function findInside(root: string, folders: readonly string[]): HeldFile | undefined {
  for (const entry of entriesIfThere(join(root, ...folders))) {
    if (isDropName(entry.name)) {
      return { place: { folders, name: entry.name }, path: join(root, ...folders, entry.name), close: () => undefined };
    }
    const found = entry.isDirectory() ? findInside(root, [...folders, entry.name]) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

function entriesIfThere(path: string): readonly Dirent[] {
  try {
    return readdirSync(path, { withFileTypes: true });
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return [];
    throw error;
  }
}

function makeOnce(root: string, path: string): boolean {
  try {
    mkdirSync(path, { mode: 0o700 });
    return true;
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === "EEXIST") return false;
    if (code !== "ENOENT" || mkdirSync(root, { recursive: true, mode: 0o700 }) === undefined) throw error;
    return makeOnce(root, path);
  }
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return undefined;
    throw error;
  }
}
