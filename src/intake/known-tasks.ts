import type { BranchLedger } from "../store/branch/branch-ledger.ts";
import type { RecentTasks } from "../store/tasks/recent-tasks.ts";
import type { TaskTable } from "../store/tasks/task-table.ts";

export interface KnownTasksDeps {
  readonly table: TaskTable;
  readonly recent: RecentTasks;
  readonly ledger: BranchLedger;
}

/** Tells whether a drop is a task already. */
export interface KnownTasks {
  /** It is journaled already, or was: its claim is only to be released, whatever it may ask for by now. */
  isTaken(id: string): boolean;
  /** Returns the task that is known under `id`: its own, or that of a version of it that was replaced. */
  findKnown(id: string): Promise<string | undefined>;
}

export function createKnownTasks({ table, recent, ledger }: KnownTasksDeps): KnownTasks {
  return {
    isTaken: (id) =>
      (table.get(id) ?? recent.get(id) ?? table.index.withAlias(id) ?? recent.withAlias(id)) !== undefined,
    async findKnown(id) {
      if (table.get(id) !== undefined || recent.get(id) !== undefined) return id;
      const known = table.index.withAlias(id)?.id ?? recent.withAlias(id)?.id;
      return known ?? (await ledger.find(id))?.task;
    },
  };
}
