import { closeSync, constants, fstatSync, lstatSync, openSync, readSync, type Stats, statSync } from "node:fs";
import { CoordinatorError, systemErrorCode } from "../errors.ts";

/** Enough for a file that holds an id, a path, or one small record of ours. */
export const SMALL_FILE_BYTES_MAX = 64 * 1024;

/** Neither waits for the other end of a pipe nor makes a terminal ours. */
const READ_ONLY = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY;

export interface BoundedReadOptions {
  /** Whether `path` may be a symbolic link: only where a user may have a reason for one. */
  readonly followLinks?: boolean;
  /** Looks at the open file before it is read; throws what is wrong with it. */
  readonly check?: (stats: Stats) => void;
}

/**
 * Reads a file that an agent or a user may have put there. What is no plain file (a pipe, a device, a folder) is never opened for
 * long nor waited for, and of a plain one at most `bytesMax` bytes reach memory, also if it grows meanwhile.
 *
 * @returns its bytes, or `undefined` where there is no file
 * @throws CoordinatorError `CONFIG`: the sentence says what lies at `path`, or how large it is and may be
 */
export function readBounded(path: string, bytesMax: number, options: BoundedReadOptions = {}): Buffer | undefined {
  const { followLinks = false, check } = options;
  let descriptor: number;
  try {
    // Looked at before it is opened, since opening some devices has effects; and again afterwards, since it may be another by then.
    requirePlain(path, followLinks ? statSync(path) : lstatSync(path));
    descriptor = openSync(path, followLinks ? READ_ONLY : READ_ONLY | constants.O_NOFOLLOW);
  } catch (error) {
    if (error instanceof CoordinatorError) throw error;
    const code = systemErrorCode(error);
    if (code === "ENOENT") return undefined;
    throw new CoordinatorError("CONFIG", `${path} cannot be read (${code ?? String(error)})`, { cause: error });
  }
  try {
    const stats = fstatSync(descriptor);
    requirePlain(path, stats);
    check?.(stats);
    if (stats.size > bytesMax) throw tooLarge(path, stats.size, bytesMax);
    return readAll(descriptor, path, stats.size, bytesMax);
  } finally {
    closeSync(descriptor);
  }
}

/** Reads UTF-8 text as `readBounded` does. */
export function readBoundedText(path: string, bytesMax: number, options?: BoundedReadOptions): string | undefined {
  return readBounded(path, bytesMax, options)?.toString("utf8");
}

function requirePlain(path: string, stats: Stats): void {
  if (!stats.isFile()) throw new CoordinatorError("CONFIG", `${path} is ${kindOf(stats)}, not a plain file; remove it`);
}

function kindOf(stats: Stats): string {
  if (stats.isSymbolicLink()) return "a symbolic link";
  return stats.isDirectory() ? "a folder" : "a device, a pipe or a socket";
}

function tooLarge(path: string, sizeBytes: number, bytesMax: number): CoordinatorError {
  return new CoordinatorError("CONFIG", `${path} has ${sizeBytes} bytes; at most ${bytesMax} are read`);
}

/** @param sizeBytes what the file had a moment ago */
function readAll(descriptor: number, path: string, sizeBytes: number, bytesMax: number): Buffer {
  let buffer = Buffer.alloc(sizeBytes + 1); // One more than there should be: then one read tells that this was all.
  let filled = 0;
  for (;;) {
    const count = readSync(descriptor, buffer, filled, buffer.length - filled, null);
    filled += count;
    if (count === 0) return buffer.subarray(0, filled);
    if (filled > bytesMax) throw tooLarge(path, fstatSync(descriptor).size, bytesMax);
    if (filled === buffer.length) buffer = Buffer.concat([buffer], Math.min(buffer.length * 2, bytesMax + 1));
  }
}
