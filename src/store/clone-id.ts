import { randomInt } from "node:crypto";
import { readBoundedText, SMALL_FILE_BYTES_MAX } from "../base/read-bounded.ts";
import { writeFileAtomic } from "../base/write-file-atomic.ts";

/** Returns the id of this clone; `undefined` where none was drawn yet. */
export function knownCloneId(path: string): string | undefined {
  const id = readBoundedText(path, SMALL_FILE_BYTES_MAX)?.trim();
  return id !== undefined && /^[0-9a-z]{6}$/.test(id) ? id : undefined;
}

/** Returns the id of this clone, drawn once and kept in `path`: rotated files carry it, so that those of two clones never collide. */
export function readCloneId(path: string): string {
  const known = knownCloneId(path);
  if (known !== undefined) return known;
  const id = randomInt(36 ** 6)
    .toString(36)
    .padStart(6, "0");
  writeFileAtomic(path, `${id}\n`, 0o600);
  return id;
}
