import { CoordinatorError } from "../../../base/errors.ts";
import type { WorkspacePlace } from "../../../git/repository/workspace-place.ts";
import { statePaths } from "../../../store/state-paths.ts";
import { addressOf, readServer } from "../../queries/server-record.ts";

/**
 * Has the coordinator at work take a task over that another clone has. Returns its id.
 *
 * @throws CoordinatorError what it refuses it with; `REFUSED` where nobody serves; `TRY_AGAIN`
 */
export async function takeOverTask(place: WorkspacePlace, part: string): Promise<string> {
  const address = addressOf(readServer(statePaths(place.stateDir).server));
  const answer =
    address === undefined
      ? undefined
      : await (await import("../../queries/coordinator-client.ts")).askForTakeOver(address, part);
  if (answer !== undefined) return answer.id;
  throw new CoordinatorError(
    "REFUSED",
    "nobody serves here, and a coordinator takes tasks over: codex-inbox serve, then again",
  );
}
