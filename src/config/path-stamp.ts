import { statSync } from "node:fs";
import { systemErrorCode } from "../base/errors.ts";

/** Changes whenever the file does, as far as its size, times and identity tell; never throws. */
export function stampOf(path: string): string {
  try {
    const stat = statSync(path, { throwIfNoEntry: false });
    return stat === undefined ? "" : `${stat.ino} ${stat.size} ${stat.mtimeMs} ${stat.ctimeMs}`;
  } catch (error) {
    return String(systemErrorCode(error)); // A loop of links, a folder out of reach: reading it says so.
  }
}
