import { dirname, relative } from "node:path";
import { realPathOf } from "../../base/files/real-path.ts";
import { isBelow } from "../../task/rights/rights.ts";
import type { Environment } from "./environment.ts";

/**
 * Returns the settings that keep a sandboxed agent out of the coordinator's own folder, which says what tasks may do. `/tmp` and
 * `TMPDIR` are writable in codex's sandbox, and of a repository in there only a `.git` directly below the working directory is not
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
