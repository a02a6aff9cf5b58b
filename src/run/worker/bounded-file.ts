import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { setImmediate as nextTurn } from "node:timers/promises";
import { systemErrorCode } from "../../base/errors.ts";

const { O_RDONLY, O_NONBLOCK, O_NOFOLLOW } = constants;
const SMALL_BYTES_MAX = 1_048_576;
const SLICE_BYTES = 256 * 1024;
const NEWLINE = 0x0a;
/** There is no such file, or none that we may read; anything else (no descriptors left, a broken disk) says nothing about the file. */
const ABSENT: readonly string[] = ["ENOENT", "ENOTDIR", "ELOOP", "EACCES", "EPERM", "EISDIR", "ENXIO", "ENODEV"];

/**
 * Opens a regular file for reading, and nothing else: what an agent may have put in its place (a pipe, a device, a link) neither holds
 * the reader up nor leads it away. Returns `undefined` where there is none.
 */
export function openRegular(path: string, links: "refused" | "followed" = "refused"): number | undefined {
  let descriptor: number;
  try {
    descriptor = openSync(path, O_RDONLY | O_NONBLOCK | (links === "refused" ? O_NOFOLLOW : 0));
  } catch (error) {
    if (ABSENT.includes(systemErrorCode(error) ?? "")) return undefined;
    throw error;
  }
  if (fstatSync(descriptor).isFile()) return descriptor;
  closeSync(descriptor);
  return undefined;
}

/** Returns the text of a small file; `undefined` where there is no regular file, or one of more than `bytesMax` bytes. */
export function readSmall(path: string, bytesMax = SMALL_BYTES_MAX, links?: "followed"): string | undefined {
  return withFile(path, links, (descriptor, size) =>
    size > bytesMax ? undefined : readAt(descriptor, 0, size).toString("utf8"),
  );
}

/** Returns the text of a small file and when it was last changed (Unix ms); `undefined` as in `readSmall`. */
export function readSmallAt(path: string): { readonly text: string; readonly changedAtMs: number } | undefined {
  return withFile(path, undefined, (descriptor, size, changedAtMs) =>
    size > SMALL_BYTES_MAX ? undefined : { text: readAt(descriptor, 0, size).toString("utf8"), changedAtMs },
  );
}

/** Returns the last `bytesMax` bytes of a file as text, "" where there is no regular file. The first line may be a torn one. */
export function readTail(path: string, bytesMax: number): string {
  const read = (descriptor: number, size: number): string =>
    readAt(descriptor, Math.max(0, size - bytesMax), Math.min(size, bytesMax)).toString("utf8");
  return withFile(path, undefined, read) ?? "";
}

/**
 * Yields the last lines of a file, the last one first, as far as they lie within its last `bytesMax` bytes; a line of more than 1 MiB is
 * left out. Reads a little at a time, with turns for others between.
 */
export async function* linesFromEnd(path: string, bytesMax: number): AsyncGenerator<string> {
  const descriptor = openRegular(path);
  if (descriptor === undefined) return;
  try {
    const { size } = fstatSync(descriptor);
    const stop = Math.max(0, size - bytesMax);
    let parts: Buffer[] = [];
    let partsBytes = 0;
    const keep = (part: Buffer): void => {
      partsBytes += part.length;
      parts = partsBytes > SMALL_BYTES_MAX ? [] : [part, ...parts];
    };
    for (let position = size; position > stop; await nextTurn()) {
      const length = Math.min(SLICE_BYTES, position - stop);
      position -= length;
      const slice = readAt(descriptor, position, length);
      let end = slice.length;
      for (let start = slice.lastIndexOf(NEWLINE); start !== -1; start = slice.lastIndexOf(NEWLINE, start - 1)) {
        keep(slice.subarray(start + 1, end));
        yield Buffer.concat(parts).toString("utf8");
        parts = [];
        partsBytes = 0;
        end = start;
        if (start === 0) break; // A search from -1 would begin at the end again.
      }
      keep(slice.subarray(0, end));
    }
    if (stop === 0) yield Buffer.concat(parts).toString("utf8");
  } finally {
    closeSync(descriptor);
  }
}

/** Returns the bytes at `position`; fewer where the file ends before. */
export function readAt(descriptor: number, position: number, length: number): Buffer {
  const buffer = Buffer.allocUnsafe(length);
  return buffer.subarray(0, readSync(descriptor, buffer, 0, length, position));
}

function withFile<Result>(
  path: string,
  links: "followed" | undefined,
  use: (descriptor: number, size: number, changedAtMs: number) => Result,
): Result | undefined {
  const descriptor = openRegular(path, links);
  if (descriptor === undefined) return undefined;
  try {
    const { size, mtimeMs } = fstatSync(descriptor);
    return use(descriptor, size, mtimeMs);
  } finally {
    closeSync(descriptor);
  }
}
