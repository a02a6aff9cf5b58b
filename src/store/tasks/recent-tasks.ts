import type { LedgerRow } from "../../task/ledger/ledger.ts";
import type { Origin } from "../../task/rights/origin.ts";
import type { KeptRecord } from "../journal/journal-file.ts";
import type { DroppedBy, JournalRecord, TaskSource } from "../journal/journal-record.ts";
import { RECENT_TASKS_MAX, type TaskJournal } from "../journal/task-journal.ts";
import { fold, isFinished, ledgerRows, type OpenTask } from "./open-task.ts";

/** A finished, committed task whose journal is still there, so that its result can be committed again. */
export interface RecentTask {
  readonly id: string;
  readonly sessionKey: string;
  readonly path: string;
  readonly source: TaskSource | undefined;
  readonly droppedBy: DroppedBy | undefined;
  readonly origin: Origin;
  readonly aliases: readonly string[];
  /** The drop is gone from the branch and from the user's index for good, or was never there. */
  readonly dropGone: boolean;
  /** The row that ended it. */
  readonly lastRow: LedgerRow;
  /** Blob of its task file as we committed it. */
  readonly blob: string | undefined;
}

/** The newest finished tasks, at most `RECENT_TASKS_MAX`; older journals are forgotten. */
export interface RecentTasks {
  all(): Iterable<RecentTask>;
  get(id: string): RecentTask | undefined;
  /** The task whose earlier version had this id. */
  withAlias(id: string): RecentTask | undefined;
  /** The newest task that was made of this very file while git had it, unless a commit of ours has taken it out of the branch since. */
  takenFrom(source: Pick<TaskSource, "path" | "blob">): RecentTask | undefined;
  /** The newest one of which a commit of ours has. */
  takenOut(source: Pick<TaskSource, "path" | "blob">): RecentTask | undefined;
  /** How many of them were made of files that this run has left in inbox/. */
  droppedBy(run: DroppedBy): number;
  add(task: RecentTask): void;
  /** Stops watching over a task: its result was removed on purpose. */
  drop(id: string): void;
  /** A commit of ours has taken the task's drop out of the branch. */
  noteDropGone(id: string, commit: string): void;
  /** The branch has lost that commit and holds the drop again. */
  noteDropBack(id: string): void;
  /** Takes a task out because it is open again; its journal stays. */
  release(id: string): void;
}

/** Loads the kept journals of `journal`. */
export function loadRecentTasks(journal: TaskJournal): RecentTasks {
  const tasks = new Map<string, RecentTask>();
  for (const id of journal.doneIds()) {
    const task = recentFrom(journal.readDone(id));
    if (task !== undefined) tasks.set(id, task);
    else journal.reopen(id); // The note of its commit was lost with the power: it is committed again, which changes nothing.
  }
  const prune = (): void => {
    for (const oldest of tasks.keys()) {
      if (tasks.size <= RECENT_TASKS_MAX) return;
      tasks.delete(oldest);
      journal.forget(oldest);
    }
  };
  prune();
  const note = (id: string, record: JournalRecord, dropGone: boolean): void => {
    const task = tasks.get(id);
    if (task === undefined) return;
    journal.appendDone(id, [record]);
    tasks.set(id, { ...task, dropGone });
  };
  /** Over at most `RECENT_TASKS_MAX` tasks; the newest one wins. */
  const find = (matches: (task: RecentTask) => boolean): RecentTask | undefined => {
    let found: RecentTask | undefined;
    for (const task of tasks.values()) if (matches(task)) found = task;
    return found;
  };
  const madeOf = ({ path, blob }: Pick<TaskSource, "path" | "blob">, isOut: boolean): RecentTask | undefined =>
    find(
      ({ source, dropGone }) =>
        source?.path === path && source.blob === blob && source.tracked !== "untracked" && dropGone === isOut,
    );
  return {
    all: () => tasks.values(),
    get: (id) => tasks.get(id),
    withAlias: (id) => find(({ aliases }) => aliases.includes(id)),
    takenFrom: (source) => madeOf(source, false),
    takenOut: (source) => madeOf(source, true),
    droppedBy: ({ task, run }) =>
      [...tasks.values()].filter(({ droppedBy }) => droppedBy?.task === task && droppedBy.run === run).length,
    add(task) {
      tasks.delete(task.id);
      tasks.set(task.id, task);
      prune();
    },
    noteDropGone: (id, commit) => note(id, { k: "drop-gone", commit }, true),
    noteDropBack: (id) => note(id, { k: "drop-back" }, false),
    release: (id) => {
      tasks.delete(id);
    },
    drop(id) {
      tasks.delete(id);
      journal.forget(id);
    },
  };
}

/** Returns what is kept of a finished task, from its journal; `undefined` where the journal does not end with its commit. */
function recentFrom(records: readonly KeptRecord[]): RecentTask | undefined {
  const committed = records.findLast((record) => record.k === "committed");
  const lastRow = ledgerRows(records).at(-1);
  if (committed === undefined || lastRow === undefined) return undefined;
  const task = fold(records);
  return isFinished(task) ? recentOf(task, lastRow, committed.blob ?? undefined) : undefined;
}

/** Returns what is kept of a task that was committed just now. */
export function recentOf(task: OpenTask, lastRow: LedgerRow, blob: string | undefined): RecentTask {
  const { id, sessionKey, path, source, droppedBy, origin, aliases, dropGone } = task;
  return { id, sessionKey, path, source, droppedBy, origin, aliases, dropGone, lastRow, blob };
}
