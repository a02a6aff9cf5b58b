import { CoordinatorError } from "../../base/errors.ts";
import { readPolicy } from "../../config/policy.ts";
import type { WorkspacePlace } from "../../git/repository/workspace-place.ts";
import { openRunLog, type RunLog } from "../../run/run-log.ts";
import { statePaths } from "../../store/state-paths.ts";
import { DEFAULT_POLICY, type Policy } from "../../task/rights/policy.ts";
import { openKeeper } from "../open-keeper.ts";

/** Opens the files of runs for a command that runs beside a coordinator, or without one: what it shows passes its own redaction. */
export async function openRunLogHere(place: WorkspacePlace, environment: NodeJS.ProcessEnv): Promise<RunLog> {
  const paths = statePaths(place.stateDir);
  return openRunLog(paths.runs, await openKeeper(environment, policyOf(paths.policy, place.workRoot)));
}

/** It names codex's home, whose login is not to be shown; one that is not valid names none: `serve` says what is wrong with it. */
function policyOf(path: string, workRoot: string): Policy {
  try {
    return readPolicy(path, workRoot);
  } catch (error) {
    if (error instanceof CoordinatorError) return DEFAULT_POLICY;
    throw error;
  }
}
