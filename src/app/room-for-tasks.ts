import { CoordinatorError } from "../base/errors.ts";
import type { WorkspacePlace } from "../git/repository/workspace-place.ts";
import { queueFull } from "../intake/queue-limit.ts";
import { readTaskJournal } from "../store/journal/journal-reader.ts";
import { statePaths } from "../store/state-paths.ts";
import { committedConfig } from "./committed-config.ts";
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
  const open = readTaskJournal(paths.journal).openIds();
  if (open.length === 0 || (id !== undefined && open.includes(id))) return;
  const max = readServer(paths.server)?.maxOpenTasks ?? (await committedConfig(place, environment))?.maxOpenTasks;
  if (max !== undefined && open.length >= max) throw new CoordinatorError("QUEUE_FULL", queueFull(open.length, max));
}
