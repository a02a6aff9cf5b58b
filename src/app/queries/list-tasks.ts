import type { OpenTask } from "../../store/open-task.ts";
import { isFinal, type LedgerRow } from "../../task/ledger/ledger.ts";
import { ROTATED_LEDGERS } from "../../task/records/workspace-paths.ts";
import { rowOf } from "../../task/state/state-row.ts";
import { presentTaskFile, type TaskView } from "../views/task-view.ts";
import { presentTasks } from "./open-tasks.ts";
import type { ListOptions, QueriesDeps, TaskPage } from "./queries.ts";

/** Where a task of the branch is found. */
interface Finished {
  readonly task: string;
  readonly session: string;
  readonly status: string;
}

/** Returns the tasks that `options` ask for; what it reads follows the number of tasks shown, not the history. */
export async function listTasks(deps: QueriesDeps, options: ListOptions): Promise<TaskPage> {
  const { status, session, limit = Number.POSITIVE_INFINITY, after = Number.NEGATIVE_INFINITY } = options;
  const isWanted = (task: OpenTask): boolean =>
    task.order > after &&
    (session === undefined || task.sessionKey === session) &&
    (status === undefined || rowOf(task.state).status === status);
  const open = await deps.open();
  const shown: OpenTask[] = [];
  for (const task of open.all) {
    if (!isWanted(task)) continue;
    if (shown.length === limit) return { tasks: await presentTasks(open, shown), next: shown.at(-1)?.order };
    shown.push(task);
  }
  const views = await presentTasks(open, shown);
  const isOpenHere = new Set(open.all.map(({ id }) => id));
  for (const view of await foreignViews(deps, isOpenHere)) {
    if (session !== undefined && view.sessionKey !== session) continue;
    if (status === undefined || view.status === status) views.push(view);
  }
  for (const entry of await newestFinished(deps, options)) {
    const view = isOpenHere.has(entry.task) ? undefined : await presentFinished(deps, entry);
    if (view !== undefined) views.push(view);
  }
  return { tasks: views, next: undefined };
}

/** Returns a task of the branch; `undefined` where its file is gone. */
export async function presentFinished(deps: QueriesDeps, { task, session }: Finished): Promise<TaskView | undefined> {
  const { findTaskFile } = await import("../../store/foreign-tasks.ts");
  const place = await findTaskFile(deps.branch, session, task);
  return place === undefined ? undefined : presentTaskFile(place.file, place.folder);
}

/** Returns the open tasks that other clones have accepted. */
async function foreignViews(deps: QueriesDeps, isOpenHere: ReadonlySet<string>): Promise<readonly TaskView[]> {
  const { findForeignTasks } = await import("../../store/foreign-tasks.ts");
  const found = await findForeignTasks(deps.branch, deps.ledger, (id) => isOpenHere.has(id));
  return Array.from(found.values(), ({ file, folder }) => presentTaskFile(file, folder));
}

/**
 * The ledger at hand tells of them, unless it was rotated and its rows do not suffice: then the history does. Each task comes once,
 * also where its commit was lost and made again.
 */
async function newestFinished(deps: QueriesDeps, options: ListOptions): Promise<readonly Finished[]> {
  const { finished, session, status } = options;
  if (finished === 0 || (status !== undefined && !isFinal(status))) return [];
  const isWanted = (row: Finished): boolean =>
    (session === undefined || row.session === session) && (status === undefined || row.status === status);
  const rows = [...(await deps.ledger.current()).values()].filter((row) => isFinal(row.status) && isWanted(row));
  const newest = rows.reverse().sort(byTime).slice(0, finished);
  if (newest.length === finished || (await deps.branch.treeId(ROTATED_LEDGERS)) === undefined) return newest;
  const older = (await deps.history.newest(finished, session, status)).filter(isWanted);
  return [...new Map([...older].reverse().map((entry) => [entry.task, entry])).values()].reverse();
}

function byTime(a: LedgerRow, b: LedgerRow): number {
  return a.time === b.time ? 0 : a.time < b.time ? 1 : -1;
}
