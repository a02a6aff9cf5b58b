import { existsSync } from "node:fs";
import { delimiter, dirname, join, resolve } from "node:path";
import { realPathOf } from "../../base/real-path.ts";
import type { Log } from "../../base/surroundings.ts";
import { isBelow } from "../../task/rights/rights.ts";

/** A search path, and the folders that were left out of it. */
export interface TrustedPath {
  readonly path: string;
  readonly leftOut: readonly string[];
}

/**
 * Returns a PATH without what lies in the working tree, as `npx` and `npm run` put it there: codex and we run git, ripgrep and
 * others by name and outside any sandbox, and an agent could put its own in the way.
 *
 * @param workRoot absolute; relative folders of the PATH count from the current one, as they do for a shell
 */
export function trustedPath(searchPath: string, workRoot: string): TrustedPath {
  const root = realPathOf(workRoot);
  const leftOut: string[] = [];
  const kept = searchPath.split(delimiter).filter((folder) => {
    if (!isBelow(root, realPathOf(folder))) return true; // An empty part means the current folder.
    leftOut.push(folder);
    return false;
  });
  return { path: kept.join(delimiter), leftOut };
}

/** Makes our own PATH, by which git and everything else is found from here on, one without what lies in `workRoot`. */
export function trustNothingIn(workRoot: string, log: Log): void {
  const { path, leftOut } = trustedPath(process.env.PATH ?? "", workRoot);
  if (leftOut.length === 0) return;
  process.env.PATH = path;
  log("path", { leftOut: [...new Set(leftOut)].join(delimiter), reason: "agents may write there" });
}

/** Returns the nearest folder upwards from `dir` that has a `.git`, without asking git: it may be an agent's own that would answer. */
export function workTreeAbove(dir: string): string | undefined {
  for (let folder = resolve(dir); ; folder = dirname(folder)) {
    if (existsSync(join(folder, ".git"))) return folder;
    if (dirname(folder) === folder) return undefined;
  }
}
