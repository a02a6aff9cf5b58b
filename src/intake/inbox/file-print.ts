import type { Stats } from "node:fs";

/** What changes when a file is written, exchanged, or its rights change; equal prints mean the same content. */
export interface FilePrint {
  readonly device: number;
  readonly inode: number;
  readonly sizeBytes: number;
  readonly modifiedAtMs: number;
  /** Of content or rights, and of name. */
  readonly changedAtMs: number;
}

/** Returns the print of a file. */
export function printOf(stats: Stats): FilePrint {
  return {
    device: stats.dev,
    inode: stats.ino,
    sizeBytes: stats.size,
    modifiedAtMs: stats.mtimeMs,
    changedAtMs: stats.ctimeMs,
  };
}

/** Tells whether nothing at all happened to a file between two looks. */
export function samePrint(one: FilePrint, other: FilePrint): boolean {
  return sameContent(one, other) && one.changedAtMs === other.changedAtMs;
}

/** Tells whether a file was not written between two looks; it may have been renamed or linked. */
export function sameContent(one: FilePrint, other: FilePrint): boolean {
  return sameFile(one, other) && one.sizeBytes === other.sizeBytes && one.modifiedAtMs === other.modifiedAtMs;
}

/** Tells whether two names lead to one file. */
export function sameFile(one: FilePrint, other: FilePrint): boolean {
  return one.device === other.device && one.inode === other.inode;
}
