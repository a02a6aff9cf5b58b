import { randomUUID } from "node:crypto";
import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

/**
 * Replaces `path` with `content` so that no reader ever sees half a file: a dot-name beside it, fsync, rename, fsync of the
 * folder. The folder is made when missing. Nothing is left behind when it fails.
 */
export function writeFileAtomic(path: string, content: string | Uint8Array, mode = 0o644): void {
  const directory = dirname(path);
  makeDirectory(directory);
  // Drawn, and opened exclusively: in a work tree an agent could put a symbolic link where a name can be guessed. It does not hold
  // the file's own name, which may be as long as a name can be.
  const temporary = join(directory, `.${randomUUID()}.tmp`);
  const descriptor = openSync(temporary, "wx", mode);
  try {
    try {
      writeAll(descriptor, typeof content === "string" ? Buffer.from(content) : content);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
  syncDirectory(directory);
}

/** Tells whether a file has the name of what a kill leaves of `writeFileAtomic`. */
export function isAtomicLeftover(name: string): boolean {
  return /^\.[0-9a-f]{8}-[0-9a-f-]{27}\.tmp$/.test(name);
}

/** Makes `directory` and what is missing above it, durably: each new folder's entry is synced in the one that holds it. */
export function makeDirectory(directory: string, mode = 0o777): void {
  const topmost = mkdirSync(directory, { recursive: true, mode });
  if (topmost === undefined) return;
  const stop = dirname(resolve(topmost));
  for (let parent = dirname(resolve(directory)); ; parent = dirname(parent)) {
    syncDirectory(parent);
    if (parent === stop) return;
  }
}

/** Makes the entries of `directory` durable (a rename is only as safe as its folder). */
export function syncDirectory(directory: string): void {
  const descriptor = openSync(directory, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Writes all of `bytes` to `descriptor`; a single write may stop short. */
export function writeAll(descriptor: number, bytes: Uint8Array): void {
  for (let offset = 0; offset < bytes.length; ) offset += writeSync(descriptor, bytes, offset);
}

/** Does the same from the byte `position` of the file on. */
export function writeAt(descriptor: number, bytes: Uint8Array, position: number): void {
  for (let offset = 0; offset < bytes.length; )
    offset += writeSync(descriptor, bytes, offset, bytes.length - offset, position + offset);
}
