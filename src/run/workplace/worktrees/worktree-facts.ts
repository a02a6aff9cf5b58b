import type { WorktreeRecord, WorktreeRecords } from "../../../store/worktrees/worktree-records.ts";

/** What the schedule asks of the worktrees of sessions. Every answer comes from memory. */
export interface WorktreeFacts {
  /** The session has a branch of its own that holds work which is not landed. */
  hasBranch(sessionKey: string): boolean;
  /** What sessions keep to themselves until their work is landed; the same list until it changes. */
  locks(): readonly { readonly session: string; readonly path: string }[];
  /** Paths that the work of other sessions changes that is not landed. */
  changedBeside(sessionKey: string): readonly string[];
  /** How long a new worktree took, at most of those that are there, in milliseconds; 0 where none is. */
  openingMs(): number;
}

/** A branch that is where it began holds no work. */
function hasWork({ head, base }: WorktreeRecord): boolean {
  return head !== base;
}

export function createWorktreeFacts(records: WorktreeRecords): WorktreeFacts {
  let seen = -1;
  let locks: ReturnType<WorktreeFacts["locks"]> = [];
  return {
    hasBranch(sessionKey) {
      const record = records.find(sessionKey);
      return record !== undefined && hasWork(record);
    },
    locks() {
      if (seen === records.version) return locks;
      seen = records.version;
      const found = records
        .list()
        .filter(hasWork)
        .flatMap(({ session, locks: paths }) => paths.map((path) => ({ session, path })));
      if (JSON.stringify(found) !== JSON.stringify(locks)) locks = found;
      return locks;
    },
    changedBeside: (sessionKey) =>
      records.list().flatMap((record) => (record.session === sessionKey || !hasWork(record) ? [] : record.changed)),
    openingMs: () => Math.max(0, ...records.list().map(({ openingMs }) => openingMs)),
  };
}
