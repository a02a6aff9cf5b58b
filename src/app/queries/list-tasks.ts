import type { ForeignTask } from "../../store/foreign-tasks.ts";
import type { OpenTask } from "../../store/open-task.ts";
import { findTaskText } from "../../store/task-text.ts";
import { TITLE_CHARACTERS_MAX } from "../../task/file/task-title.ts";
import { isFinal, type LedgerRow } from "../../task/ledger/ledger.ts";
import { titleInFrontMatter } from "../../task/records/title-line.ts";
import { ROTATED_LEDGERS } from "../../task/records/workspace-paths.ts";
import { rowOf } from "../../task/state/state-row.ts";
import type { TaskLine, TaskView } from "../views/task-view.ts";
import type { ListOptions, QueriesDeps, TaskPage } from "./queries.ts";

/** Where a task of the branch is found. */
interface Finished {
  readonly task: string;
  readonly session: string;
  readonly status: string;
  /** Why it ended; "" where nothing is to be said, absent where the history tells of it. */
  readonly detail?: string;
}

/** Returns the tasks that `options` ask for; what it reads follows the number of tasks shown, not the history. */
export async function listTasks(deps: QueriesDeps, options: ListOptions): Promise<TaskPage> {
  return listAs(deps, options, (entry) => presentFinished(deps, entry));
}

/** Does the same with less of each task, and loads no parser of task files where it can do without. */
export async function listLines(deps: QueriesDeps, options: ListOptions): Promise<TaskPage<TaskLine>> {
  return listAs<TaskLine>(deps, options, (entry) => presentLine(deps, entry));
}

async function listAs<Shown>(
  deps: QueriesDeps,
  options: ListOptions,
  present: (entry: Finished) => Promise<Shown | undefined>,
): Promise<TaskPage<Shown | TaskView>> {
  const { status, session, limit = Number.POSITIVE_INFINITY, after = Number.NEGATIVE_INFINITY } = options;
  const isWanted = (task: OpenTask): boolean =>
    task.order > after &&
    (session === undefined || task.sessionKey === session) &&
    (status === undefined || rowOf(task.state).status === status);
  const open = await deps.open();
  const shown: OpenTask[] = [];
  let next: number | undefined;
  for (const task of open.all) {
    if (!isWanted(task)) continue;
    if (shown.length === limit) {
      next = shown.at(-1)?.order;
      break;
    }
    shown.push(task);
  }
  const views = shown.length === 0 ? [] : await (await import("./open-tasks.ts")).presentTasks(open, shown);
  if (next !== undefined) return { tasks: views, next };
  const isOpenHere = new Set(open.all.map(({ id }) => id));
  for (const { file, folder } of (await findForeign(deps, isOpenHere)).values()) {
    const isShown = (session ?? file.sessionKey) === file.sessionKey && (status ?? file.status) === file.status;
    if (isShown) views.push((await import("../views/task-view.ts")).presentTaskFile(file, folder));
  }
  return { tasks: [...views, ...(await newestFinished(deps, options, isOpenHere, present))], next: undefined };
}

/** Returns a task of the branch; `undefined` where its file is gone. */
export async function presentFinished(deps: QueriesDeps, { task, session }: Finished): Promise<TaskView | undefined> {
  const { findTaskFile } = await import("../../store/foreign-tasks.ts");
  const place = await findTaskFile(deps.branch, session, task);
  return place === undefined
    ? undefined
    : (await import("../views/task-view.ts")).presentTaskFile(place.file, place.folder);
}

async function presentLine(deps: QueriesDeps, entry: Finished): Promise<TaskLine | undefined> {
  const { task, session, status, detail } = entry;
  const text = detail === undefined ? undefined : await findTaskText(deps.branch, session, task);
  const title = text === undefined ? undefined : titleInFrontMatter(text, TITLE_CHARACTERS_MAX);
  if (detail === undefined || title === undefined) return presentFinished(deps, entry);
  return { id: task, sessionKey: session, title, status, hold: null, reason: detail === "" ? null : detail };
}

/** Returns the open tasks that other clones have accepted. Files are read only where the ledger has a candidate. */
export async function findForeign(
  { branch, ledger }: QueriesDeps,
  isOpenHere: ReadonlySet<string>,
): Promise<ReadonlyMap<string, ForeignTask>> {
  const rows = [...(await ledger.current()).values()];
  if (rows.every((row) => isFinal(row.status) || isOpenHere.has(row.task))) return new Map();
  const { findForeignTasks } = await import("../../store/foreign-tasks.ts");
  return findForeignTasks(branch, ledger, (id) => isOpenHere.has(id));
}

/**
 * The ledger at hand tells of them, unless it was rotated and its rows do not suffice: then the history does. A row whose task file is
 * gone is passed over. Each task comes once, also where its commit was lost and made again.
 */
async function newestFinished<Shown>(
  deps: QueriesDeps,
  { finished, session, status }: ListOptions,
  isOpenHere: ReadonlySet<string>,
  present: (entry: Finished) => Promise<Shown | undefined>,
): Promise<readonly Shown[]> {
  if (finished === 0 || (status !== undefined && !isFinal(status))) return [];
  const isWanted = (row: Finished): boolean =>
    !isOpenHere.has(row.task) &&
    (session === undefined || row.session === session) &&
    (status === undefined || row.status === status);
  const show = async (entries: readonly Finished[]): Promise<readonly Shown[]> => {
    const shown: Shown[] = [];
    for (let at = 0; at < entries.length && shown.length < finished; at += finished) {
      const views = await Promise.all(entries.slice(at, at + finished).map(present)); // All at once: one git answers them in a row.
      shown.push(...views.filter((view) => view !== undefined));
    }
    return shown.slice(0, finished);
  };
  const rows = [...(await deps.ledger.current()).values()].filter((row) => isFinal(row.status) && isWanted(row));
  const newest = await show(rows.reverse().sort(byTime));
  if (newest.length === finished || (await deps.branch.treeId(ROTATED_LEDGERS)) === undefined) return newest;
  const older = (await deps.history.newest(finished, session, status)).filter(isWanted);
  return show([...new Map([...older].reverse().map((entry) => [entry.task, entry])).values()].reverse());
}

function byTime(a: LedgerRow, b: LedgerRow): number {
  return a.time === b.time ? 0 : a.time < b.time ? 1 : -1;
}
