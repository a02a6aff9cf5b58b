import { CoordinatorError } from "../../../base/errors.ts";
import type { ForeignTask } from "../../../store/branch/foreign-tasks.ts";
import { findTaskText, type TaskPlace } from "../../../store/branch/task-text.ts";
import type { OpenTask } from "../../../store/tasks/open-task.ts";
import { TITLE_CHARACTERS_MAX } from "../../../task/file/task-title.ts";
import { isFinal, type LedgerRow, type TaskStatus } from "../../../task/ledger/ledger.ts";
import { timesInTaskFile, titleInFrontMatter } from "../../../task/records/title-line.ts";
import { ARCHIVE, ROTATED_LEDGERS } from "../../../task/records/workspace-paths.ts";
import { rowOf } from "../../../task/state/state-row.ts";
import type { TaskLine, TaskView } from "../../views/task-view.ts";
import type { ListOptions, QueriesDeps, TaskPage } from "../queries.ts";

/** A task of the branch, as the ledger or the history tells it. */
export interface Finished extends TaskPlace {
  readonly status: string;
  /** Absent where only its file tells. */
  readonly title?: string | undefined;
  /** Why it ended; "" where nothing is to be said, absent where the history tells of it. */
  readonly detail?: string;
}

/** Returns the tasks that `options` ask for; what it reads follows the number of tasks shown, not the history. */
export async function listTasks(deps: QueriesDeps, options: ListOptions): Promise<TaskPage> {
  return listAs(deps, options, present(deps, options));
}

/** Does the same with less of each task, and loads no parser of task files where it can do without. */
export async function listLines(deps: QueriesDeps, options: ListOptions): Promise<TaskPage<TaskLine>> {
  return listAs<TaskLine>(deps, options, (entry) => presentLine(deps, entry, present(deps, options)));
}

/** Where the ledger at hand does not tell where a task lies, its file does. */
function present(
  deps: QueriesDeps,
  { archived = false }: ListOptions,
): (entry: Finished) => Promise<TaskView | undefined> {
  return async (entry) => {
    const task = await presentFinished(deps, entry);
    return archived || task === undefined || !isArchived(task) ? task : undefined;
  };
}

function isArchived({ path }: { readonly path?: string | undefined }): boolean {
  return path?.startsWith(`${ARCHIVE}/`) === true;
}

async function listAs<Shown extends TaskLine>(
  deps: QueriesDeps,
  options: ListOptions,
  present: (entry: Finished) => Promise<Shown | undefined>,
): Promise<TaskPage<Shown | TaskView>> {
  const { statuses = [], session, limit = Number.POSITIVE_INFINITY } = options;
  const hasStatus = (status: TaskStatus): boolean => statuses.length === 0 || statuses.includes(status);
  const { after, skip, ended } = parseCursor(options.cursor);
  const holds = textFilter(options.text);
  const isWanted = (task: OpenTask): boolean =>
    task.order > after &&
    (session === undefined || task.sessionKey === session) &&
    hasStatus(rowOf(task.state).status) &&
    (holds === undefined || holds({ id: task.id, sessionKey: task.sessionKey, title: task.spec.title }));
  const open = await deps.open();
  const shown: OpenTask[] = [];
  for (const task of open.all) {
    if (!isWanted(task)) continue;
    if (shown.length === limit) {
      const views = await (await import("./open-tasks.ts")).presentTasks(open, shown);
      return { tasks: views, nextCursor: `${AFTER}${shown.at(-1)?.order}` };
    }
    shown.push(task);
  }
  const views = shown.length === 0 ? [] : await (await import("./open-tasks.ts")).presentTasks(open, shown);
  const isOpenHere = new Set(open.all.map(({ id }) => id));
  const foreign = [...(await findForeign(deps, isOpenHere)).values()].filter(
    ({ file }) => (session ?? file.sessionKey) === file.sessionKey && hasStatus(file.status) && (holds?.(file) ?? true),
  );
  const theirs = foreign.slice(skip, skip + limit - shown.length);
  for (const { file, path } of theirs)
    views.push((await import("../../views/task-view.ts")).presentTaskFile(file, path));
  const places = Math.min(limit - shown.length - theirs.length, options.finished - ended);
  const passed = skip + theirs.length;
  if (passed < foreign.length) return { tasks: views, nextCursor: `${SKIP}${passed}-${ended}` };
  if (options.finished <= ended) return { tasks: views, nextCursor: undefined };
  const read = (count: number) => newestFinished(deps, options, count, isOpenHere);
  const { tasks, at, isMore } = await finishedPage(read, passed - foreign.length, places, present, holds);
  const all = ended + tasks.length;
  return {
    tasks: [...views, ...tasks],
    nextCursor: isMore && all < options.finished ? `${SKIP}${foreign.length + at}-${all}` : undefined,
  };
}

