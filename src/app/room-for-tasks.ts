import { CoordinatorError } from "../base/errors.ts";
import { loadConfig } from "../config/config.ts";
import type { WorkspacePlace } from "../git/repository/workspace-place.ts";
import { queueFull } from "../intake/queue-limit.ts";
import { statePaths } from "../store/state-paths.ts";
import { openTaskJournal } from "../store/task-journal.ts";
import { readServer } from "./queries/queries.ts";

/**
 * Refuses another task where as many are open as may be: it would only lie in inbox/.
 *
 * @param id the one that the task brings along; where that is open, nothing is added
 * @throws CoordinatorError `QUEUE_FULL`
 */
export function refuseWhenFull(place: WorkspacePlace, environment: NodeJS.ProcessEnv, id: string | undefined): void {
  const paths = statePaths(place.stateDir);
  const open = openTaskJournal(paths.journal, "read").openIds();
  if (open.length === 0 || (id !== undefined && open.includes(id))) return;
  const max = readServer(paths.server)?.maxOpenTasks ?? configuredMax(place.workspaceDir, environment);
  if (max !== undefined && open.length >= max) throw new CoordinatorError("QUEUE_FULL", queueFull(open.length, max));
}

/** `undefined` where the settings are wrong: whoever serves says so. */
function configuredMax(workspaceDir: string, environment: NodeJS.ProcessEnv): number | undefined {
  try {
    return loadConfig(workspaceDir, environment, {}).maxOpenTasks;
  } catch (error) {
    if (error instanceof CoordinatorError) return undefined;
    throw error;
  }
}
