import { realpathSync } from "node:fs";
import { dirname, relative } from "node:path";
import type { Environment } from "./environment.ts";

/**
 * Returns the settings that keep a sandboxed agent out of the coordinator's own folder, which says what tasks may do. `/tmp` and
 * `TMPDIR` are writable in codex's sandbox, and of a repository in there only a `.git` directly below the working directory is not
 * (seen with 0.169.0). So where that folder lies below one of them and nothing else protects it, the run goes without.
 *
 * @param runDir the run's folder, two levels below the `runs` of that folder
 */
export function sandboxGuard(runDir: string, workdir: string, environment: Environment): readonly string[] {
  const stateDir = realOf(dirname(dirname(dirname(runDir))));
  if (relative(realOf(workdir), stateDir).startsWith(".git/")) return [];
  const { TMPDIR: named = "" } = environment;
  return [
    ...(isBelow("/tmp", stateDir) ? ["sandbox_workspace_write.exclude_slash_tmp=true"] : []),
    ...(named !== "" && isBelow(named, stateDir) ? ["sandbox_workspace_write.exclude_tmpdir_env_var=true"] : []),
  ];
}

function isBelow(root: string, path: string): boolean {
  const way = relative(realOf(root), path);
  return way !== ".." && !way.startsWith("../");
}

/** The folder may not have been made yet: then what is above it decides. */
function realOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path === dirname(path) ? path : `${realOf(dirname(path))}/${path.slice(dirname(path).length + 1)}`;
  }
}
