import type { IncomingMessage } from "node:http";
import { json } from "node:stream/consumers";
import { CoordinatorError } from "../../base/errors.ts";
import { createBranchReader } from "../../git/commit/branch-reader.ts";
import { createTaskHistory } from "../../git/repository/task-history.ts";
import type { WorkspacePlace } from "../../git/repository/workspace-place.ts";
import { createBranchLedger } from "../../store/branch-ledger.ts";
import { statePaths } from "../../store/state-paths.ts";
import { openTaskJournal } from "../../store/task-journal.ts";
import type { Health } from "../coordinator.ts";
import { createQueries, type Queries, readServer } from "./queries.ts";

/** A coordinator that does not answer within this is not asked further. */
const HEALTH_TIMEOUT_MS = 2_000;

/** Opens a workspace for reading. */
export function openQueries(place: WorkspacePlace, branchName: string): Queries {
  const paths = statePaths(place.stateDir);
  const branch = createBranchReader(place.workspaceDir, branchName);
  return createQueries({
    workspaceDir: place.workspaceDir,
    branchName: branchName.replace(/^refs\/heads\//, ""),
    branch,
    ledger: createBranchLedger(branch),
    history: createTaskHistory(place.workspaceDir, branchName),
    journal: openTaskJournal(paths.journal, "read"),
    paths,
    now: Date.now,
    askHealth,
  });
}

/** Not with fetch: what Node loads for that costs a short command 20 ms. */
async function askHealth(url: string): Promise<Health | undefined> {
  const { http } = await import("../../base/http.ts");
  try {
    const signal = AbortSignal.timeout(HEALTH_TIMEOUT_MS);
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      http.get(`${url}/health`, { signal, agent: false }, resolve).once("error", reject);
    });
    const answer = await json(response);
    return response.statusCode === 200 ? (answer as Health) : undefined;
  } catch {
    return undefined; // It is just starting or ending; what the files say is shown all the same.
  }
}

/**
 * Does the same for the branch that is being served, which HEAD may have left, or else the one that HEAD names.
 *
 * @throws CoordinatorError `REFUSED` on no branch
 */
export function openQueriesHere(place: WorkspacePlace): Queries {
  const served = readServer(statePaths(place.stateDir).server)?.branch;
  if (served !== undefined) return openQueries(place, served);
  if (place.branch === undefined) {
    throw new CoordinatorError(
      "REFUSED",
      `${place.topDir} is on no branch (detached HEAD), so there is no queue to look at`,
    );
  }
  return openQueries(place, place.branch);
}
