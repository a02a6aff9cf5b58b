import { CoordinatorError } from "../../../base/errors.ts";
import { findHolder } from "../../../base/process/process-lock.ts";
import { leaseOf } from "../../../dispatch/run/active-runs.ts";
import { openStopRequests } from "../../../dispatch/stop-requests.ts";
import type { WorkspacePlace } from "../../../git/repository/workspace-place.ts";
import { openRunStore } from "../../../run/run-store.ts";
import { knownCloneId } from "../../../store/clone/clone-id.ts";
import { readTaskJournal } from "../../../store/journal/journal-reader.ts";
import { statePaths } from "../../../store/state-paths.ts";
import { fold } from "../../../store/tasks/open-task.ts";
import { refuseUnclaimed } from "./request-stop.ts";

/** Between SIGINT and SIGKILL, where no coordinator is there whose settings would say. */
const STOP_GRACE_MS = 10_000;

/**
 * Asks for the end of an open task of this clone. The request waits for the coordinator, however long that takes; where none is there, its run is
 * ended here and now, and the next coordinator records what came of it.
 *
 * @throws CoordinatorError `REFUSED` for one that another clone has accepted
 */
export async function stopTask(place: WorkspacePlace, id: string): Promise<void> {
  const paths = statePaths(place.stateDir);
  const records = readTaskJournal(paths.journal).read(id);
  if (records.length === 0) {
    throw new CoordinatorError(
      "REFUSED",
      `${id} was accepted by another clone, which may be running it: stop it there, or take it over with serve --take-over`,
    );
  }
  const workspaceId = knownCloneId(paths.clone);
  if (workspaceId === undefined) {
    throw new CoordinatorError(
      "REFUSED",
      `this folder is a copy of another workspace, which may be running ${id}: stop it there, or serve this one first`,
    );
  }
  const task = fold(records);
  refuseUnclaimed(task);
  openStopRequests(paths.stopRequests).request(id);
  if ((await findHolder(paths.root, "lock")) !== undefined) return;
  if (task.state.kind !== "running" && task.state.kind !== "verifying" && task.state.kind !== "stopping") return;
  const runs = openRunStore({ runsDir: paths.runs, keptDir: paths.unknownRuns, workspaceId });
  await runs.stop(leaseOf(task), STOP_GRACE_MS);
}
