import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { CoordinatorError } from "../../../base/errors.ts";
import { localUserName } from "../../../base/local-user.ts";
import { openPauseStore } from "../../../dispatch/pauses.ts";
import { createMerger } from "../../../git/merge/merger.ts";
import { openCodeRepositories } from "../../../git/repository/code-repositories.ts";
import type { WorkspacePlace } from "../../../git/repository/workspace-place.ts";
import { type CommitEdits, NO_EDITS, type SessionEdits } from "../../../run/workplace/worktrees/session-edits.ts";
import { homeName, statePaths } from "../../../store/state-paths.ts";
import { readWorktreeRecords } from "../../../store/worktrees/worktree-records.ts";
import { takerOf } from "../../../task/schedule/pause.ts";
import { askToLand } from "../../queries/coordinator-client.ts";
import { addressOf, readServer } from "../../queries/server-record.ts";
import { type LandingView, presentLanding } from "../../views/landing-view.ts";
import type { SessionView } from "../../views/session-list.ts";
import { openAlone } from "../worktrees.ts";
import { type FileRepairDeps, type RepairRequest, withRepair } from "./file-repair.ts";
import { editsObstacle, landSession } from "./land-session.ts";

/**
 * Has the coordinator at work land it, or where none answers does that in a process of its own.
 *
 * @throws CoordinatorError as `landSession`
 */
export async function landSessionHere(
  place: WorkspacePlace,
  { key, tasks }: Pick<SessionView, "key" | "tasks">,
  repair: RepairRequest,
  environment: NodeJS.ProcessEnv,
  filing: FileRepairDeps,
): Promise<LandingView> {
  const { server, merging, paused } = statePaths(place.stateDir);
  const address = addressOf(readServer(server));
  const asked = address === undefined ? undefined : await askToLand(address, key, repair);
  if (asked !== undefined) return asked;
  const { programs, code: checkout } = await openCodeRepositories(place, () => []);
  const dir = join(merging, String(process.pid));
  const takenBy = takerOf(openPauseStore(paused).read(), key);
  const otherTaker = takenBy === localUserName() ? undefined : takenBy;
  const obstacle = editsObstacle(tasks.running > 0 ? "a task" : undefined, otherTaker);
  try {
    const merger = createMerger(checkout, dir);
    const landing = { checkout, merger, programs, now: Date.now, home: homeName(place.stateDir) };
    const answer = await landSession(landing, key, () => commitEditsHere(place, environment, key, obstacle));
    return presentLanding(await withRepair(answer, repair, filing));
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/** As the one process that may change worktrees; a coordinator that is at work and does not answer keeps that to itself. */
export async function commitEditsHere(
  place: WorkspacePlace,
  environment: NodeJS.ProcessEnv,
  session: string,
  obstacle: string | undefined,
): Promise<SessionEdits> {
  const record = readWorktreeRecords(statePaths(place.stateDir).worktrees).find((one) => one.session === session);
  if (record === undefined || !existsSync(record.dir)) return NO_EDITS;
  const commit = ({ commitEdits }: { readonly commitEdits: CommitEdits }): Promise<SessionEdits> =>
    commitEdits(session, () => obstacle);
  try {
    return await openAlone(place, environment, commit);
  } catch (error) {
    if (!(error instanceof CoordinatorError) || error.code !== "REFUSED") throw error;
    return { edited: null, left: `what has changed in ${record.dir} and is in no commit yet: ${error.message}` };
  }
}
