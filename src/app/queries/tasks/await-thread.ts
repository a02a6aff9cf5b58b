import { setTimeout as delay } from "node:timers/promises";
import { CoordinatorError } from "../../../base/errors.ts";
import { readEvents } from "../../log/event-client.ts";
import type { TaskView } from "../../views/task-view.ts";
import type { CoordinatorAddress } from "../server-record.ts";

/** How often the task is looked at where no coordinator tells of it: it has not taken it yet, or has no interface. */
const POLL_MS = 250;

export interface AwaitThreadDeps {
  /** Asks for the task; `undefined` as long as no coordinator has taken it. */
  find(): Promise<TaskView | undefined>;
  isServed(): boolean;
  /** Resolves when something may have happened to the task. */
  change(): Promise<void>;
}

/**
 * Resolves with the thread of a task as soon as that is known.
 *
 * @param onHold is told why the task does not run yet, once for each reason
 * @throws CoordinatorError `TASK_FAILED` where it has ended without one; `TRY_AGAIN` where nobody serves any more
 */
export async function awaitThread(
  id: string,
  { find, isServed, change }: AwaitThreadDeps,
  onHold: (why: string) => void,
): Promise<string> {
  let said: string | undefined;
  for (;;) {
    const task = await find();
    if (task?.thread != null) return task.thread;
    if (task?.endedAt != null) {
      const why = task.reason ?? task.status;
      throw new CoordinatorError("TASK_FAILED", `${id} has ended as ${task.status} without a thread: ${why}`);
    }
    const hold = task?.hold ?? undefined;
    if (hold !== undefined && hold !== said) onHold(hold);
    said = hold;
    if (!isServed()) {
      const message = `nobody serves this workspace any more: ${id} goes on with codex-inbox serve`;
      throw new CoordinatorError("TRY_AGAIN", message);
    }
    await change();
  }
}

/** Returns `change` of a task, as the coordinator at `address` tells it until `signal` is aborted. */
export function taskChanges(
  id: string,
  address: () => CoordinatorAddress | undefined,
  signal: AbortSignal,
): AwaitThreadDeps["change"] {
  let events: AsyncIterator<unknown> | undefined;
  return async () => {
    const asked = address();
    try {
      if (asked !== undefined) events ??= readEvents(asked, { task: id, after: undefined }, signal);
      const next = await events?.next(); // The first one is that they have begun: what came before is looked for once more.
      if (next !== undefined && next.done !== true) return;
    } catch {
      // It does not know the task yet, or has gone: what the next look finds says which.
    }
    events = undefined;
    await delay(POLL_MS);
  };
}
