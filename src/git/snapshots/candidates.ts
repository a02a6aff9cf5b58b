import { accessSync, constants, lstatSync, type Stats } from "node:fs";
import { systemErrorCode } from "../../base/errors.ts";
import { createSlices } from "../../base/slices.ts";
import { diskPath, fromByteName } from "../objects/tree-format.ts";
import { GitError } from "../process/git-process.ts";
import type { Listing } from "./listing.ts";

export interface SnapshotLimits {
  /** A larger file is left out. */
  readonly fileBytesMax: number;
  /** What is taken of new content, in all: the smallest files first. */
  readonly totalBytesMax: number;
  /** Where more files differ, no snapshot is taken. */
  readonly filesMax: number;
}

/** A file that is not part of a snapshot. */
export interface LeftOut {
  readonly path: string;
  readonly bytes: number;
  /** In words: "larger than 10 MB". */
  readonly why: string;
  /** Changes when the file does. */
  readonly stamp: string;
}

/** What of a listing becomes part of a snapshot. In `add` and `remove` a character of a path is a byte. */
export interface Candidates {
  readonly add: readonly Candidate[];
  readonly remove: readonly string[];
  readonly leftOut: readonly LeftOut[];
}

export interface Candidate {
  /** A character is a byte. */
  readonly path: string;
  readonly bytes: number;
  readonly stamp: string;
}

/** A work tree of which no snapshot can be taken: there is too much of it, or too little room. */
export class SnapshotRefusedError extends Error {
  override readonly name = "SnapshotRefusedError";
  /** Where it is for want of room: that passes, as for the system's own error of this code. */
  readonly code: "ENOSPC" | undefined;

  constructor(message: string, code?: "ENOSPC") {
    super(message);
    this.code = code;
  }
}

/** Tells whether something failed for want of room on a disk: of what git says, and of the system's errors. */
export function isDiskFull(error: unknown): boolean {
  if (["ENOSPC", "EDQUOT"].includes(systemErrorCode(error) ?? "")) return true;
  return error instanceof GitError && /No space left|Out of diskspace|quota exceeded/i.test(error.message);
}

const MEGABYTE = 1024 * 1024;

/**
 * Chooses among what is listed. What cannot be read, and what is too large, is left out and named.
 *
 * @param unchanged stamps of what was left out before, by path: while they are the same it is left out again, and not named
 * @throws SnapshotRefusedError where too many files differ
 */
export async function chooseCandidates(
  topDir: string,
  listing: Listing,
  limits: SnapshotLimits,
  unchanged: ReadonlyMap<string, string>,
): Promise<Candidates> {
  const slices = createSlices();
  const fitting: Candidate[] = [];
  const remove = [...listing.deleted];
  const leftOut: LeftOut[] = [];
  const leave = ({ path, bytes, stamp }: Candidate, why: string): void =>
    void leftOut.push({ path: fromByteName(path), bytes, why, stamp });
  const paths = [...listing.modified, ...listing.untracked];
  if (paths.length > limits.filesMax) {
    const most = `at most ${limits.filesMax} are recorded at once`;
    throw new SnapshotRefusedError(`${paths.length} files differ from what was committed; ${most}`);
  }
  for (const [index, path] of paths.entries()) {
    await slices.next();
    const stats = statsOf(topDir, path);
    const wasThere = index < listing.modified.length;
    const isModule = stats?.isDirectory() === true && wasThere;
    if (stats === undefined || !(stats.isFile() || stats.isSymbolicLink() || isModule)) {
      if (wasThere) remove.push(path); // It has gone meanwhile, or is a pipe or a device now.
      continue;
    }
    const file = { path, bytes: stats.isFile() ? stats.size : 0, stamp: stampOf(stats) };
    if (unchanged.get(fromByteName(path)) === file.stamp) continue;
    if (file.bytes > limits.fileBytesMax) leave(file, `larger than ${sizeText(limits.fileBytesMax)}`);
    else if (stats.isFile() && !isReadable(diskPath(topDir, path))) leave(file, "it cannot be read");
    else fitting.push(file);
  }
  for (const path of listing.unreachable) leave({ path, bytes: 0, stamp: "" }, "git cannot be run in it");
  const add: Candidate[] = [];
  let bytes = 0;
  for (const file of fitting.sort((one, other) => one.bytes - other.bytes || byText(one.path, other.path))) {
    bytes += file.bytes;
    if (bytes <= limits.totalBytesMax) add.push(file);
    else leave(file, `beyond the ${sizeText(limits.totalBytesMax)} that are recorded at once`);
  }
  return { add, remove, leftOut };
}

/** Tells whether what lies at `path` (a character is a byte) was touched since (Unix ms); no program can set that time back. */
export function isTouchedSince(topDir: string, path: string, sinceMs: number): boolean {
  return (statsOf(topDir, path)?.ctimeMs ?? 0) >= sinceMs;
}

export function byText(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

function statsOf(topDir: string, path: string): Stats | undefined {
  try {
    return lstatSync(diskPath(topDir, path), { throwIfNoEntry: false });
  } catch {
    return undefined; // Behind a folder that became a file, or that may not be entered: git could not read it either.
  }
}

function stampOf({ ino, size, mtimeMs, ctimeMs }: Stats): string {
  return `${ino}:${size}:${mtimeMs}:${ctimeMs}`;
}

function isReadable(path: Buffer): boolean {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}

function sizeText(bytes: number): string {
  return bytes < MEGABYTE ? `${bytes} bytes` : `${Math.round(bytes / MEGABYTE)} MB`;
}
