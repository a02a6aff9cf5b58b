import { CoordinatorError } from "../base/errors.ts";
import type { WorkspacePlace } from "../git/repository/workspace-place.ts";
import { diskIsLow, freeMb } from "../intake/disk-room.ts";
import { queueFull } from "../intake/queue-limit.ts";
import { readTaskJournal } from "../store/journal/journal-reader.ts";
import { statePaths } from "../store/state-paths.ts";
import { committedConfig } from "./committed-config.ts";
import { readServer } from "./queries/server-record.ts";

/**
 * Refuses another task where as many are open as may be, or the disk is nearly full: it would only lie in inbox/.
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
  await refuseWhenLow(place, environment);
  const open = readTaskJournal(paths.journal).openIds();
  if (open.length === 0 || (id !== undefined && open.includes(id))) return;
  const max = readServer(paths.server)?.maxOpenTasks ?? (await committedConfig(place, environment))?.maxOpenTasks;
  if (max !== undefined && open.length >= max) throw new CoordinatorError("QUEUE_FULL", queueFull(open.length, max));
}

/** With more than this free no setting is read: most disks have it, and a command shall be quick. */
const PLENTY_MB = 10_240;

async function refuseWhenLow(place: WorkspacePlace, environment: NodeJS.ProcessEnv): Promise<void> {
  const free = await freeMb(place.workspaceDir);
  if (free >= PLENTY_MB) return;
  const least = (await committedConfig(place, environment))?.minFreeMb ?? 0;
  if (free < least) throw new CoordinatorError("QUEUE_FULL", diskIsLow(free, least));
}
