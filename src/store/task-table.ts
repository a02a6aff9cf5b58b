import type { Surroundings } from "../base/surroundings.ts";
import { parseDropText } from "../task/file/task-file.ts";
import type { LedgerRow } from "../task/ledger/ledger.ts";
import type { TaskSpec } from "../task/spec/task-spec.ts";
import { rowOf } from "../task/state/state-row.ts";
import type { TaskEvent } from "../task/state/task-event.ts";
import { acceptedState, step, type TaskLimits, type TaskState } from "../task/state/task-state.ts";
import type { JournalRecord, TaskSource } from "./journal-record.ts";
import type { TaskJournal } from "./task-journal.ts";

/** A task that is not finished and committed, as memory holds it. Its text stays in the journal. */
export interface OpenTask {
  readonly id: string;
  readonly sessionKey: string;
  readonly folder: string;
  readonly order: number;
  readonly acceptedAtMs: number;
  readonly clone: string;
  readonly spec: TaskSpec;
  readonly source: TaskSource | undefined;
  /** Further ids under which the same drop may come again. */
  readonly aliases: readonly string[];
  readonly state: TaskState;
  /** The agent's run under way, or the last one. */
  readonly lastRun: StartedRun | undefined;
  /** The drop is gone from the branch and from the user's index for good, or was never there. */
  readonly dropGone: boolean;
  /** Its outcome was committed, though the branch may have lost that since. */
  readonly committed: boolean;
}

/** What is known of a run since it was started. */
export interface StartedRun {
  readonly run: number;
  readonly attempt: number;
  readonly startedAtMs: number;
  /** The thread asked for; `undefined` for a new one. */
  readonly resume: string | undefined;
  readonly thread: string | undefined;
  readonly ended: boolean;
}

/** The one owner of the states of all open tasks. Every change is journaled before it is seen. */
export interface TaskTable {
  get(id: string): OpenTask | undefined;
  all(): Iterable<OpenTask>;
  readonly size: number;
  /** Writes the first record of a task's journal; from here on the task is accepted. */
  accept(record: JournalRecord & { readonly k: "accepted" }): OpenTask;
  /** Takes in the journal of a task that an earlier coordinator accepted. */
  load(id: string, records: readonly JournalRecord[]): OpenTask;
  /** Moves a task by one event; `before` are records that become durable together with the new state. */
  step(id: string, event: TaskEvent, before?: readonly JournalRecord[]): OpenTask;
  /** Journals something that does not change the state. */
  note(id: string, record: JournalRecord): OpenTask;
  /** The task is committed: its journal moves to the finished ones and memory forgets it. */
  retire(id: string): void;
  /** Forgets a task for good, journal and all. */
  forget(id: string): void;
  /** Calls `listener` after each change, with the task as it is then. */
  onChange(listener: (task: OpenTask) => void): void;
}

