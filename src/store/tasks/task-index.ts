import type { DroppedBy, TaskSource } from "../journal/journal-record.ts";
import { awaitsIntakeCommit, isFinished, type OpenTask } from "./open-task.ts";

/** How many open tasks are in which state. */
export interface TaskCounts {
  readonly queued: number;
  /** Running, verifying or stopping. */
  readonly running: number;
  readonly finished: number;
  /** Not finished, and their drops are in the branch still. */
  readonly awaitingIntakeCommit: number;
  /** Not finished, and filed by us because another task never passed its verification. */
  readonly followUps: number;
}

/** Answers about the open tasks that cost the same however many there are. Each result may be iterated while tasks change. */
export interface TaskIndex {
  counts(): TaskCounts;
  /** Tasks that wait for their result's commit, in the order in which they ended. */
  finished(): readonly OpenTask[];
  /** Unfinished tasks whose drop the branch still holds: a commit has to put the queued task in its place. */
  awaitingIntakeCommit(): readonly OpenTask[];
  /** Tasks whose run or verify command is under way or about to be. */
  running(): readonly OpenTask[];
  /** The task whose earlier version had this id. */
  withAlias(id: string): OpenTask | undefined;
  /** The newest task that was dropped at this path and has not begun. */
  queuedFrom(path: string): OpenTask | undefined;
  /** The newest task that was made of this very file while git had it, unless a commit of ours has taken it out of the branch since. */
  takenFrom(source: Pick<TaskSource, "path" | "blob">): OpenTask | undefined;
  /** The newest one of which a commit of ours has. */
  takenOut(source: Pick<TaskSource, "path" | "blob">): OpenTask | undefined;
  /** How many tasks are made of files that this run has left in inbox/. */
  droppedBy(run: DroppedBy): number;
  /** The greatest order of acceptance so far; `undefined` when there was no task. */
  readonly lastOrder: number | undefined;
}

/** The index, and how its owner keeps it: every change of a task is told, with what the task was before. */
export interface KeptTaskIndex extends TaskIndex {
  change(before: OpenTask | undefined, after: OpenTask | undefined): void;
}

/** Creates the index of no tasks. */
export function createTaskIndex(): KeptTaskIndex {
  const finished = new Map<string, OpenTask>();
  const awaiting = new Map<string, OpenTask>();
  const running = new Map<string, OpenTask>();
  const aliases = new Map<string, OpenTask>();
  const queuedPaths = newestByKey();
  const [taken, takenOut] = [newestByKey(), newestByKey()];
  const dropped = new Map<string, number>();
  let lastEnded: OpenTask | undefined;
  let endsInOrder = true;
  let lastOrder: number | undefined;
  let size = 0;
  let followUps = 0;

  const countDrop = ({ droppedBy }: OpenTask, by: 1 | -1): void => {
    if (droppedBy === undefined) return;
    const key = runKey(droppedBy);
    const count = (dropped.get(key) ?? 0) + by;
    if (count === 0) dropped.delete(key);
    else dropped.set(key, count);
  };
  const remove = (task: OpenTask): void => {
    countDrop(task, -1);
    size -= 1;
    followUps -= Number(isOpenFollowUp(task));
    finished.delete(task.id);
    awaiting.delete(task.id);
    running.delete(task.id);
    for (const alias of task.aliases) aliases.delete(alias);
    if (task.source === undefined) return;
    queuedPaths.delete(task.source.path, task.id);
    for (const tasks of [taken, takenOut]) tasks.delete(sourceKey(task.source), task.id);
  };

  const add = (task: OpenTask): void => {
    countDrop(task, 1);
    size += 1;
    followUps += Number(isOpenFollowUp(task));
    lastOrder = Math.max(lastOrder ?? task.order, task.order);
    for (const alias of task.aliases) aliases.set(alias, task);
    if (isFinished(task)) {
      if (finished.size === 0) endsInOrder = true;
      else if (lastEnded !== undefined && byEnd(task, lastEnded) < 0) endsInOrder = false;
      finished.set(task.id, task);
      lastEnded = task;
    } else {
      if (task.state.kind !== "queued") running.set(task.id, task);
      if (awaitsIntakeCommit(task)) awaiting.set(task.id, task);
    }
    const { source, state } = task;
    if (source === undefined) return;
    if (state.kind === "queued" && state.run === 1) queuedPaths.add(source.path, task);
    if (source.tracked !== "untracked") (task.dropGone ? takenOut : taken).add(sourceKey(source), task);
  };

  return {
    change(before, after) {
      if (before !== undefined) remove(before);
      if (after !== undefined) add(after);
    },
    counts: () => ({
      queued: size - running.size - finished.size,
      running: running.size,
      finished: finished.size,
      awaitingIntakeCommit: awaiting.size,
      followUps,
    }),
    finished: () => (endsInOrder ? [...finished.values()] : [...finished.values()].sort(byEnd)),
    awaitingIntakeCommit: () => [...awaiting.values()],
    running: () => [...running.values()],
    withAlias: (id) => aliases.get(id),
    queuedFrom: (path) => queuedPaths.newest(path),
    takenFrom: (source) => taken.newest(sourceKey(source)),
    takenOut: (source) => takenOut.newest(sourceKey(source)),
    droppedBy: (run) => dropped.get(runKey(run)) ?? 0,
    get lastOrder() {
      return lastOrder;
    },
  };
}

/** Tasks by a key that several may share; asked for the one accepted last. */
function newestByKey(): {
  add(key: string, task: OpenTask): void;
  delete(key: string, id: string): void;
  newest(key: string): OpenTask | undefined;
} {
  const byKey = new Map<string, Map<string, OpenTask>>();
  return {
    add(key, task) {
      const tasks = byKey.get(key);
      if (tasks === undefined) byKey.set(key, new Map([[task.id, task]]));
      else tasks.set(task.id, task);
    },
    delete(key, id) {
      const tasks = byKey.get(key);
      if (tasks?.delete(id) === true && tasks.size === 0) byKey.delete(key);
    },
    newest(key) {
      let newest: OpenTask | undefined;
      for (const task of byKey.get(key)?.values() ?? [])
        if (newest === undefined || task.order > newest.order) newest = task;
      return newest;
    },
  };
}

function isOpenFollowUp(task: OpenTask): boolean {
  // A retry has a parent too, and what an agent has dropped.
  return task.spec.followUpDepth > 0 && task.droppedBy === undefined && !isFinished(task);
}

function byEnd(one: OpenTask, other: OpenTask): number {
  return endedAtMs(one) - endedAtMs(other) || one.order - other.order;
}

function endedAtMs({ state }: OpenTask): number {
  return state.kind === "ended" ? state.endedAtMs : 0;
}

function runKey({ task, run }: DroppedBy): string {
  return `${task}/${run}`;
}

function sourceKey({ path, blob }: Pick<TaskSource, "path" | "blob">): string {
  return `${blob} ${path}`;
}
