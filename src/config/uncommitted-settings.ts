import { join } from "node:path";
import { CoordinatorError } from "../base/errors.ts";
import { readBoundedText } from "../base/files/read-bounded.ts";
import { CONFIG_CHARACTERS_MAX, CONFIG_FILE } from "./config-file.ts";
import { stampOf } from "./path-stamp.ts";

/** Tells whether the settings in the work tree are others than those of the branch, which alone count. */
export interface UncommittedSettings {
  /**
   * Returns what to tell the user, or `undefined` where they are the same. The file is read again only when it was touched, or the
   * branch holds another.
   *
   * @param committed what the served branch holds
   */
  look(committed: string | undefined): string | undefined;
}

export function createUncommittedSettings(workspaceDir: string, branchName: string): UncommittedSettings {
  const path = join(workspaceDir, CONFIG_FILE);
  let seen: { readonly stamp: string; readonly committed: string | undefined } | undefined;
  let said: string | undefined;
  return {
    look(committed) {
      const stamp = stampOf(path);
      if (seen === undefined || seen.stamp !== stamp || seen.committed !== committed)
        said = isSame(path, committed)
          ? undefined
          : `${CONFIG_FILE} in the work tree is not that of ${branchName}: it counts once it is committed`;
      seen = { stamp, committed };
      return said;
    },
  };
}

/** Line ends may be git's doing. */
function isSame(path: string, committed: string | undefined): boolean {
  try {
    const text = readBoundedText(path, 4 * CONFIG_CHARACTERS_MAX, { followLinks: true });
    return text?.replaceAll("\r\n", "\n") === committed?.replaceAll("\r\n", "\n");
  } catch (error) {
    if (error instanceof CoordinatorError) return false; // No plain file: not what the branch holds.
    throw error;
  }
}
