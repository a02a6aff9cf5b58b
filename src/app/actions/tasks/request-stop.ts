import { CoordinatorError } from "../../../base/errors.ts";
import { isClaimed, type OpenTask } from "../../../store/tasks/open-task.ts";
import type { TaskView } from "../../views/task-view.ts";

/** @throws CoordinatorError `REFUSED` for a task that other clones may have, and this one has not claimed */
export function refuseUnclaimed(task: OpenTask | undefined): void {
  if (task === undefined || isClaimed(task)) return;
  const where = task.superseded === undefined ? "remove its file from inbox/ by a commit that is pushed, or" : "";
  throw new CoordinatorError("REFUSED", `this clone has not claimed ${task.id}: ${where} stop it where it was claimed`);
}

/** What a request to stop a task met. */
export interface StopAnswer<Task = Pick<TaskView, "id" | "status">> {
  readonly task: Task;
  /** `false` where it had ended already. */
  readonly asked: boolean;
}

/**
 * Asks for the end of the open task whose id contains `part`. The request outlives every process.
 *
 * @throws CoordinatorError `NOT_FOUND`; `REFUSED` where several are meant, or for a task that another clone has accepted
 */
export async function requestStop(
  part: string,
  find: (part: string) => Promise<TaskView>,
  stop: (id: string) => Promise<void> | void,
): Promise<StopAnswer<TaskView>> {
  const task = await find(part);
  if (task.endedAt !== null) return { task, asked: false };
  if (task.committed) {
    const why = task.hold ?? task.status;
    throw new CoordinatorError("REFUSED", `${task.id} belongs to another clone: ${why}; stop it there`);
  }
  await stop(task.id);
  return { task, asked: true };
}
