import { randomInt } from "node:crypto";
import { dirname } from "node:path";
import { readStamp } from "../../base/files/file-stamp.ts";
import { readBoundedText, SMALL_FILE_BYTES_MAX } from "../../base/files/read-bounded.ts";
import { realPathOf } from "../../base/files/real-path.ts";
import { writeFileAtomic } from "../../base/files/write-file-atomic.ts";
import { parseObject } from "../../base/json-shape.ts";

/** Where the state folder of a clone was when its id was drawn. */
interface StatePlace {
  /** Real path. */
  readonly path: string;
  /** `<device>:<inode>` */
  readonly inode: string;
}

/** The file `clone` of a state folder: the id on its first line, the place on its second (absent in files of earlier versions). */
export interface CloneFile {
  readonly id: string;
  readonly place: StatePlace | undefined;
  /** The folder is a copy of the one that the id was drawn for, which may be at work with it. */
  readonly isCopy: boolean;
}

/** Reads the file at `path`; `undefined` where no id was drawn yet. */
export function readCloneFile(path: string): CloneFile | undefined {
  const [id = "", line = ""] = (readBoundedText(path, SMALL_FILE_BYTES_MAX) ?? "").split("\n");
  if (!/^[0-9a-z]{6}$/.test(id)) return undefined;
  const { path: recorded, inode } = parseObject(line) ?? {};
  const place = typeof recorded === "string" && typeof inode === "string" ? { path: recorded, inode } : undefined;
  return { id, place, isCopy: place !== undefined && isOfAnother(place, placeOf(dirname(path))) };
}

/** Returns the id of this clone; `undefined` where none was drawn yet, or for a copy that has not been served. */
export function knownCloneId(path: string): string | undefined {
  const file = readCloneFile(path);
  return file?.isCopy === true ? undefined : file?.id;
}

/**
 * Returns the id of this clone, drawn once and kept in `path` with the place of its folder: files that rotate and processes of runs
 * carry it, so that those of two clones are never taken for each other. A copy is given an id of its own: only who holds the lock of
 * the folder may ask for it then.
 */
export function settleCloneId(path: string): string {
  const file = readCloneFile(path);
  const place = placeOf(dirname(path));
  const id =
    file === undefined || file.isCopy
      ? randomInt(36 ** 6)
          .toString(36)
          .padStart(6, "0")
      : file.id;
  const isRecorded = file?.id === id && file.place?.path === place?.path && file.place?.inode === place?.inode;
  if (!isRecorded) writeFileAtomic(path, `${id}\n${JSON.stringify(place ?? null)}\n`, 0o600);
  return id;
}

function placeOf(folder: string): StatePlace | undefined {
  const path = realPathOf(folder);
  const inode = readStamp(path)?.inode;
  return inode === undefined ? undefined : { path, inode };
}

/**
 * The same inode on the same device is the same folder, moved or mounted elsewhere. Device numbers change with a restart of the machine, so
 * the same inode on another device is the same folder too, unless it still lies where it was: then this one is a snapshot of it.
 */
function isOfAnother(recorded: StatePlace, actual: StatePlace | undefined): boolean {
  if (actual === undefined || actual.inode === recorded.inode) return false;
  const inodeOf = (inode: string): string => inode.slice(inode.indexOf(":") + 1);
  if (inodeOf(actual.inode) !== inodeOf(recorded.inode)) return true;
  return (
    actual.path !== recorded.path && readStamp(recorded.path)?.inode.endsWith(`:${inodeOf(recorded.inode)}`) === true
  );
}
