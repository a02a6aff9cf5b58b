import { readdirSync, type Stats, statSync } from "node:fs";

/** So long a folder is read at every look after a change: the times of some file systems move in steps of two seconds. */
const SETTLE_MS = 2_500;

/**
 * Returns what returns the names in the folder at `path`, reading it only where it may have changed since: what is looked at many times a
 * second costs one call of the system then. `undefined`: there is no folder.
 *
 * @throws other system errors, at every call that meets one
 */
export function createFolderNames(path: string, now: () => number = Date.now): () => readonly string[] | undefined {
  let known: { readonly stamp: string; readonly names: readonly string[] } | undefined;
  return () => {
    const stats = statSync(path, { throwIfNoEntry: false });
    if (stats === undefined) return undefined;
    const stamp = stampOf(stats);
    if (known?.stamp === stamp) return known.names;
    const names = readdirSync(path);
    // Of a change in the same step of the clock the times say nothing.
    known = Math.abs(now() - stats.ctimeMs) > SETTLE_MS ? { stamp, names } : undefined;
    return names;
  };
}

function stampOf({ dev, ino, ctimeMs, mtimeMs }: Stats): string {
  return `${dev} ${ino} ${ctimeMs} ${mtimeMs}`;
}
