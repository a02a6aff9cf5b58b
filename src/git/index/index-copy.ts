import { constants } from "node:fs";
import { copyFile, utimes } from "node:fs/promises";
import { readStamp } from "../../base/files/file-stamp.ts";

/**
 * Copies a git index to `to`, where nothing may be yet. Where there is no index nothing is copied: git makes the file.
 *
 * The copy must not look younger than the original: git distrusts entries as young as their index ("racily clean") and compares
 * their content, and a younger copy would lose that protection. One millisecond older costs at most a comparison.
 */
export async function copyIndex(from: string, to: string): Promise<void> {
  const stamp = readStamp(from);
  if (stamp === undefined) return;
  await copyFile(from, to, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL);
  const seconds = (stamp.modifiedMs - 1) / 1_000;
  await utimes(to, seconds, seconds);
}
