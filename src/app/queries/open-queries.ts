import { CoordinatorError } from "../../base/errors.ts";
import { readOutage } from "../../dispatch/circuit-breaker.ts";
import { openPauseStore } from "../../dispatch/pauses.ts";
import type { HeldAuthor } from "../../dispatch/scheduled-tasks.ts";
import { createBranchReader } from "../../git/commit/branch-reader.ts";
import { createTaskHistory } from "../../git/repository/task-history.ts";
import type { WorkspacePlace } from "../../git/repository/workspace-place.ts";
import { createBranchLedger } from "../../store/branch/branch-ledger.ts";
import { readTaskJournal } from "../../store/journal/journal-reader.ts";
import { statePaths } from "../../store/state-paths.ts";
import { breakerHold } from "../../task/schedule/breaker.ts";
import type { Health } from "../views/present-health.ts";
import { createQueries } from "./create-queries.ts";
import type { Queries, QueriesDeps } from "./queries.ts";
import { addressOf, type CoordinatorAddress, readServer, requireBranch } from "./server-record.ts";
import type { OpenTasks } from "./tasks/open-tasks.ts";

/**
 * Opens a workspace for questions. A coordinator at work answers them from its memory; where none is, or it does not answer, the
 * journal and the branch do.
 *
 * @throws CoordinatorError `REFUSED` on no branch
 */
export async function openQueriesHere(place: WorkspacePlace, environment: NodeJS.ProcessEnv): Promise<Queries> {
  const server = readServer(statePaths(place.stateDir).server);
  return queriesAt(place, environment, server?.branch, addressOf(server));
}

/** Does the same for the coordinator at `address`, which serves `served`; for files alone where there is none. */
export async function queriesAt(
  place: WorkspacePlace,
  environment: NodeJS.ProcessEnv,
  served: string | undefined,
  address: CoordinatorAddress | undefined,
): Promise<Queries> {
  const branch = requireBranch(place, served);
  if (address === undefined) return openQueries(place, environment, branch);
  const { askCoordinator } = await import("./coordinator-client.ts");
  return askCoordinator(address, (health) => openQueries(place, environment, branch, health));
}

const NO_TASKS: OpenTasks = { all: [], journal: () => [], holds: async () => new Map(), progress: () => undefined };

function openQueries(
  place: WorkspacePlace,
  environment: NodeJS.ProcessEnv,
  branchName: string,
  health: QueriesDeps["health"] = noHealth,
): Queries {
  return queriesOfFiles({
    workspaceDir: place.workspaceDir,
    workRoot: place.workRoot,
    branchName: branchName.replace(/^refs\/heads\//, ""),
    branch: createBranchReader(place, branchName),
    history: createTaskHistory(place, branchName),
    paths: statePaths(place.stateDir),
    ...{ now: Date.now, health },
    unlanded: async () => (await import("./unlanded-here.ts")).unlandedHere(place),
    runLog: async () => (await import("../log/open-run-log.ts")).openRunLogHere(place, environment),
    progress: async (task) => (await import("./tasks/progress-here.ts")).progressHere(place, task, environment),
  });
}

const noHealth = async (): Promise<Health | undefined> => undefined;

/** Answers from journal and branch, whether or not a coordinator is at work. */
export function queriesOfFiles(
  deps: Omit<QueriesDeps, "open" | "ledger"> & { readonly progress: OpenTasks["progress"] },
): Queries {
  const { branch, paths, now } = deps;
  const ledger = createBranchLedger(branch);
  const journal = readTaskJournal(paths.journal);
  const holding = () => ({
    codex: breakerHold(readOutage(paths.codexHold), now()),
    pauses: openPauseStore(paths.paused).read(),
  });
  return createQueries({
    ...deps,
    ledger,
    async open() {
      // To read a task takes the parser of its front matter: an empty queue does without.
      if (journal.openIds().length === 0) return NO_TASKS;
      const heldAuthor = await heldAuthorBy(paths.policy, deps.workspaceDir);
      return (await import("./tasks/open-tasks.ts")).readOpenTasks({ ...deps, journal, ledger, heldAuthor, holding });
    },
  });
}

/** A policy that is not valid holds nobody: `serve` says what is wrong with it. */
async function heldAuthorBy(path: string, workspaceDir: string): Promise<HeldAuthor> {
  const [{ readPolicy }, { rightsByOrigin }] = await Promise.all([
    import("../../config/policy.ts"),
    import("../../task/rights/origin-rights.ts"),
  ]);
  try {
    return rightsByOrigin(readPolicy(path, workspaceDir), []).heldAuthor;
  } catch (error) {
    if (error instanceof CoordinatorError) return () => undefined;
    throw error;
  }
}
