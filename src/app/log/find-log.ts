import { CoordinatorError } from "../../base/errors.ts";
import { findEither, type NamedDeps } from "../queries/find-named.ts";
import type { QueriesDeps } from "../queries/queries.ts";
import { type LocatedTask, noSuchTask } from "../queries/tasks/find-task.ts";
import type { LogEntry, LogOptions, LogView } from "../views/log-view.ts";
import { committedEntries, lastOf, noSuchLog } from "./task-log.ts";

/** Returns the log of the task or of the session that `word` names. @throws CoordinatorError as `findEither` */
export async function findLog(deps: NamedDeps, word: string, options: LogOptions): Promise<LogView> {
  const found = await findEither(deps, word).catch((error: unknown) => {
    const isNothing = error instanceof CoordinatorError && error.message === noSuchTask(word).message;
    throw isNothing ? noSuchLog(word) : error;
  });
  return "task" in found ? taskLog(deps, found.task, options) : sessionLog(deps, found.session, options);
}

async function taskLog(deps: QueriesDeps, task: LocatedTask, options: LogOptions): Promise<LogView> {
  const { id, sessionKey: session, status } = task;
  const open = await deps.open();
  const found = open.all.find((one) => one.id === id);
  const { entries, run } =
    found === undefined
      ? { entries: await committedEntries(deps.branch, session, { task: id }), run: null }
      : await (await import("./open-log.ts")).openLog(found, open.journal(id), deps);
  const hold = found?.state.kind === "queued" ? (await open.holds()).get(id)?.reason : undefined;
  return { v: 1, task: id, session, status, hold: hold ?? null, run, ...lastOf(entries, options) };
}

/** A session may have had thousands of tasks. */
const SESSION_ENTRIES_DEFAULT = 200;

async function sessionLog(
  deps: QueriesDeps,
  session: string,
  { last = SESSION_ENTRIES_DEFAULT, charactersMax }: LogOptions,
): Promise<LogView> {
  const open = await deps.open();
  const tasks = open.all.filter(({ sessionKey }) => sessionKey === session);
  const entries: LogEntry[] = [...(await committedEntries(deps.branch, session, { last }))];
  if (entries.length === 0 && tasks.length === 0) throw noSuchLog(session);
  const isThere = new Set(entries.map(({ task }) => task));
  for (const task of tasks)
    if (!isThere.has(task.id))
      entries.push(...(await (await import("./open-log.ts")).openLog(task, open.journal(task.id), deps)).entries);
  return {
    v: 1,
    task: null,
    session,
    status: null,
    hold: null,
    run: null,
    ...lastOf(entries, { last, charactersMax }),
  };
}
