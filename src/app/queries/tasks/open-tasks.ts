import { findHolds, type HeldAuthor } from "../../../dispatch/scheduled-tasks.ts";
import type { RunProgress } from "../../../run/run-progress.ts";
import type { BranchLedger } from "../../../store/branch/branch-ledger.ts";
import type { KeptRecord } from "../../../store/journal/journal-file.ts";
import type { TaskJournal } from "../../../store/journal/task-journal.ts";
import { fold, type OpenTask } from "../../../store/tasks/open-task.ts";
import type { HoldView } from "../../../task/schedule/hold.ts";
import type { Conditions } from "../../../task/schedule/schedule.ts";
import { isUnderWay } from "../../../task/state/state-row.ts";
import { needsJournal, presentOpen } from "../../views/present-open.ts";
import type { TaskView } from "../../views/task-view.ts";

/** The open tasks of this clone as one question sees them: in the memory of a coordinator, or in the journal where none is at work. */
export interface OpenTasks {
  /** In order of acceptance. */
  readonly all: readonly OpenTask[];
  /** Returns the journal of one that has started, also where it was committed since `all`; empty where it has not. */
  journal(id: string): readonly KeptRecord[];
  /** Returns why queued tasks wait. */
  holds(): Promise<Pick<ReadonlyMap<string, HoldView>, "get">>;
  /** Returns what the run of a task does that is under way, as far as that was seen. */
  progress(task: OpenTask): Promise<RunProgress | undefined> | RunProgress | undefined;
}

export interface JournaledTasksDeps {
  readonly journal: Pick<TaskJournal, "openIds" | "read">;
  readonly ledger: Pick<BranchLedger, "find">;
  readonly now: () => number;
  /** Address of the author for whom a task waits to be allowed. */
  readonly heldAuthor: HeldAuthor;
  /** What holds all tasks, as files tell. */
  readonly holding: () => Pick<Conditions, "codex" | "pauses">;
  /** What the files of a run under way tell of it. */
  readonly progress: OpenTasks["progress"];
}

export interface TasksInMemoryDeps {
  readonly all: Iterable<OpenTask>;
  readonly journal: Pick<TaskJournal, "read" | "readDone">;
  readonly holds: Pick<ReadonlyMap<string, HoldView>, "get">;
  readonly progress: OpenTasks["progress"];
}

/** Returns what the memory of a coordinator says; a journal may move away between that and the look into it. */
export function openTasksInMemory({ all, journal, holds, progress }: TasksInMemoryDeps): OpenTasks {
  return {
    all: [...all].sort((a, b) => a.order - b.order),
    journal(id) {
      const records = journal.read(id);
      return records.length > 0 ? records : journal.readDone(id);
    },
    holds: async () => holds,
    progress,
  };
}

/** Reads every open journal, once: a coordinator may move one away at any time. */
export function readOpenTasks(deps: JournaledTasksDeps): OpenTasks {
  const journals = new Map<string, readonly KeptRecord[]>();
  const all: OpenTask[] = [];
  for (const id of deps.journal.openIds()) {
    const records = deps.journal.read(id);
    if (records.length === 0) continue;
    const task = fold(records);
    all.push(task);
    if (needsJournal(task)) journals.set(id, records);
  }
  return {
    all: all.sort((a, b) => a.order - b.order),
    journal: (id) => journals.get(id) ?? [],
    progress: deps.progress,
    holds: async () =>
      all.length === 0
        ? new Map()
        : findHolds(all, deps.ledger, { nowMs: deps.now(), ...deps.holding() }, deps.heldAuthor),
  };
}

/** Returns some of `open` as interfaces show them; the journal is read for those alone that have started. */
export async function presentTasks(open: OpenTasks, tasks: readonly OpenTask[]): Promise<TaskView[]> {
  const holds = tasks.some(({ state }) => state.kind === "queued") ? await open.holds() : undefined;
  return Promise.all(
    tasks.map(async (task) => {
      const records = needsJournal(task) ? open.journal(task.id) : [];
      const progress = isUnderWay(task.state) ? await open.progress(task) : undefined;
      return presentOpen(task, records, holds?.get(task.id), progress);
    }),
  );
}
