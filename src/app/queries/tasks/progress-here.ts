import { createLivePolicy } from "../../../config/live-policy.ts";
import { leaseOf } from "../../../dispatch/run/active-runs.ts";
import type { WorkspacePlace } from "../../../git/repository/workspace-place.ts";
import { codexHomePath } from "../../../run/codex/install/codex-home.ts";
import { readProgress } from "../../../run/progress-file.ts";
import type { RunProgress } from "../../../run/run-progress.ts";
import { statePaths } from "../../../store/state-paths.ts";
import type { OpenTask } from "../../../store/tasks/open-task.ts";
import { openKeeper } from "../../open-keeper.ts";
import { withCodexHome } from "../../serve/check-codex.ts";

/** Returns what the files of a run tell of what it does, without secrets: for where no coordinator answers. */
export async function progressHere(
  place: WorkspacePlace,
  task: OpenTask,
  environment: NodeJS.ProcessEnv,
): Promise<RunProgress | undefined> {
  const paths = statePaths(place.stateDir);
  const policy = createLivePolicy(paths.policy, place.workRoot).current();
  return readProgress(paths.runs, leaseOf(task), {
    thread: task.lastRun?.thread,
    codexHome: codexHomePath(withCodexHome(environment, policy)),
    keeper: await openKeeper(environment, policy),
  });
}
