import { CoordinatorError } from "../../../base/errors.ts";
import type { Branch } from "../../../git/branch.ts";
import type { WorkspacePlace } from "../../../git/repository/workspace-place.ts";
import { buildArchiveCommit } from "../../../publish/archive-commit.ts";
import type { BranchWatch } from "../../../publish/branch-watch.ts";
import { createBranchLedger } from "../../../store/branch/branch-ledger.ts";
import { findForeignTasks } from "../../../store/branch/foreign-tasks.ts";
import { readTaskJournal } from "../../../store/journal/journal-reader.ts";
import { statePaths } from "../../../store/state-paths.ts";
import { fold } from "../../../store/tasks/open-task.ts";
import type { TaskTable } from "../../../store/tasks/task-table.ts";
import { sessionKeyProblem } from "../../../task/names/session-key.ts";
import type { CommitPlan } from "../../../task/records/commit-plan.ts";
import { sessionFactsPath } from "../../../task/records/workspace-paths.ts";
import { foldFacts, parseFacts } from "../../../task/session/session-facts.ts";
import { asKeptText } from "../../../task/text/kept-text.ts";
import { addressOf, readServer, requireBranch } from "../../queries/server-record.ts";
import { GIT_IS_SLOW, WAIT_FOR_GIT_MS, withOwnCommitter } from "../own-committer.ts";

export interface ArchiveAnswer {
  readonly session: string;
  /** As it is now. */
  readonly archived: boolean;
  /** `undefined` where it was so already. */
  readonly commit: string | undefined;
}

export interface ArchiveDeps {
  readonly branch: Pick<Branch, "readText" | "listFolder" | "treeId">;
  readonly commit: (plan: CommitPlan) => Promise<string | undefined>;
  /** Tasks of this clone that are not committed, with their sessions. */
  readonly open: () => Iterable<{ readonly id: string; readonly sessionKey: string }>;
  readonly nowMs: number;
}

/**
 * Moves the files of a session into `archive/<date>` and marks it as archived: it takes no more tasks. `archived: false` takes it out again:
 * it goes on, and the moved files stay where they are.
 *
 * @throws CoordinatorError `NOT_FOUND`; `REFUSED` while a task of it is open, here or in another clone
 */
async function archiveSession(deps: ArchiveDeps, key: string, archived: boolean): Promise<ArchiveAnswer> {
  const { branch } = deps;
  const facts = sessionKeyProblem(key) === undefined ? await branch.readText(sessionFactsPath(key)) : undefined;
  const ours = [...deps.open()].find(({ sessionKey }) => sessionKey === key);
  if (facts === undefined && ours === undefined)
    throw new CoordinatorError("NOT_FOUND", `there is no session "${key}"; codex-inbox sessions lists them`);
  if (foldFacts(parseFacts(facts ?? "")).archived === archived) return { session: key, archived, commit: undefined };
  const foreign = await findForeignTasks(branch, createBranchLedger(branch), () => false);
  const open = ours?.id ?? [...foreign.values()].find(({ row }) => row.session === key)?.row.task;
  if (open !== undefined)
    throw new CoordinatorError("REFUSED", `${key} has an open task (${open}): stop it, or wait until it has ended`);
  const plan = await buildArchiveCommit(branch, asKeptText(key), archived, deps.nowMs); // The branch has the key.
  return { session: key, archived, commit: await deps.commit(plan) };
}

/** Does that in a coordinator at work. */
export function createArchive({
  branch,
  watch,
  table,
  now,
}: {
  readonly branch: Branch;
  readonly watch: Pick<BranchWatch, "noteOurs">;
  readonly table: Pick<TaskTable, "all">;
  readonly now: () => number;
}): (key: string, archived: boolean) => Promise<ArchiveAnswer> {
  const commit = async (plan: CommitPlan): Promise<string | undefined> => {
    const report = await branch.commit([plan], AbortSignal.timeout(WAIT_FOR_GIT_MS)).catch((cause: unknown) => {
      if (cause instanceof CoordinatorError) throw cause;
      const reason = branch.waiting()?.reason ?? GIT_IS_SLOW;
      throw new CoordinatorError("TRY_AGAIN", `cannot commit now: ${reason}`, { cause });
    });
    await watch.noteOurs();
    return report.commits[0];
  };
  return (key, archived) => archiveSession({ branch, commit, open: table.all, nowMs: now() }, key, archived);
}

/**
 * Has the coordinator at work do that, which then knows of it at once; where none listens, it is done in this process.
 *
 * @throws CoordinatorError as `archiveSession`; `TRY_AGAIN` where the coordinator does not say whether it did
 */
export async function archiveSessionHere(
  place: WorkspacePlace,
  key: string,
  archived: boolean,
): Promise<ArchiveAnswer> {
  const { server: serverPath, journal } = statePaths(place.stateDir);
  const server = readServer(serverPath);
  const address = addressOf(server);
  if (address !== undefined) {
    const { askForArchive } = await import("../../queries/coordinator-client.ts");
    const answer = await askForArchive(address, key, archived);
    if (answer !== undefined) return { session: key, archived, ...answer };
  }
  const open = () => {
    const tasks = readTaskJournal(journal);
    return tasks.openIds().flatMap((id) => {
      const records = tasks.read(id);
      return records.length === 0 ? [] : [fold(records)];
    });
  };
  return withOwnCommitter(place, requireBranch(place, server?.branch), (branch, commit) =>
    archiveSession({ branch, commit, open, nowMs: Date.now() }, key, archived),
  );
}
