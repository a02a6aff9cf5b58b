import { CoordinatorError } from "../../base/errors.ts";
import { createLiveConfig } from "../../config/live-config.ts";
import type { WorkspacePlace } from "../../git/repository/workspace-place.ts";
import { createBranchSync } from "../../publish/branch-sync.ts";
import type { SyncState } from "../../publish/sync-state.ts";
import { statePaths } from "../../store/state-paths.ts";
import { shellWord } from "../../task/text/shell-word.ts";
import { readSettingsOf, shortName } from "../committed-config.ts";
import { syncOpener } from "../open-sync.ts";
import { askForSync } from "../queries/coordinator-client.ts";
import { addressOf, readServer, requireBranch } from "../queries/server-record.ts";
import { PACKAGE_DIR } from "../serve/package-facts.ts";
import { withOwnCommitter } from "./own-committer.ts";

/**
 * Syncs the branch with its remote: the coordinator at work does, or this process does where there is none.
 *
 * @throws CoordinatorError `CONFIG` where the settings name no remote; `TRY_AGAIN`
 */
export async function syncNow(place: WorkspacePlace, environment: NodeJS.ProcessEnv): Promise<SyncState> {
  const paths = statePaths(place.stateDir);
  const server = readServer(paths.server);
  const address = addressOf(server);
  const asked = address === undefined ? undefined : await askForSync(address);
  const state = asked === undefined ? await syncHere(place, requireBranch(place, server?.branch), environment) : asked;
  if (state !== null) return state;
  const example = 'codex-inbox.json: "sync": { "remote": "origin" }, committed';
  throw new CoordinatorError("CONFIG", `the settings name no remote to sync with; name one in ${example}`);
}

async function syncHere(
  place: WorkspacePlace,
  branchName: string,
  environment: NodeJS.ProcessEnv,
): Promise<SyncState | null> {
  const config = createLiveConfig(await readSettingsOf(place, branchName), environment, {});
  const { sync } = config.current();
  return withOwnCommitter(place, branchName, async (branch) => {
    let broken: unknown;
    const syncing = createBranchSync({
      ...{
        settings: () => sync,
        branchName: shortName(branchName),
        onMoved: () => undefined,
        onRemote: () => undefined,
      },
      ...{ isCheckoutBusy: () => false, log: () => undefined, onNews: () => undefined, onEnd: () => undefined },
      surroundings: { now: Date.now, after: () => () => undefined },
      open: syncOpener(place, statePaths(place.stateDir), {
        ...{ branch, branchName: shortName(branchName), sessions: () => sync.sessions },
      }),
      onBroken: (error) => {
        broken = error;
      },
    });
    const state = await syncing.now();
    await syncing.stop();
    if (broken !== undefined) throw broken;
    return state ?? null;
  });
}

/**
 * Returns a `post-receive` hook for a bare repository on the same machine: after a push it has the coordinator sync at once, without
 * letting the push wait.
 */
export function receiveHook(place: Pick<WorkspacePlace, "workspaceDir">): string {
  const command = [process.execPath, `${PACKAGE_DIR}/bin/codex-inbox.js`, "-C", place.workspaceDir, "sync"];
  return [
    "#!/bin/sh",
    "# codex-inbox: what is pushed here is taken at once. Put this into hooks/post-receive of the bare repository, and make it executable.",
    "unset GIT_DIR GIT_QUARANTINE_PATH GIT_OBJECT_DIRECTORY GIT_ALTERNATE_OBJECT_DIRECTORIES",
    `${command.map(shellWord).join(" ")} >/dev/null 2>&1 </dev/null &`,
    "",
  ].join("\n");
}
