import { randomInt } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { writeFileAtomic } from "../base/write-file-atomic.ts";

/** Returns the id of this clone, drawn once and kept in `path`: rotated files carry it, so that those of two clones never collide. */
export function readCloneId(path: string): string {
  if (existsSync(path)) {
    const id = readFileSync(path, "utf8").trim();
    if (/^[0-9a-z]{6}$/.test(id)) return id;
  }
  const id = randomInt(36 ** 6)
    .toString(36)
    .padStart(6, "0");
  writeFileAtomic(path, `${id}\n`, 0o600);
  return id;
}
