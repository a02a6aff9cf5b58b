import { existsSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { systemErrorCode } from "../errors.ts";

/**
 * Makes the folder at `path` (absolute) and those above it, each for its owner alone; nothing happens where it is there.
 *
 * @throws the system's errors
 */
export function makeFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    if (systemErrorCode(error) !== "ENOENT") throw error;
    // So it says of a read-only file system as well (Node 24), which is something that people can mend: one step tells.
    let missing = path;
    while (!existsSync(dirname(missing))) missing = dirname(missing);
    mkdirSync(missing, { mode: 0o700 });
    mkdirSync(path, { recursive: true, mode: 0o700 });
  }
}
