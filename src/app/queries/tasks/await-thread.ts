import { setTimeout as delay } from "node:timers/promises";
import { CoordinatorError } from "../../../base/errors.ts";
import type { TaskView } from "../../views/task-view.ts";

/** How often the task is looked at. */
const POLL_MS = 250;

/**
 * Resolves with the thread of a task as soon as that is known.
 *
 * @param find asks for the task; `undefined` as long as no coordinator has taken it
 * @param onHold is told why the task does not run yet, once for each reason
 * @throws CoordinatorError `TASK_FAILED` where it has ended without one; `TRY_AGAIN` where nobody serves any more
 */
export async function awaitThread(
  id: string,
  find: () => Promise<TaskView | undefined>,
  isServed: () => boolean,
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
    await delay(POLL_MS);
  }
}