/** Finished tasks that are looked at for one page of those that hold a text: each is a file. */
const SEARCHED_MAX = 500;
const SEARCHED_AT_ONCE = 50;

type TextFilter = (task: Pick<TaskLine, "id" | "sessionKey" | "title">) => boolean;

function textFilter(text: string | undefined): TextFilter | undefined {
  const wanted = text?.toLowerCase();
  if (wanted === undefined) return undefined;
  return ({ id, sessionKey, title }) => [title, id, sessionKey].some((word) => word.toLowerCase().includes(wanted));
}

function mayHold(holds: TextFilter | undefined, { task: id, session: sessionKey, title }: Finished): boolean {
  return holds === undefined || title === undefined || holds({ id, sessionKey, title });
}

/**
 * Returns finished tasks from the `at`-th on, as many as there are `places`; those whose task files are gone, and those that `holds`
 * does not want, are passed over.
 */
async function finishedPage<Shown extends TaskLine>(
  newest: (count: number) => Promise<readonly Finished[]>,
  from: number,
  places: number,
  present: (entry: Finished) => Promise<Shown | undefined>,
  holds: TextFilter | undefined,
): Promise<{ readonly tasks: readonly Shown[]; readonly at: number; readonly isMore: boolean }> {
  const tasks: Shown[] = [];
  const last = holds === undefined ? Number.POSITIVE_INFINITY : from + SEARCHED_MAX;
  let at = from;
  let asked = at + (holds === undefined ? places : SEARCHED_AT_ONCE) + 1;
  let entries = await newest(asked);
  while (tasks.length < places && at < last) {
    const next = entries.slice(at, at + (holds === undefined ? places - tasks.length : SEARCHED_AT_ONCE));
    if (next.length > 0) {
      // All at once: one git answers them in a row. A ledger that tells titles spares the reading of most.
      const views = await Promise.all(next.map((entry) => (mayHold(holds, entry) ? present(entry) : undefined)));
      for (const view of views) {
        if (tasks.length === places) break;
        at += 1;
        if (view !== undefined && (holds?.(view) ?? true)) tasks.push(view);
      }
    } else if (entries.length < asked) break;
    else {
      asked *= 2;
      entries = await newest(asked);
    }
  }
  return { tasks, at, isMore: at < entries.length || entries.length === asked };
}

/**
 * A cursor names the last open task that was shown, by its order of acceptance; or how many that are not open here were passed, and how
 * many finished ones shown.
 */
const AFTER = "a";
const SKIP = "s";
/** The history is read up to there: a cursor is what anybody may send. */
const SKIPPED_MAX = 1_000_000;

function parseCursor(cursor: string | undefined): {
  readonly after: number;
  readonly skip: number;
  readonly ended: number;
} {
  if (cursor === undefined) return { after: Number.NEGATIVE_INFINITY, skip: 0, ended: 0 };
  const [, order, skip, ended] =
    new RegExp(`^(?:${AFTER}(\\d{1,16})|${SKIP}(\\d{1,7})-(\\d{1,7}))$`).exec(cursor) ?? [];
  if (order !== undefined) return { after: Number(order), skip: 0, ended: 0 };
  if (skip === undefined || Number(skip) > SKIPPED_MAX) {
    const message = `there is no page "${cursor}"; expected the nextCursor of the page before`;
    throw new CoordinatorError("USAGE", message);
  }
  return { after: Number.POSITIVE_INFINITY, skip: Number(skip), ended: Number(ended) };
}

