import { randomInt } from "node:crypto";
import { existsSync, lstatSync } from "node:fs";
import { join } from "node:path";
import { CoordinatorError } from "../../../base/errors.ts";
import { writeFileAtomic } from "../../../base/files/write-file-atomic.ts";
import { localUserName } from "../../../base/local-user.ts";
import { readPolicy } from "../../../config/policy.ts";
import { GitError } from "../../../git/process/git-process.ts";
import type { WorkspacePlace } from "../../../git/repository/workspace-place.ts";
import { readSubmission } from "../../../intake/submission.ts";
import { MARKER_VARIABLE } from "../../../run/worker/processes/marker-scan.ts";
import { writeDropReceipt } from "../../../store/drop-receipts.ts";
import { openOwnThreads } from "../../../store/own-threads.ts";
import { statePaths } from "../../../store/state-paths.ts";
import type { ComposedText } from "../../../task/file/task-text.ts";
import { makeTaskId } from "../../../task/names/task-id.ts";
import { INBOX } from "../../../task/records/workspace-paths.ts";
import type { Origin } from "../../../task/rights/origin.ts";
import { rightsByOrigin } from "../../../task/rights/origin-rights.ts";
import type { Rights } from "../../../task/rights/rights.ts";
import { readServer } from "../../queries/server-record.ts";
import { refuseWhenFull } from "../../room-for-tasks.ts";

/** A task file in the inbox; `path` begins with `inbox/`. */
export interface PublishedDrop {
  readonly id: string;
  readonly path: string;
  readonly warnings: readonly string[];
  /** A coordinator is at work, which takes it at once. */
  readonly served: boolean;
}

/**
 * Puts a task file into the inbox under its own id, by rename: it is whole from the first moment and is taken at once.
 *
 * @param origin who asks; the user of this process, where nobody else does
 * @throws CoordinatorError `TASK_FILE` listing every problem, or `NOT_ALLOWED`, before anything is written; `QUEUE_FULL`; `REFUSED` for a session
 * that is archived
 */
export async function publishDrop(
  place: WorkspacePlace,
  given: string | ComposedText,
  environment: NodeJS.ProcessEnv,
  origin: Origin = { kind: "cli", user: localUserName() },
): Promise<PublishedDrop> {
  const { stateDir } = place;
  const parsed = await readAllowed(place, environment, given, origin);
  await refuseWhenFull(place, environment, parsed.spec.id);
  if (parsed.spec.sessionKey !== undefined) await refuseArchivedHere(place, parsed.spec.sessionKey);
  const id =
    parsed.spec.id ??
    makeTaskId(
      Date.now(),
      randomInt(36 ** 6)
        .toString(36)
        .padStart(6, "0"),
    );
  const path = `${INBOX}/${id}.md`;
  if (lstatSync(join(place.workspaceDir, INBOX), { throwIfNoEntry: false })?.isSymbolicLink() === true)
    throw new CoordinatorError("REFUSED", `${INBOX} is a symbolic link, which may lead anywhere: make it a folder`);
  if (existsSync(join(place.workspaceDir, path))) throw new CoordinatorError("REFUSED", `${path} is there already`);
  // An agent's own command is no person's.
  if (environment[MARKER_VARIABLE] === undefined)
    writeDropReceipt(statePaths(stateDir).dropReceipts, id, parsed.text, origin);
  writeFileAtomic(join(place.workspaceDir, path), parsed.text);
  return { id, path, warnings: parsed.warnings, served: readServer(statePaths(stateDir).server) !== undefined };
}

/** Tells whether the file of a task that was published under this id is still in the inbox. */
export function isDropped({ workspaceDir }: Pick<WorkspacePlace, "workspaceDir">, id: string): boolean {
  return existsSync(join(workspaceDir, INBOX, `${id}.md`));
}

async function refuseArchivedHere(place: WorkspacePlace, session: string): Promise<void> {
  const name = readServer(statePaths(place.stateDir).server)?.branch ?? place.branch;
  if (name === undefined) return;
  const [{ createBranchReader }, { createSessionStore }, { refuseArchived }] = await Promise.all([
    import("../../../git/commit/branch-reader.ts"),
    import("../../../store/sessions/session-store.ts"),
    import("../../../intake/drops/archived-sessions.ts"),
  ]);
  const branch = createBranchReader(place, name);
  try {
    await refuseArchived(createSessionStore(branch), session);
  } catch (error) {
    if (!(error instanceof GitError)) throw error; // The inbox asks again, and says it beside the file.
  } finally {
    branch.close();
  }
}

/**
 * Returns the task that a text asks for, by what `origin` may ask for as the files say it. Which commands the branch lists is asked only
 * where the task would be refused without.
 *
 * @throws CoordinatorError as `readSubmission`
 */
export async function readAllowed(
  place: WorkspacePlace,
  environment: NodeJS.ProcessEnv,
  given: string | ComposedText,
  origin: Origin,
): Promise<ReturnType<typeof readSubmission>> {
  const paths = statePaths(place.stateDir);
  const ownThreads = openOwnThreads(paths.ownThreads);
  const policy = readPolicy(paths.policy, place.workRoot);
  const rights = (listed: readonly string[]): Rights => rightsByOrigin(policy, listed, ownThreads.has).of(origin);
  try {
    return readSubmission(given, rights([]));
  } catch (error) {
    if (!(error instanceof CoordinatorError) || error.code !== "NOT_ALLOWED") throw error;
    const { committedConfig } = await import("../../committed-config.ts");
    return readSubmission(given, rights((await committedConfig(place, environment))?.verifyCommands ?? []));
  }
}
