import { CoordinatorError } from "../../../base/errors.ts";
import type { Surroundings } from "../../../base/surroundings.ts";
import type { TaskTable } from "../../../store/tasks/task-table.ts";

/** Requests that may wait at one time: half of those that may be under way. */
const WAITS_MAX = 64;

export interface WaitOptions {
  readonly timeoutMs: number;
  /** Aborted where nobody waits any more. */
  readonly signal: AbortSignal | undefined;
}

/** Those who wait for the end of a task. They hear of it from the table: nothing is asked again and again. */
export interface TaskWaits {
  /**
   * Resolves once the task has ended, or is not open, or the time is over, or nobody waits any more, or the coordinator ends.
   *
   * @throws CoordinatorError `TRY_AGAIN` where as many wait as may
   */
  untilEnded(id: string, options: WaitOptions): Promise<void>;
  /** Ends every wait, and those that come. */
  close(): void;
}

export function createTaskWaits(
  table: Pick<TaskTable, "get" | "onChange">,
  { after }: Pick<Surroundings, "after">,
): TaskWaits {
  const waiting = new Map<string, Set<() => void>>();
  let count = 0;
  let isClosed = false;
  const isOver = (id: string): boolean => (table.get(id)?.state.kind ?? "ended") === "ended";
  const endAll = (id: string): void => {
    for (const end of waiting.get(id) ?? []) end();
  };
  table.onChange((task, before) => {
    const id = task?.id ?? before?.id ?? "";
    if (waiting.has(id) && isOver(id)) endAll(id);
  });
  return {
    async untilEnded(id, { timeoutMs, signal }) {
      if (isClosed || isOver(id) || signal?.aborted === true) return;
      if (count >= WAITS_MAX) {
        const message = `${WAITS_MAX} requests wait for tasks already: ask again, or without wait`;
        throw new CoordinatorError("TRY_AGAIN", message);
      }
      count += 1;
      const ends = waiting.get(id) ?? new Set();
      waiting.set(id, ends);
      const { promise, resolve } = Promise.withResolvers<void>();
      const cancel = after(timeoutMs, resolve);
      signal?.addEventListener("abort", () => resolve(), { once: true });
      ends.add(resolve);
      await promise;
      cancel();
      count -= 1;
      ends.delete(resolve);
      if (ends.size === 0) waiting.delete(id);
    },
    close() {
      isClosed = true;
      for (const id of waiting.keys()) endAll(id);
    },
  };
}
