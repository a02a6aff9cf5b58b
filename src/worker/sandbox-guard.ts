import { realpathSync } from "node:fs";
import { dirname, relative } from "node:path";
import { systemErrorCode } from "../base/errors.ts";
import type { Environment } from "./environment.ts";

/**
 * Returns the settings that keep what runs in codex's sandbox out of the coordinator's own folder, which says what tasks may do.
 * `/tmp` and `TMPDIR` are writable there, and of a repository in them only a `.git` directly below the working directory is not
 * (seen with 0.169.0). So where that folder lies below one of them and nothing else protects it, the run goes without.
 *
 * @param runDir the run's folder, two levels below the `runs` of that folder
 */
export function sandboxGuard(runDir: string, workdir: string, environment: Environment): readonly string[] {
  const stateDir = realPathOf(dirname(dirname(dirname(runDir))));
  if (relative(realPathOf(workdir), stateDir).startsWith(".git/")) return [];
  const { TMPDIR: named = "" } = environment;
  return [
    ...(isBelow(realPathOf("/tmp"), stateDir) ? ["sandbox_workspace_write.exclude_slash_tmp=true"] : []),
    ...(named !== "" && isBelow(realPathOf(named), stateDir)
      ? ["sandbox_workspace_write.exclude_tmpdir_env_var=true"]
      : []),
  ];
}

function isBelow(root: string, path: string): boolean {
  return path === root || path.startsWith(root.endsWith("/") ? root : `${root}/`);
}

/** A folder that is not there yet, or was never: it is taken as it is written. */
function realPathOf(path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    if (systemErrorCode(error) === undefined) throw error;
    return path;
  }
}
