import { type BigIntStats, lstatSync } from "node:fs";
import { systemErrorCode } from "./errors.ts";

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
    return toStamp(lstatSync(path, { bigint: true }));
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw error;
  }
}

/** Returns one comparable text for what lies at `path`; "absent" where nothing is. */
export function stampText(path: string): string {
  return readStamp(path)?.text ?? "absent";
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
