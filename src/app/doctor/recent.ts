import { foldLedger, isFinal, type LedgerRow, parseLedger } from "../../task/ledger/ledger.ts";
import { isDatedFolder, sessionKeyProblem } from "../../task/names/session-key.ts";
import { taskIdDate } from "../../task/names/task-id.ts";
import { LEDGER, ROTATED_LEDGERS, SESSIONS, sessionFolder } from "../../task/records/workspace-paths.ts";
import type { Ground } from "./ground.ts";

/** Finished tasks that are looked at without `--all`, besides the open ones. */
export const RECENT_TASKS = 200;

type Reader = Pick<Awaited<ReturnType<Ground["tip"]>>, "readText" | "listFolder">;

/**
 * Yields the winning row of each task that is looked at: of every open one and of the newest finished ones, or of all. One day's tasks are in
 * memory at a time, besides those of tasks.md.
 */
export async function* rowsOf({ all, tip }: Pick<Ground, "all" | "tip">): AsyncGenerator<LedgerRow> {
  const reader = await tip();
  const current = [...foldLedger(parseLedger((await reader.readText(LEDGER)) ?? "")).values()];
  const rotated = (await reader.listFolder(ROTATED_LEDGERS)).map(({ name }) => name).filter(isDatedFolder);
  if (all) {
    const byDate = Map.groupBy(current, ({ task }) => taskIdDate(task));
    for (const date of [...new Set([...rotated, ...byDate.keys()])].sort())
      yield* foldLedger([...(byDate.get(date) ?? []), ...(await rowsOfDay(reader, date))]).values();
    return;
  }
  const finished = newestFirst(current.filter(({ status }) => isFinal(status))).slice(0, RECENT_TASKS);
  yield* current.filter(({ status }) => !isFinal(status));
  yield* finished;
  const told = new Set(current.map(({ task }) => task));
  let left = RECENT_TASKS - finished.length;
  for (const date of rotated.sort().reverse()) {
    if (left <= 0) return;
    const rows = newestFirst([...foldLedger(await rowsOfDay(reader, date)).values()])
      .filter(({ task }) => !told.has(task))
      .slice(0, left);
    left -= rows.length;
    yield* rows;
  }
}

/** Yields the keys of the sessions that are looked at: of the tasks of `rowsOf`, or all. */
export async function* sessionsOf(ground: Pick<Ground, "all" | "tip">): AsyncGenerator<string> {
  if (ground.all) {
    yield* sessionsBelow(await ground.tip(), "");
    return;
  }
  const seen = new Set<string>();
  for await (const { session } of rowsOf(ground)) {
    if (seen.has(session)) continue;
    seen.add(session);
    yield session;
  }
}

/** A session's folder holds files of its own; those that hold folders alone are the beginnings of longer keys. */
async function* sessionsBelow(reader: Reader, prefix: string): AsyncGenerator<string> {
  for (const { name, kind } of await reader.listFolder(prefix === "" ? SESSIONS : sessionFolder(prefix))) {
    const key = prefix === "" ? name : `${prefix}/${name}`;
    if (kind === "file" || name === "transcript") continue;
    if (isDatedFolder(name) && prefix !== "") continue; // The tasks of the session.
    if (sessionKeyProblem(key) === undefined && (await holdsFiles(reader, key))) yield key;
    yield* sessionsBelow(reader, key);
  }
}

async function holdsFiles(reader: Reader, key: string): Promise<boolean> {
  return (await reader.listFolder(sessionFolder(key))).some(({ name, kind }) => kind === "file" || isDatedFolder(name));
}

async function rowsOfDay(reader: Reader, date: string): Promise<readonly LedgerRow[]> {
  const rows: LedgerRow[] = [];
  const folder = `${ROTATED_LEDGERS}/${date}`;
  for (const { name } of await reader.listFolder(folder))
    rows.push(...parseLedger((await reader.readText(`${folder}/${name}`)) ?? ""));
  return rows;
}

function newestFirst(rows: readonly LedgerRow[]): readonly LedgerRow[] {
  return [...rows].sort((a, b) => (a.time < b.time ? 1 : -1));
}
