import { CoordinatorError } from "../base/errors.ts";
import type { Log } from "../base/surroundings.ts";
import type { TaskTable } from "../store/tasks/task-table.ts";

/** Below this share of the bound a queue that was full is said to have room again; else each finished task would be news. */
const ROOM_SHARE = 0.9;

const ROOM_TASKS = 100;
/** A disk whose last megabytes come and go is said to have room again once it has had it for so long. */
const DISK_ROOM_AFTER_MS = 60_000;

export interface QueueLimitDeps {
  readonly table: Pick<TaskTable, "size">;
  readonly settings: () => { readonly maxOpenTasks: number };
  readonly now: () => number;
  readonly log: Log;
  /** Why the disk has no room for more, in words; `undefined` where it has. */
  readonly disk: () => string | undefined;
}

/**
 * How many tasks may be open: accepted, and not yet ended and committed; and none is accepted while the disk is nearly full. What is dropped
 * beyond that stays in inbox/.
 */
export interface QueueLimit {
  isFull(): boolean;
  /** There is room for so many more that looking for them is worth a walk through all that waits. */
  isRoomy(): boolean;
  /** @throws CoordinatorError `QUEUE_FULL` when no task can be accepted now */
  refuseWhenFull(): void;
  /** Once per tick: `waiting` dropped files were found to have no room. Logs when that begins and ends, and when the disk is nearly full. */
  note(waiting: number): void;
  /** That it is full, as people are told; `undefined` where there is room for whatever waits. */
  state(): { readonly reason: string; readonly sinceMs: number } | undefined;
}

export function createQueueLimit({ table, settings, now, log, disk }: QueueLimitDeps): QueueLimit {
  const max = (): number => settings().maxOpenTasks;
  let sinceMs: number | undefined;
  let waiting = 0;
  let saidLow = false;
  let roomSinceMs: number | undefined;
  /** Somebody has to see to it: it is told apart from a queue that is full of tasks. */
  const noteDisk = (): void => {
    const low = disk();
    if (low !== undefined) {
      roomSinceMs = undefined;
      if (!saidLow) log("disk-low", { reason: low });
      saidLow = true;
    } else if (saidLow) {
      roomSinceMs ??= now();
      if (now() - roomSinceMs < DISK_ROOM_AFTER_MS) return;
      saidLow = false;
      log("disk-room", {});
    }
  };
  const isFull = (): boolean => table.size >= max() || disk() !== undefined;
  return {
    isFull,
    isRoomy: () => disk() === undefined && table.size <= max() - Math.min(ROOM_TASKS, Math.ceil(max() / 10)),
    refuseWhenFull() {
      if (isFull()) throw new CoordinatorError("QUEUE_FULL", disk() ?? queueFull(table.size, max()));
    },
    note(found) {
      waiting = found;
      noteDisk();
      if (sinceMs === undefined && isFull()) {
        sinceMs = now();
        log("queue-full", { open: table.size, max: max(), reason: disk() });
      } else if (sinceMs !== undefined && waiting === 0 && !isFull() && table.size < Math.max(1, max() * ROOM_SHARE)) {
        sinceMs = undefined;
        log("queue-room", { open: table.size, max: max() });
      }
    },
    state() {
      if (sinceMs === undefined || (waiting === 0 && !isFull())) return undefined;
      const left = waiting === 0 ? "" : `; ${waiting} dropped ${waiting === 1 ? "file waits" : "files wait"} in inbox/`;
      const low = disk();
      if (low !== undefined) return { reason: `${low}${left}`, sinceMs };
      return { reason: `${table.size} of at most ${max()} open tasks (maxOpenTasks)${left}`, sinceMs };
    },
  };
}

/** Returns the sentence for whoever wants to add a task to a full queue. */
export function queueFull(open: number, max: number): string {
  return `the queue is full, with ${open} of at most ${max} open tasks: try again when some have ended, or set maxOpenTasks higher`;
}
