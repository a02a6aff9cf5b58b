import { closeSync, constants, fsync, mkdirSync, openSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { systemErrorCode } from "../../base/errors.ts";
import { INBOX } from "../../task/records/workspace-paths.ts";

const sync = promisify(fsync);
const FOLDER_ONLY = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;

/**
 * An open folder. Paths made with `at` go through its descriptor (/proc/self/fd), as openat(2) would: exchanging the folder
 * for a symbolic link meanwhile cannot lead them elsewhere. They are good until `close`, and only for a single name.
 */
export interface Folder {
  readonly here: string;
  at(name: string): string;
  /** Makes its entries durable. */
  sync(): Promise<void>;
  close(): void;
}

/**
 * Opens a folder without following a symbolic link in the last part of `path`.
 *
 * @throws system errors: `ENOENT`, `ENOTDIR` (a symbolic link too), `EACCES`, …
 */
export function openFolder(path: string): Folder {
  const descriptor = openSync(path, FOLDER_ONLY);
  const here = `/proc/self/fd/${descriptor}`;
  return {
    here,
    at: (name) => `${here}/${name}`,
    sync: () => sync(descriptor),
    close: () => closeSync(descriptor),
  };
}

/**
 * Opens inbox/ or a folder below it, following no symbolic link. `undefined`: it is not there, or not a folder (any more).
 *
 * @param missing whether folders that are missing below inbox/ are made; inbox/ itself never is: a branch may do without it
 */
export function openInboxFolder(
  workspaceDir: string,
  folders: readonly string[],
  missing: "leave" | "make" = "leave",
): Folder | undefined {
  let folder = openIfThere(join(workspaceDir, INBOX));
  for (const name of folders) {
    if (folder === undefined) return undefined;
    const parent = folder;
    try {
      if (missing === "make") makeFolder(parent.at(name));
      folder = openIfThere(parent.at(name));
    } finally {
      parent.close();
    }
  }
  return folder;
}

/** Makes the entries of the folder at `path` durable. */
export async function syncFolder(path: string): Promise<void> {
  const folder = openFolder(path);
  try {
    await folder.sync();
  } finally {
    folder.close();
  }
}

function makeFolder(path: string): void {
  try {
    mkdirSync(path);
  } catch (error) {
    if (systemErrorCode(error) !== "EEXIST") throw error;
  }
}

function openIfThere(path: string): Folder | undefined {
  try {
    return openFolder(path);
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

/** Tells whether an error says that something is not there, or has become something else, since it was seen. */
export function isGone(error: unknown): boolean {
  const code = systemErrorCode(error);
  return code === "ENOENT" || code === "ENOTDIR" || code === "ELOOP";
}

/**
 * Returns the code of a system error, for a sentence.
 *
 * @throws what is not a system error: our own bug
 */
export function causeOf(error: unknown): string {
  const code = systemErrorCode(error);
  if (code === undefined) throw error;
  return code;
}
