import type { Surroundings } from "../../base/surroundings.ts";
import type { TaskSpec } from "../../task/spec/task-spec.ts";
import { rowOf } from "../../task/state/state-row.ts";
import type { TaskEvent } from "../../task/state/task-event.ts";
import { step, type TaskLimits, type TaskState } from "../../task/state/task-state.ts";
import { asKept } from "../../task/text/kept-text.ts";
import type { KeptRecord } from "../journal/journal-file.ts";
import type { JournalRecord } from "../journal/journal-record.ts";
import type { TaskJournal } from "../journal/task-journal.ts";
import { applyRecord, fold, isClaimed, type OpenTask } from "./open-task.ts";
import { createTaskIndex, type TaskIndex } from "./task-index.ts";

/** `records`: what was journaled with the change, redacted; empty where the task was journaled before (`load`) or is forgotten. */
export type TaskListener = (
  after: OpenTask | undefined,
  before: OpenTask | undefined,
  records: readonly KeptRecord[],
) => void;

/**
 * The one owner of the states of all open tasks. Every change is journaled before it is seen, so that a kill takes none back; `durable`
 * is for what a loss of power must not undo.
 */
export interface TaskTable {
  /** Resolves when every change until now is durable. */
  durable(): Promise<void>;
  get(id: string): OpenTask | undefined;
  /** Every open task: for what happens once, or seldom; `index` answers what is asked often. */
  all(): Iterable<OpenTask>;
  readonly size: number;
  readonly index: TaskIndex;
  /** Writes the first record of a task's journal; once that is durable, the task is accepted. */
  accept(record: JournalRecord & { readonly k: "accepted" }): OpenTask;
  /** Takes in the journal of a task that an earlier coordinator accepted. */
  load(id: string, records: readonly JournalRecord[]): OpenTask;
  /** Moves a task by one event; `before` are records that are written together with the new state. */
  step(id: string, event: TaskEvent, before?: readonly JournalRecord[]): OpenTask;
  /** Journals something that does not change the state. */
  note(id: string, record: JournalRecord): OpenTask;
  /** Does the same for what only matters while the machine is up: not synced, so a loss of power may take it back. */
  noteUnsynced(id: string, record: JournalRecord): OpenTask;
  /** The task is committed, as `last` says: its journal moves to the finished ones and memory forgets it. */
  retire(id: string, last: JournalRecord & { readonly k: "committed" }): void;
  /** Forgets a task for good, journal and all. */
  forget(id: string): void;
  /** Calls `listener` after each change, with the task as it is then (`undefined`: it is not open any more) and as it was before. */
  onChange(listener: TaskListener): void;
}

/** Creates the table over `journal`; `limits` are asked for at each step, since configuration may be edited while serving. */
export function createTaskTable(
  journal: TaskJournal,
  surroundings: Surroundings,
  limits: (spec: TaskSpec) => TaskLimits,
): TaskTable {
  const tasks = new Map<string, OpenTask>();
  const listeners: TaskListener[] = [];
  const index = createTaskIndex();
  const change = (id: string, after: OpenTask | undefined, records: readonly KeptRecord[]): void => {
    const before = tasks.get(id);
    if (after === undefined) tasks.delete(id);
    else tasks.set(id, after);
    index.change(before, after);
    for (const listener of listeners) listener(after, before, records);
  };
  const keep = (task: OpenTask, records: readonly KeptRecord[]): OpenTask => {
    change(task.id, task, records);
    return task;
  };
  const append = (task: OpenTask, records: readonly KeptRecord[]): OpenTask =>
    keep(records.reduce(applyRecord, task), records);
  const expect = (id: string): OpenTask => {
    const task = tasks.get(id);
    if (task === undefined) throw new Error(`no open task ${id}`);
    return task;
  };

  return {
    durable: journal.durable,
    get: (id) => tasks.get(id),
    all: () => tasks.values(),
    get size() {
      return tasks.size;
    },
    index,
    accept(record) {
      fold([record]); // First, so that a record that cannot be read never gets into the journal.
      const kept = journal.create(record.id, record);
      return keep(fold([kept]), [kept]);
    },
    load: (id, records) => {
      const task = fold(records);
      if (task.id !== id) throw new Error(`the journal of ${id} belongs to ${task.id}`);
      return keep(task, []);
    },
    step(id, event, before = []) {
      const task = expect(id);
      const nowMs = surroundings.now();
      const state = step(task.state, event, nowMs, limits(task.spec), surroundings.random());
      const records = state === task.state ? before : [...before, stateRecord(task, state, nowMs)];
      if (records.length === 0) return task;
      return append(task, journal.append(id, records));
    },
    note(id, record) {
      const task = expect(id);
      return append(task, journal.append(id, [record]));
    },
    noteUnsynced(id, record) {
      const task = expect(id);
      return append(task, [journal.appendUnsynced(id, record)]);
    },
    retire(id, last) {
      journal.retire(id, last);
      change(id, undefined, [asKept<JournalRecord>(last)]);
    },
    forget(id) {
      journal.discard(id);
      change(id, undefined, []);
    },
    onChange: (listener) => {
      listeners.push(listener);
    },
  };
}

function stateRecord(task: OpenTask, state: TaskState, nowMs: number): JournalRecord {
  const time = new Date(nowMs).toISOString();
  return { k: "state", state, row: { time, task: task.id, session: task.sessionKey, ...rowOf(state) } };
}

/** Returns an open task that must be there. */
export function expectOpen(table: Pick<TaskTable, "get">, id: string): OpenTask {
  const task = table.get(id);
  if (task === undefined) throw new Error(`no open task ${id}`);
  return task;
}

/** What a task is cancelled with whose file says so. */
export const CANCEL_WORDS = "its file says cancel: true";

/** Ends those of the tasks that are queued and whose text says `cancel: true`: they are recorded, and never run. */
export function cancelIfAsked(table: Pick<TaskTable, "get" | "step">, ...ids: readonly (string | undefined)[]): void {
  for (const id of ids) {
    const task = id === undefined ? undefined : table.get(id);
    if (task?.spec.cancel === true && task.state.kind === "queued" && isClaimed(task))
      table.step(task.id, { kind: "stop", cause: "user", detail: CANCEL_WORDS });
  }
}
