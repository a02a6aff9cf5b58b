import { existsSync } from "node:fs";
import { CoordinatorError } from "../../base/errors.ts";
import { findHolder, takeLock } from "../../base/process/process-lock.ts";
import type { Log } from "../../base/surroundings.ts";
import { completeSettings } from "../../config/config-schema.ts";
import { readPolicy } from "../../config/policy.ts";
import { openPauseStore } from "../../dispatch/pauses.ts";
import { findWorkTree } from "../../git/repository/find-work-tree.ts";
import type { WorkspacePlace } from "../../git/repository/workspace-place.ts";
import { commitAt, countBetween } from "../../git/worktrees/session-branch.ts";
import { describeMove, findLinkedWorktree, listLinkedWorktrees } from "../../git/worktrees/worktree-list.ts";
import { readTaskJournal } from "../../store/journal/journal-reader.ts";
import { statePaths } from "../../store/state-paths.ts";
import { readWorktreeRecords, type WorktreeRecord } from "../../store/worktrees/worktree-records.ts";
import { takerOf } from "../../task/schedule/pause.ts";
import { committedConfig } from "../committed-config.ts";
import { openKeeper } from "../open-keeper.ts";
import { openWorktreeParts, type WorktreeParts } from "../serve/open-places.ts";

/** What can be asked of the worktrees of a workspace. */
export type WorktreeRequest =
  | { readonly kind: "ls" }
  | { readonly kind: "gc" }
  | { readonly kind: "repair" | "open"; readonly session: string };

/** One worktree as people and programs see it. */
export interface WorktreeView {
  readonly session: string;
  readonly branch: string;
  readonly dir: string;
  readonly state: WorktreeRecord["state"] | "moved";
  readonly slot: number;
  readonly base: string;
  /** The newest commit of its branch; `null` where that is gone. */
  readonly head: string | null;
  /** Commits that the branch has and the checkout has not, and the other way round. */
  readonly ahead: number;
  readonly behind: number;
  /** Paths that are in no commit. */
  readonly pinned: readonly string[];
  /** UTC. */
  readonly usedAt: string;
}

export interface WorktreeReport {
  readonly worktrees: readonly WorktreeView[];
  /** What stays although it was to be removed, and why. */
  readonly kept: readonly { readonly session: string; readonly dir: string; readonly why: string }[];
}

const LATER = "the next task of its session sets it up";

/**
 * Lists the worktrees of a workspace, tidies them up, tells git where one lies, or makes one again.
 *
 * @throws CoordinatorError `NOT_FOUND`; `REFUSED` for what a coordinator at work does itself
 */
export async function askWorktrees(
  place: WorkspacePlace,
  request: WorktreeRequest,
  environment: NodeJS.ProcessEnv,
): Promise<WorktreeReport> {
  const { worktrees: folder } = statePaths(place.stateDir);
  if (request.kind === "ls") return { worktrees: await viewAll(place, readWorktreeRecords(folder)), kept: [] };
  if (request.kind === "gc") {
    const kept = await openAlone(place, environment, ({ keeping }) => keeping.tidy({ all: true }));
    return { worktrees: await viewAll(place, readWorktreeRecords(folder)), kept };
  }
  const found = findRecord(readWorktreeRecords(folder), request.session);
  const { commonDir } = await findWorkTree(place.workRoot);
  const isWhole = findLinkedWorktree(commonDir, found.dir) !== undefined;
  if (request.kind === "repair" && !isWhole) await repair(place, found);
  else if (request.kind === "open" && !isWhole)
    await openAlone(place, environment, ({ worktrees }) => worktrees.open(found.session, () => true).catch(unlessMade));
  return { worktrees: await viewAll(place, [findRecord(readWorktreeRecords(folder), found.session)]), kept: [] };
}

/** Made and not set up: its next task does that. */
export function unlessMade(error: unknown): undefined {
  if (!(error instanceof CoordinatorError) || error.message !== LATER) throw error;
}