/** Returns a task of the branch; `undefined` where its file is gone. */
export async function presentFinished(deps: QueriesDeps, entry: Finished): Promise<TaskView | undefined> {
  const { findTaskFile } = await import("../../../store/branch/foreign-tasks.ts");
  const place = await findTaskFile(deps.branch, entry);
  return place === undefined
    ? undefined
    : (await import("../../views/task-view.ts")).presentTaskFile(place.file, place.path);
}

async function presentLine(
  deps: QueriesDeps,
  entry: Finished,
  whole: (entry: Finished) => Promise<TaskView | undefined>,
): Promise<TaskLine | undefined> {
  const { task, session, status, detail } = entry;
  const text = detail === undefined ? undefined : await findTaskText(deps.branch, entry);
  const title = text === undefined ? undefined : (entry.title ?? titleInFrontMatter(text, TITLE_CHARACTERS_MAX));
  if (detail === undefined || text === undefined || title === undefined) return whole(entry);
  return {
    ...{ id: task, sessionKey: session, title, status, hold: null, holdUntil: null, holdRemedy: null },
    ...timesInTaskFile(text),
    reason: detail === "" ? null : detail,
  };
}

/** Returns the open tasks that other clones have accepted. Files are read only where the ledger has a candidate. */
export async function findForeign(
  { branch, ledger }: QueriesDeps,
  isOpenHere: ReadonlySet<string>,
): Promise<ReadonlyMap<string, ForeignTask>> {
  const rows = [...(await ledger.current()).values()];
  if (rows.every((row) => isFinal(row.status) || isOpenHere.has(row.task))) return new Map();
  const { findForeignTasks } = await import("../../../store/branch/foreign-tasks.ts");
  return findForeignTasks(branch, ledger, (id) => isOpenHere.has(id));
}

/**
 * The newest finished tasks, at most `count`, each once, also where its commit was lost and made again. The ledger at hand tells of
 * them first; where it was rotated and its rows do not suffice, the history tells of those before. However many are asked for, they
 * begin with the same ones.
 */
async function newestFinished(
  deps: QueriesDeps,
  { session, statuses = [], archived = false }: ListOptions,
  count: number,
  isOpenHere: ReadonlySet<string>,
): Promise<readonly Finished[]> {
  const wanted = statuses.filter(isFinal);
  if (count <= 0 || (statuses.length > 0 && wanted.length === 0)) return [];
  const isWanted = (row: Finished): boolean =>
    !isOpenHere.has(row.task) &&
    (session === undefined || row.session === session) &&
    (wanted.length === 0 || wanted.some((status) => status === row.status)) &&
    (archived || !isArchived(row));
  const rows = [...(await deps.ledger.current()).values()].filter((row) => isFinal(row.status)).map(placed);
  const newest = rows.filter(isWanted).reverse().sort(byTime);
  if (newest.length >= count || (await deps.branch.treeId(ROTATED_LEDGERS)) === undefined)
    return newest.slice(0, count);
  for (let asked = count; ; asked *= 2) {
    const older = await deps.history.newest(asked, session, wanted);
    const each = new Map<string, Finished>();
    for (const row of [...newest, ...older.filter(isWanted)]) if (!each.has(row.task)) each.set(row.task, row);
    if (each.size >= count || older.length < asked) return [...each.values()].slice(0, count);
  }
}

/** What a row tells of where a task lies. */
export function placed(row: LedgerRow): LedgerRow & Finished {
  return { ...row, title: row.result?.title, path: row.result?.path };
}

function byTime(a: LedgerRow, b: LedgerRow): number {
  return a.time === b.time ? 0 : a.time < b.time ? 1 : -1;
}
