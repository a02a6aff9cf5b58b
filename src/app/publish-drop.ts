import { randomInt } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { CoordinatorError } from "../base/errors.ts";
import { writeFileAtomic } from "../base/files/write-file-atomic.ts";
import { readPolicy } from "../config/policy.ts";
import type { WorkspacePlace } from "../git/repository/workspace-place.ts";
import { readSubmission } from "../intake/submission.ts";
import { statePaths } from "../store/state-paths.ts";
import { makeTaskId } from "../task/names/task-id.ts";
import { INBOX } from "../task/records/workspace-paths.ts";
import { refuseWhenFull } from "./room-for-tasks.ts";

/** A task file in the inbox; `path` begins with `inbox/`. */
export interface PublishedDrop {
  readonly id: string;
  readonly path: string;
  readonly warnings: readonly string[];
}

/**
 * Puts a task file into the inbox under its own id, by rename: it is whole from the first moment and is taken at once.
 *
 * @throws CoordinatorError `TASK_FILE` listing every problem, or `NOT_ALLOWED`, before anything is written; `QUEUE_FULL`
 */
export async function publishDrop(
  place: WorkspacePlace,
  text: string,
  environment: NodeJS.ProcessEnv,
): Promise<PublishedDrop> {
  const { stateDir, workRoot } = place;
  const parsed = readSubmission(text, readPolicy(statePaths(stateDir).policy, workRoot));
  await refuseWhenFull(place, environment, parsed.spec.id);
  const id =
    parsed.spec.id ??
    makeTaskId(
      Date.now(),
      randomInt(36 ** 6)
        .toString(36)
        .padStart(6, "0"),
    );
  const path = `${INBOX}/${id}.md`;
  if (existsSync(join(place.workspaceDir, path))) throw new CoordinatorError("REFUSED", `${path} is there already`);
  writeFileAtomic(join(place.workspaceDir, path), text);
  return { id, path, warnings: parsed.warnings };
}
