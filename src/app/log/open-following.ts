import type { WorkspacePlace } from "../../git/repository/workspace-place.ts";
import { statePaths } from "../../store/state-paths.ts";
import { queriesAt } from "../queries/open-queries.ts";
import type { Queries } from "../queries/queries.ts";
import { addressOf, readServer } from "../queries/server-record.ts";
import { readEvents } from "./event-client.ts";
import type { FollowLogDeps } from "./follow-log.ts";

/** Opens a workspace for one who follows: coordinators come and go meanwhile. */
export function openFollowing(place: WorkspacePlace, environment: NodeJS.ProcessEnv): FollowLogDeps {
  const path = statePaths(place.stateDir).server;
  /** The questions to one coordinator, or to the files, share a git: by where they are asked. */
  const opened = new Map<string, Promise<Queries>>();
  return {
    address: () => addressOf(readServer(path)),
    isServed: () => readServer(path) !== undefined,
    async log(address, part, options) {
      const key = `${address?.url} ${address?.socketPath} ${address?.token}`;
      const asked = opened.get(key) ?? queriesAt(place, environment, readServer(path)?.branch, address);
      opened.clear();
      opened.set(key, asked);
      return (await asked).log(part, options);
    },
    events: readEvents,
  };
}