async function repair(place: WorkspacePlace, { dir, session, branch }: WorktreeRecord): Promise<void> {
  const code = await findWorkTree(place.workRoot);
  if (!existsSync(dir)) {
    const move = describeMove(code, { dir, branch });
    if (move !== undefined) throw new CoordinatorError("REFUSED", move);
    const message = `the worktree of ${session} is not at ${dir}: move its folder back there, then repair again`;
    throw new CoordinatorError(
      "NOT_FOUND",
      `${message}; where it was deleted, "worktree open ${session}" makes it again`,
    );
  }
  const { openLinkedWorktrees } = await import("../../git/worktrees/linked-worktrees.ts");
  const { worktreeTrash: trashDir } = statePaths(place.stateDir);
  await openLinkedWorktrees({ repository: code, trashDir, environment: async () => ({}) }).repair(dir);
}

/** Does `work` as the one process that may change them. @throws CoordinatorError `REFUSED` while a coordinator is at work */
export async function openAlone<Result>(
  place: WorkspacePlace,
  environment: NodeJS.ProcessEnv,
  work: (parts: WorktreeParts) => Promise<Result>,
): Promise<Result> {
  const paths = statePaths(place.stateDir);
  const busy = (pid: number): string =>
    `a coordinator is at work (process ${pid}), which makes and removes worktrees itself, as tasks need them; end it first`;
  const holder = await findHolder(paths.root, "lock");
  if (holder !== undefined) throw new CoordinatorError("REFUSED", busy(holder.pid));
  const lock = await takeLock({
    ...{ dir: paths.root, name: "lock", onLost: () => undefined },
    describeHolder: ({ pid }) => busy(pid),
  });
  try {
    const policy = readPolicy(paths.policy, place.workRoot);
    const keeper = await openKeeper(environment, policy);
    const config = (await committedConfig(place, environment)) ?? completeSettings({});
    const log: Log = () => undefined;
    // What is set up by a command waits for the next task: there it has a sandbox, a time limit and a log.
    const setup = { run: async () => Promise.reject(new CoordinatorError("TRY_AGAIN", LATER)) };
    const open = readTaskJournal(paths.journal).openIds().length;
    const pauses = openPauseStore(paths.paused);
    const parts = await openWorktreeParts({
      ...{ place, paths, log, setup, secretsIn: keeper.placesIn, surroundings: { now: Date.now } },
      settings: () => ({ setup: undefined, ...config.worktree, dir: policy.worktreesDir }),
      // Nobody tells here which sessions have open tasks: while there are any, no worktree goes.
      allowed: () => policy.workdirs,
      isIdle: (session) => open === 0 && takerOf(pauses.read(), session) === undefined,
    });
    return await work(parts);
  } finally {
    await lock.release();
  }
}

function findRecord(records: readonly WorktreeRecord[], part: string): WorktreeRecord {
  const exact = records.find(({ session, slug }) => session === part || slug === part);
  const found = exact === undefined ? records.filter(({ session }) => session.includes(part)) : [exact];
  const [record] = found;
  if (record !== undefined && found.length === 1) return record;
  const message =
    record === undefined ? `no session "${part}" has a worktree` : `"${part}" stands for several sessions`;
  throw new CoordinatorError(record === undefined ? "NOT_FOUND" : "REFUSED", `${message}; worktree ls shows them`);
}

async function viewAll(place: WorkspacePlace, records: readonly WorktreeRecord[]): Promise<readonly WorktreeView[]> {
  const code = await findWorkTree(place.workRoot);
  const linked = new Set(listLinkedWorktrees(code.commonDir).flatMap(({ topDir }) => topDir ?? []));
  const views: WorktreeView[] = [];
  for (const { session, branch, dir, state, slot, base, pinned, usedAtMs } of records) {
    const head = await commitAt(code, `refs/heads/${branch}`);
    const [ahead, behind] = head === undefined ? [0, 0] : await countBetween(code, head, "HEAD");
    const isMoved = state === "ready" && (!linked.has(dir) || !existsSync(dir));
    views.push({
      ...{
        session,
        branch,
        dir,
        state: isMoved ? "moved" : state,
        slot,
        base,
        head: head ?? null,
        ahead,
        behind,
        pinned,
      },
      usedAt: new Date(usedAtMs).toISOString(),
    });
  }
  return views;
}
