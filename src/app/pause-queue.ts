import { CoordinatorError } from "../base/errors.ts";
import { openPauseStore, type PauseStore } from "../dispatch/pauses.ts";
import type { WorkspacePlace } from "../git/repository/workspace-place.ts";
import { statePaths } from "../store/state-paths.ts";
import { sessionKeyProblem } from "../task/names/session-key.ts";

/**
 * Opens what is paused in a workspace, for a command; a coordinator that runs sees a change at its next tick.
 *
 * @throws CoordinatorError `USAGE` where `session` is no session's name
 */
export function openPauses(place: WorkspacePlace, session: string | undefined): PauseStore {
  const problem = session === undefined ? undefined : sessionKeyProblem(session);
  if (problem !== undefined) throw new CoordinatorError("USAGE", `--session: a session's name ${problem}`);
  return openPauseStore(statePaths(place.stateDir).paused);
}
