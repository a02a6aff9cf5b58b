import type { Branch } from "../../git/branch.ts";
import { foldLedger, type LedgerRow, parseLedger } from "../../task/ledger/ledger.ts";
import { taskIdDate } from "../../task/names/task-id.ts";
import { LEDGER, ROTATED_LEDGERS } from "../../task/records/workspace-paths.ts";
import { refuseNewerLedger } from "../formats.ts";

/** Days whose rotated ledgers are kept in memory. Drops and look-ups name recent days; one day is bounded by what ran on it. */
const DAYS_CACHED_MAX = 4;

/**
 * Finds finished tasks in the branch's ledger, at a cost that follows one day's tasks and not the history.
 *
 * Both throw CoordinatorError `CONFIG` for a ledger that a newer version has written.
 */
export interface BranchLedger {
  /** The winning row of `id` in the branch, or `undefined`. */
  find(id: string): Promise<LedgerRow | undefined>;
  /** The winning rows of tasks.md alone: the candidates for open tasks, and the most recently finished. */
  current(): Promise<ReadonlyMap<string, LedgerRow>>;
}

type Reader = Pick<Branch, "readText" | "treeId" | "listFolder">;

/** Creates the look-up over `branch`; what was read is kept as long as git's id of it stays the same. */
export function createBranchLedger(branch: Reader, daysCachedMax = DAYS_CACHED_MAX): BranchLedger {
  let ledger: { readonly id: string | undefined; readonly rows: ReadonlyMap<string, LedgerRow> } | undefined;
  const days = new Map<string, { readonly id: string; readonly rows: ReadonlyMap<string, LedgerRow> }>();

  const current = async (): Promise<ReadonlyMap<string, LedgerRow>> => {
    const id = await branch.treeId(LEDGER);
    if (ledger === undefined || ledger.id !== id) {
      const text = id === undefined ? "" : ((await branch.readText(LEDGER)) ?? "");
      refuseNewerLedger(text);
      ledger = { id, rows: foldLedger(parseLedger(text)) };
    }
    return ledger.rows;
  };

  const day = async (date: string): Promise<ReadonlyMap<string, LedgerRow> | undefined> => {
    const folder = `${ROTATED_LEDGERS}/${date}`;
    const id = await branch.treeId(folder);
    if (id === undefined) return undefined;
    const cached = days.get(date);
    if (cached?.id === id) return cached.rows;
    const rows: LedgerRow[] = [];
    for (const { name, kind } of await branch.listFolder(folder)) {
      if (kind === "file") rows.push(...parseLedger((await branch.readText(`${folder}/${name}`)) ?? ""));
    }
    const folded = foldLedger(rows);
    days.delete(date);
    days.set(date, { id, rows: folded });
    for (const oldest of days.keys()) {
      if (days.size <= daysCachedMax) break;
      days.delete(oldest);
    }
    return folded;
  };

  return {
    current,
    async find(id) {
      const rows = [(await current()).get(id), (await day(taskIdDate(id)))?.get(id)].filter((row) => row !== undefined);
      return foldLedger(rows).get(id);
    },
  };
}
