import { setTimeout as sleep } from "node:timers/promises";
import type { WorkspacePlace } from "../../../git/repository/workspace-place.ts";
import { statePaths } from "../../../store/state-paths.ts";
import { askToWait } from "../../queries/coordinator-client.ts";
import { openQueriesHere } from "../../queries/open-queries.ts";
import type { Queries } from "../../queries/queries.ts";
import { addressOf, readServer } from "../../queries/server-record.ts";
import { type WaitDeps, type WaitedTask, type WaitRequest, waitForTasks } from "./wait-for-tasks.ts";

/** Waits in the workspace at `place`, as `waitForTasks` says. */
export async function waitHere(
  place: WorkspacePlace,
  environment: NodeJS.ProcessEnv,
  parts: readonly string[],
  request: WaitRequest,
): Promise<readonly WaitedTask[]> {
  const server = () => readServer(statePaths(place.stateDir).server);
  let opened: { readonly by: number | undefined; readonly queries: Promise<Queries> } | undefined;
  const deps: WaitDeps = {
    open() {
      const by = server()?.pid;
      if (opened === undefined || opened.by !== by) opened = { by, queries: openQueriesHere(place, environment) };
      return opened.queries;
    },
    async longPoll(id, seconds) {
      const address = addressOf(server());
      return address === undefined ? undefined : askToWait(address, id, seconds);
    },
    isServed: () => server() !== undefined,
    now: () => performance.now(),
    sleep,
  };
  return waitForTasks(deps, parts, request);
}
