import { CoordinatorError } from "../base/errors.ts";
import type { WorkspacePlace } from "../git/repository/workspace-place.ts";
import { queueFull } from "../intake/queue-limit.ts";
import { openTaskJournal } from "../store/journal/task-journal.ts";
import { statePaths } from "../store/state-paths.ts";
import { readServer } from "./queries/server-record.ts";

/**
 * Refuses another task where as many are open as may be: it would only lie in inbox/.
 *
 * @param id the one that the task brings along; where that is open, nothing is added
 * @throws CoordinatorError `QUEUE_FULL`
 */
export async function refuseWhenFull(
  place: WorkspacePlace,
  environment: NodeJS.ProcessEnv,
  id: string | undefined,
): Promise<void> {
  const paths = statePaths(place.stateDir);
  const open = openTaskJournal(paths.journal, "read").openIds();
  if (open.length === 0 || (id !== undefined && open.includes(id))) return;
  const max = readServer(paths.server)?.maxOpenTasks ?? (await configuredMax(place.workspaceDir, environment));
  if (max !== undefined && open.length >= max) throw new CoordinatorError("QUEUE_FULL", queueFull(open.length, max));
}

/** `undefined` where the settings are wrong: whoever serves says so. */
async function configuredMax(workspaceDir: string, environment: NodeJS.ProcessEnv): Promise<number | undefined> {
  // Its schema is not needed where nothing waits.
  const { loadConfig } = await import("../config/config.ts");
  try {
    return loadConfig(workspaceDir, environment, {}).maxOpenTasks;
  } catch (error) {
    if (error instanceof CoordinatorError) return undefined;
    throw error;
  }
}
