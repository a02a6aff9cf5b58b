import { chmodSync, lstatSync, mkdirSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { CoordinatorError, systemErrorCode } from "../base/errors.ts";
import { noteStateFormat } from "./formats.ts";
import { homeName } from "./state-paths.ts";

const FOLDER_MODE = 0o700;
const FILE_MODE = 0o600;
/** What others may do, and what nobody may: run a file of ours. */
const TOO_MUCH = 0o077;

/**
 * Makes the coordinator's own folder where it is missing, and takes from others what they may do in it: the folder itself, the ones
 * above it that are ours, and what lies directly in it. What lies deeper is out of their reach with these. Where nothing says which format
 * it has, it has ours from then on.
 *
 * @param root absolute
 * @throws CoordinatorError `CONFIG` where it belongs to another user
 */
export function secureStateFolder(root: string): void {
  mkdirSync(root, { recursive: true, mode: FOLDER_MODE });
  const above = homeName(root) === undefined ? [] : [dirname(dirname(root)), dirname(root)];
  const inside = readdirSync(root).map((name) => join(root, name));
  for (const path of [...above, root, ...inside]) secure(path);
  noteStateFormat(root);
}

function secure(path: string): void {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined || (stats.mode & TOO_MUCH) === 0 || !(stats.isDirectory() || stats.isFile())) return;
  try {
    chmodSync(path, stats.isDirectory() ? FOLDER_MODE : FILE_MODE);
  } catch (cause) {
    if (systemErrorCode(cause) === undefined) throw cause;
    const message = `${path} may be read by others and belongs to another user (${stats.uid}): chown it, or serve as that user`;
    throw new CoordinatorError("CONFIG", message, { cause });
  }
}
