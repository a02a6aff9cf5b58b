import { type BigIntStats, lstatSync } from "node:fs";
import { systemErrorCode } from "../errors.ts";
import { realPathOf } from "./real-path.ts";

/** What `lstat` says about a file. Two equal stamps mean that it was not written, replaced or renamed in between. */
export interface FileStamp {
  readonly kind: "file" | "folder" | "link" | "other";
  /** Permission bits. */
  readonly mode: number;
  readonly inode: string;
  /** Device, inode, size and both times, as one comparable text. */
  readonly text: string;
  readonly modifiedMs: number;
  readonly sizeBytes: number;
}

/** Returns the stamp of `path`, or `undefined` where nothing is. Links are not followed. */
export function readStamp(path: string): FileStamp | undefined {
  try {
    const stat = lstatSync(path, { bigint: true, throwIfNoEntry: false }); // An error takes longer than the look.
    return stat === undefined ? undefined : toStamp(stat);
  } catch (error) {
    if (systemErrorCode(error) === "ENOTDIR") return undefined;
    throw error;
  }
}

/** Returns one comparable text for what lies at `path`; "absent" where nothing is. */
export function stampText(path: string): string {
  return readStamp(path)?.text ?? "absent";
}

/**
 * Tells whether `folder` is a copy of the one at `recordedPath` (real path, as a file in it says): that one is still there, and is
 * another. Inodes alone are compared, since one folder may be mounted twice under two devices; where the recorded path leads to
 * nothing, the folder was moved, or is seen from elsewhere.
 */
export function isCopyOf(recordedPath: string | undefined, folder: string): boolean {
  if (recordedPath === undefined || recordedPath === realPathOf(folder)) return false;
  const inodeOf = (path: string): string | undefined => readStamp(realPathOf(path))?.inode.split(":")[1];
  const original = inodeOf(recordedPath);
  return original !== undefined && original !== inodeOf(folder);
}

function toStamp(stat: BigIntStats): FileStamp {
  const inode = `${stat.dev}:${stat.ino}`;
  return {
    kind: stat.isFile() ? "file" : stat.isDirectory() ? "folder" : stat.isSymbolicLink() ? "link" : "other",
    mode: Number(stat.mode & 0o7777n),
    inode,
    text: `${inode}:${stat.size}:${stat.mtimeNs}:${stat.ctimeNs}`,
    modifiedMs: Number(stat.mtimeMs),
    sizeBytes: Number(stat.size),
  };
}
