import { existsSync } from "node:fs";
import { delimiter, dirname, join, resolve } from "node:path";
import { realPathOf } from "../../base/files/real-path.ts";
import type { Log } from "../../base/surroundings.ts";
import { isBelow } from "../../task/rights/rights.ts";

/**
 * Makes our own PATH one without what lies in the working tree, as `npx` and `npm run` put it there: codex and we run git, ripgrep
 * and others by name and outside any sandbox, and an agent could put its own in the way. The log names what was left out.
 *
 * @param workRoot absolute; relative folders of the PATH count from the current one, as they do for a shell
 */
export function trustNothingIn(workRoot: string, log: Log): void {
  const root = realPathOf(workRoot);
  const isTrusted = (folder: string): boolean => !isBelow(root, realPathOf(folder)); // An empty part means the current folder.
  const folders = (process.env.PATH ?? "").split(delimiter);
  const leftOut = folders.filter((folder) => !isTrusted(folder));
  if (leftOut.length === 0) return;
  process.env.PATH = folders.filter(isTrusted).join(delimiter);
  log("path", { leftOut: [...new Set(leftOut)].join(delimiter), reason: "agents may write there" });
}

/** Returns the nearest folder upwards from `dir` that has a `.git`, without asking git: it may be an agent's own that would answer. */
export function workTreeAbove(dir: string): string | undefined {
  for (let folder = resolve(dir); ; folder = dirname(folder)) {
    if (existsSync(join(folder, ".git"))) return folder;
    if (dirname(folder) === folder) return undefined;
  }
}