/** Creates the table over `journal`; `limits` are asked for at each step, since configuration may be edited while serving. */
export function createTaskTable(
  journal: TaskJournal,
  surroundings: Surroundings,
  limits: (spec: TaskSpec) => TaskLimits,
): TaskTable {
  const tasks = new Map<string, OpenTask>();
  const listeners: ((task: OpenTask) => void)[] = [];
  const keep = (task: OpenTask): OpenTask => {
    tasks.set(task.id, task);
    for (const listener of listeners) listener(task);
    return task;
  };
  const expect = (id: string): OpenTask => {
    const task = tasks.get(id);
    if (task === undefined) throw new Error(`no open task ${id}`);
    return task;
  };

  return {
    get: (id) => tasks.get(id),
    all: () => tasks.values(),
    get size() {
      return tasks.size;
    },
    accept(record) {
      const task = fold([record]); // First, so that a record that cannot be read never gets into the journal.
      journal.create(record.id, record);
      return keep(task);
    },
    load: (id, records) => {
      const task = fold(records);
      if (task.id !== id) throw new Error(`the journal of ${id} belongs to ${task.id}`);
      return keep(task);
    },
    step(id, event, before = []) {
      const task = expect(id);
      const nowMs = surroundings.now();
      const state = step(task.state, event, nowMs, limits(task.spec), surroundings.random());
      const records = state === task.state ? before : [...before, stateRecord(task, state, nowMs)];
      if (records.length === 0) return task;
      journal.append(id, records);
      return keep(records.reduce(applyRecord, task));
    },
    note(id, record) {
      const task = expect(id);
      journal.append(id, [record]);
      return keep(applyRecord(task, record));
    },
    retire(id) {
      journal.retire(id);
      tasks.delete(id);
    },
    forget(id) {
      journal.discard(id);
      tasks.delete(id);
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

/** Returns the ledger rows of a task, from its journal: its acceptance and every change of state. */
export function ledgerRows(records: readonly JournalRecord[]): readonly LedgerRow[] {
  return records.flatMap((record) => {
    if (record.k === "state") return [record.row];
    if (record.k === "accepted") return [acceptedRow(record)];
    return [];
  });
}

/** Returns the row of a task's acceptance. */
function acceptedRow(record: JournalRecord & { readonly k: "accepted" }): LedgerRow {
  const time = new Date(record.atMs).toISOString();
  return {
    time,
    task: record.id,
    session: record.session,
    run: 1,
    status: "queued",
    detail: record.source?.path ?? "",
  };
}

/** Returns the task that `records` (the whole journal, in order) tell of. */
export function fold(records: readonly JournalRecord[]): OpenTask {
  const first = records[0];
  if (first?.k !== "accepted") throw new Error("a task's journal must begin with its acceptance");
  const accepted: OpenTask = {
    id: first.id,
    sessionKey: first.session,
    folder: first.folder,
    order: first.order,
    acceptedAtMs: first.atMs,
    clone: first.clone,
    spec: parsedSpec(first.text, first.folderKey),
    source: first.source ?? undefined,
    aliases: [],
    state: acceptedState(0), // Due at once, also where the clock was set back since.
    lastRun: undefined,
    dropGone: first.source === null || first.source.tracked === "untracked",
    committed: false,
  };
  return records.slice(1).reduce(applyRecord, accepted);
}

function applyRecord(task: OpenTask, record: JournalRecord): OpenTask {
  switch (record.k) {
    case "accepted":
    case "verify":
    case "follow-up":
      return task;
    case "committed":
      return { ...task, committed: true };
    case "replaced": {
      const aliases = [...task.aliases, record.alias];
      const dropGone = record.source.tracked === "untracked";
      return { ...task, spec: parsedSpec(record.text, record.folderKey), source: record.source, aliases, dropGone };
    }
    case "state":
      return { ...task, state: record.state };
    case "started": {
      const { run, attempt, atMs } = record;
      const resume = record.resume ?? undefined;
      return { ...task, lastRun: { run, attempt, startedAtMs: atMs, resume, thread: resume, ended: false } };
    }
    case "thread":
      return task.lastRun?.run === record.run ? { ...task, lastRun: { ...task.lastRun, thread: record.thread } } : task;
    case "run":
      return task.lastRun?.run === record.run ? { ...task, lastRun: { ...task.lastRun, ended: true } } : task;
    case "drop-gone":
      return { ...task, dropGone: true };
    case "drop-back":
      return { ...task, dropGone: false };
  }
}

/** Parses a text that was valid when it was accepted; if a later version finds fault with it, that is our bug. */
function parsedSpec(text: string, folderKey: string | null): TaskSpec {
  const parsed = parseDropText(text, folderKey ?? undefined);
  if (parsed.ok) return parsed.spec;
  throw new Error(
    `an accepted task is no longer valid: ${parsed.problems.map((problem) => problem.message).join("; ")}`,
  );
}

/** Tells whether the branch still holds the drop of an accepted task: a commit has to put the queued task in its place. */
export function awaitsIntakeCommit(task: OpenTask): boolean {
  return task.source?.tracked === "head" && !task.dropGone;
}

/** Returns an open task that must be there. */
export function expectOpen(table: Pick<TaskTable, "get">, id: string): OpenTask {
  const task = table.get(id);
  if (task === undefined) throw new Error(`no open task ${id}`);
  return task;
}

/** Tells whether nothing more will happen to the task but its commit. */
export function isFinished(task: OpenTask): boolean {
  return task.state.kind === "ended";
}
