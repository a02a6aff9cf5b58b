import { realpathSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";

/** Returns where `path` leads, symbolic links resolved; what is not there, or out of reach, is taken as it is written. */
export function realPathOf(path: string): string {
  const whole = resolve(path);
  try {
    return realpathSync.native(whole); // In one call; the other looks at each folder of the path from here.
  } catch {
    return whole === dirname(whole) ? whole : join(realPathOf(dirname(whole)), basename(whole));
  }
}
