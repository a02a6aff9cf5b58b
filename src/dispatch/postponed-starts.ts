import type { Surroundings } from "../base/surroundings.ts";
import type { TaskTable } from "../store/tasks/task-table.ts";
import type { Hold } from "../task/schedule/hold.ts";
import type { TaskSchedule } from "./scheduled-tasks.ts";
import type { TickLoop } from "./tick-loop.ts";

/** A task whose run could not be begun just now is not tried again before this. */
const START_AGAIN_MS = 250;
/** Where there was no room for a worktree: other programs may make some at any time. */
const ROOM_AGAIN_MS = 30_000;

export interface PostponedStartsDeps {
  readonly loop: Pick<TickLoop, "wake">;
  readonly table: Pick<TaskTable, "get" | "onChange">;
  readonly schedule: Pick<TaskSchedule, "refresh">;
  /** By task: why there was no room for its worktree; taken out when the task is postponed. */
  readonly noRoom: Map<string, string>;
  readonly after: Surroundings["after"];
}

/** Tasks whose runs could not be begun, whatever was in the way: each is tried again after a moment, or as soon as there may be room. */
export interface PostponedStarts {
  /** How many tasks are gone until now: each may have been the last open one of its session, whose worktree makes room. */
  readonly goneCount: number;
  /** @param goneBefore how many were gone when its run was to begin: it was looked for room some time after that */
  postpone(id: string, goneBefore: number): void;
  has(id: string): boolean;
  /** Why it has to wait for longer than a moment; `undefined` where it has not. */
  hold(id: string): Hold | undefined;
  /** Of those that are tried again in a moment. */
  readonly momentaryCount: number;
  stop(): void;
}

interface Postponed {
  readonly cancel: () => void;
  /** Why there is no room. */
  readonly room: string | undefined;
}

export function createPostponedStarts({ loop, table, schedule, noRoom, after }: PostponedStartsDeps): PostponedStarts {
  const postponed = new Map<string, Postponed>();
  let goneCount = 0;

  const tryAgain = (id: string): void => {
    postponed.get(id)?.cancel();
    if (!postponed.delete(id)) return;
    schedule.refresh(id);
    loop.wake();
  };

  // A session without an open task may give up its worktree.
  table.onChange((task, before) => {
    const id = task?.id ?? before?.id ?? "";
    if (task === undefined) goneCount += 1;
    if (task?.state.kind === "queued") return;
    if (postponed.has(id)) tryAgain(id);
    if (task === undefined) for (const [other, { room }] of postponed) if (room !== undefined) tryAgain(other);
  });

  return {
    get goneCount() {
      return goneCount;
    },
    postpone(id, goneBefore) {
      postponed.get(id)?.cancel();
      const room = goneBefore === goneCount ? noRoom.get(id) : undefined;
      noRoom.delete(id);
      const cancel = after(room === undefined ? START_AGAIN_MS : ROOM_AGAIN_MS, () => tryAgain(id));
      postponed.set(id, { cancel, room });
      schedule.refresh(id);
    },
    has: (id) => postponed.has(id),
    hold(id) {
      const room = postponed.get(id)?.room;
      return room === undefined ? undefined : { kind: "room", problem: room };
    },
    get momentaryCount() {
      return [...postponed.values()].filter(({ room }) => room === undefined).length;
    },
    stop() {
      for (const { cancel } of postponed.values()) cancel();
    },
  };
}
