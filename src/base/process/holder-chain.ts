import { randomUUID } from "node:crypto";
import { linkSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { systemErrorCode } from "../errors.ts";
import { readBoundedText, SMALL_FILE_BYTES_MAX } from "../files/read-bounded.ts";

/**
 * Who holds something, over crashes: numbered files `<name>.holder-<n>.json`, of which the last one counts. Whoever found the last
 * holder gone makes the next number with link(2), which succeeds for one process only, and then removes the earlier ones in
 * ascending order. The last file is never removed, so that numbers only grow.
 *
 * A process may have been asleep between its look and its link. Then its number can be free again, because it was used and removed
 * meanwhile; but everything below it was removed before it. So a new link counts only if its predecessor still stands with the
 * same text: texts are unique. Files that a late process makes in vain stand below the last one, and nobody asks them.
 */
export interface ChainEntry {
  readonly n: number;
  readonly text: string;
}

/** Returns the entry that counts in `dir`, or `undefined` if there never was one. */
export function lastEntry(dir: string, name: string): ChainEntry | undefined {
  for (;;) {
    const n = numbersIn(dir, name).at(-1);
    if (n === undefined) return undefined;
    const text = readIfThere(entryPath(dir, name, n));
    if (text !== undefined) return { n, text }; // Otherwise a greater one has replaced it between the two looks.
  }
}

/**
 * Makes `text` the entry that counts, if `last` still is (`undefined`: there is none yet). Returns it, or `undefined` if somebody
 * else was first.
 *
 * @param text unique: no two calls may give the same one
 */
export function replaceEntry(
  dir: string,
  name: string,
  last: ChainEntry | undefined,
  text: string,
): ChainEntry | undefined {
  const n = last === undefined ? 0 : last.n + 1;
  const path = entryPath(dir, name, n);
  if (!linkNew(dir, name, path, text)) return undefined;
  if (isStillBefore(dir, name, last) && numbersIn(dir, name).at(-1) === n) {
    removeBelow(dir, name, n);
    return { n, text };
  }
  rmSync(path, { force: true });
  return undefined;
}

function isStillBefore(dir: string, name: string, last: ChainEntry | undefined): boolean {
  return last === undefined || readIfThere(entryPath(dir, name, last.n)) === last.text;
}

/** Makes `path` with its whole text at once; false if it is there already. */
function linkNew(dir: string, name: string, path: string, text: string): boolean {
  const temporary = join(dir, `${temporaryPrefix(name)}${process.pid}-${randomUUID()}`);
  writeFileSync(temporary, text, { flag: "wx", mode: 0o600 });
  try {
    linkSync(temporary, path);
    return true;
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === "EEXIST" || code === "ENOENT") return false; // ENOENT: a winner has tidied up our temporary file.
    throw error;
  } finally {
    rmSync(temporary, { force: true });
  }
}

function removeBelow(dir: string, name: string, n: number): void {
  for (const earlier of numbersIn(dir, name)) {
    if (earlier < n) rmSync(entryPath(dir, name, earlier), { force: true });
  }
  for (const file of readdirSync(dir)) {
    if (file.startsWith(temporaryPrefix(name))) rmSync(join(dir, file), { force: true });
  }
}

/** The numbers that are there, ascending. */
function numbersIn(dir: string, name: string): readonly number[] {
  const [start, end] = [`${name}.holder-`, ".json"];
  return readdirSync(dir)
    .filter((file) => file.startsWith(start) && file.endsWith(end))
    .map((file) => Number(file.slice(start.length, -end.length)))
    .filter((n) => Number.isSafeInteger(n) && n >= 0)
    .sort((a, b) => a - b);
}

function entryPath(dir: string, name: string, n: number): string {
  return join(dir, `${name}.holder-${n}.json`);
}

function temporaryPrefix(name: string): string {
  return `.${name}.holder.`;
}

/** @throws CoordinatorError `CONFIG` where something else lies in the place of an entry: a pipe there would be waited for without end */
function readIfThere(path: string): string | undefined {
  return readBoundedText(path, SMALL_FILE_BYTES_MAX);
}
