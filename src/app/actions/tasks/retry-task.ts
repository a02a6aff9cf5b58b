import { localUserName } from "../../../base/local-user.ts";
import type { WorkspacePlace } from "../../../git/repository/workspace-place.ts";
import { statePaths } from "../../../store/state-paths.ts";
import { asksAgain } from "../../../task/rights/origin.ts";
import type { Queries } from "../../queries/queries.ts";
import { addressOf, readServer } from "../../queries/server-record.ts";
import { publishDrop } from "./publish-drop.ts";

/** A task that was filed to try another one again. */
export interface RetriedTask {
  readonly id: string;
  /** The task that is tried again, whole. */
  readonly parent: string;
  readonly warnings: readonly string[];
}

/**
 * Files a new task that asks for the same as the failed or cancelled one whose id contains `part`. A coordinator at work does it;
 * where none listens, or it refuses, the files decide, and the task is put into inbox/ like that of `add`.
 *
 * @throws CoordinatorError `NOT_FOUND`, `REFUSED`, `TASK_FILE`, `NOT_ALLOWED`, `QUEUE_FULL`; `TRY_AGAIN` where the coordinator may
 * have filed it and did not say so
 */
export async function retryTask(
  place: WorkspacePlace,
  part: string,
  queries: Pick<Queries, "retryText">,
  environment: NodeJS.ProcessEnv,
): Promise<RetriedTask> {
  const address = addressOf(readServer(statePaths(place.stateDir).server));
  const filed =
    address === undefined
      ? undefined
      : await (await import("../../queries/coordinator-client.ts")).askForRetry(address, part);
  if (filed !== undefined) return { id: filed.id, parent: filed.parent ?? part, warnings: filed.warnings };
  const { parent, text, origin } = await queries.retryText(part);
  const { id, warnings } = await publishDrop(
    place,
    text,
    environment,
    origin ?? asksAgain({ kind: "cli", user: localUserName() }),
  );
  return { id, parent, warnings };
}
