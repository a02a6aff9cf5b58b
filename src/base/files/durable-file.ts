import { close, closeSync, fsync, openSync } from "node:fs";
import { open } from "node:fs/promises";
import { promisify } from "node:util";

const fsyncAside = promisify(fsync);

/** Makes the entries of a folder (absolute) durable without stopping the event loop. */
export function syncFolder(path: string): Promise<void> {
  return syncDescriptor(openSync(path, "r"));
}

/** Makes an open file durable without stopping the event loop, and closes it either way. */
export async function syncDescriptor(descriptor: number): Promise<void> {
  try {
    await fsyncAside(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Writes a new file, durable but for its folder's entry, without stopping the event loop: while other programs sync theirs, making a
 * file may take tens of milliseconds.
 *
 * @throws the system's EEXIST where there is one
 */
export async function writeNewFile(path: string, content: Uint8Array, mode = 0o666): Promise<void> {
  const file = await open(path, "wx", mode);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
}

/**
 * Opens files that are about to be replaced or removed; the result closes them. The file system frees a file's blocks when its
 * last name and its last reader are gone: held open, a rename over it takes 0.01 ms (95 %: 0.03), else 0.25 (2.8), measured on
 * ext4 beside other people's fsyncs.
 */
export function keepOpen(paths: readonly string[]): () => void {
  const descriptors = paths.flatMap((path) => {
    try {
      return [openSync(path, "r")];
    } catch {
      return []; // The reader of the file reports that it is missing.
    }
  });
  return () => {
    for (const descriptor of descriptors) close(descriptor, () => undefined);
  };
}
