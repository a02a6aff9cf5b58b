import { localUserName } from "../../../base/local-user.ts";
import { after } from "../../../base/surroundings.ts";
import { readPolicy } from "../../../config/policy.ts";
import { openPauseStore } from "../../../dispatch/pauses.ts";
import { findWorkTree } from "../../../git/repository/find-work-tree.ts";
import type { WorkspacePlace } from "../../../git/repository/workspace-place.ts";
import { findLinkedWorktree } from "../../../git/worktrees/worktree-list.ts";
import { untrustedProject } from "../../../run/sandbox/untrusted-project.ts";
import { statePaths } from "../../../store/state-paths.ts";
import { readWorktreeRecords, type WorktreeRecord } from "../../../store/worktrees/worktree-records.ts";
import { takerOf } from "../../../task/schedule/pause.ts";
import { addressOf, readServer } from "../../queries/server-record.ts";
import type { SessionView } from "../../views/session-list.ts";
import { openAlone, unlessMade } from "../worktrees.ts";
import {
  type AttachedView,
  attachSession,
  type ReleasedView,
  releaseSession,
  resumeCommand,
} from "./attach-session.ts";
import { commitEditsHere } from "./land-here.ts";

/** What a person who attaches to a session is told. */
export interface AttachedHere extends AttachedView {
  /** The command that goes on in its thread; `null` where it has none. */
  readonly resume: string | null;
}

/**
 * Attaches to a session: by the coordinator at work, or where none is as the one process that may change worktrees. A worktree that is
 * there is looked at alone.
 *
 * @throws CoordinatorError as `attachSession`
 */
export async function attachHere(
  place: WorkspacePlace,
  session: SessionView,
  take: boolean,
  environment: NodeJS.ProcessEnv,
): Promise<AttachedHere> {
  const attached = (await whole(place, session, take)) ?? (await opened(place, session, take, environment));
  const policy = readPolicy(statePaths(place.stateDir).policy, place.workRoot);
  const path = policy.codex ?? environment.CODEX_INBOX_CODEX ?? "codex";
  const codex = { path, home: policy.codexHome, setting: untrustedProject(attached.dir) };
  return { ...attached, resume: resumeCommand(attached, codex) };
}

/** Gives a session back that somebody has taken: by the coordinator at work, or where none answers by this process. */
export async function releaseHere(
  place: WorkspacePlace,
  { key, tasks }: Pick<SessionView, "key" | "tasks">,
  environment: NodeJS.ProcessEnv,
): Promise<ReleasedView> {
  const { server, paused } = statePaths(place.stateDir);
  const address = addressOf(readServer(server));
  const client = address === undefined ? undefined : await import("../../queries/coordinator-client.ts");
  const asked = address === undefined ? undefined : await client?.askToRelease(address, key);
  if (asked !== undefined) return asked;
  const obstacle = tasks.running > 0 ? "a task is under way there" : undefined;
  return releaseSession(key, openPauseStore(paused), () => commitEditsHere(place, environment, key, obstacle));
}

/** Where there is nothing to change. */
async function whole(
  place: WorkspacePlace,
  { key, thread }: SessionView,
  take: boolean,
): Promise<AttachedView | undefined> {
  const { worktrees, paused } = statePaths(place.stateDir);
  const record = recordOf(readWorktreeRecords(worktrees), key);
  if (take || record?.state !== "ready") return undefined;
  const { commonDir } = await findWorkTree(place.workRoot);
  if (findLinkedWorktree(commonDir, record.dir) === undefined) return undefined;
  const takenBy = takerOf(openPauseStore(paused).read(), key) ?? null;
  return { session: key, branch: record.branch, dir: record.dir, thread, takenBy };
}

async function opened(
  place: WorkspacePlace,
  session: SessionView,
  take: boolean,
  environment: NodeJS.ProcessEnv,
): Promise<AttachedView> {
  const { server, paused } = statePaths(place.stateDir);
  const address = addressOf(readServer(server));
  const asked =
    address === undefined
      ? undefined
      : await (await import("../../queries/coordinator-client.ts")).askToAttach(address, session.key, take);
  if (asked !== undefined) return asked;
  return openAlone(place, environment, ({ worktrees, records }) =>
    attachSession(session, take, {
      ...{ pauses: openPauseStore(paused), user: localUserName(), now: Date.now },
      underWay: () => (session.tasks.running > 0 ? "a task" : undefined),
      async reopen(key) {
        if (records.find(key) !== undefined) await worktrees.open(key, () => true).catch(unlessMade);
        return records.find(key);
      },
      after,
    }),
  );
}

function recordOf(records: readonly WorktreeRecord[], session: string): WorktreeRecord | undefined {
  return records.find((record) => record.session === session);
}
