import { CoordinatorError } from "../../base/errors.ts";
import { isTaskId } from "../../task/names/task-id.ts";
import type { TaskView } from "../views/task-view.ts";
import { placed, presentFinished } from "./list-tasks.ts";
import type { QueriesDeps } from "./queries.ts";

/** More candidates than this are not listed in the answer to an ambiguous id. */
const CANDIDATES_SHOWN = 5;

/** Returns the task whose id contains `part`. @throws CoordinatorError `NOT_FOUND`, or `REFUSED` where several do */
export async function findTask(deps: QueriesDeps, part: string): Promise<TaskView> {
  const found = new Map<string, () => Promise<TaskView | undefined>>();
  if (part !== "") {
    const open = await deps.open();
    for (const task of open.all)
      if (task.id.includes(part))
        found.set(task.id, async () => (await (await import("./open-tasks.ts")).presentTasks(open, [task]))[0]);
    for (const row of (await deps.ledger.current()).values())
      if (row.task.includes(part) && !found.has(row.task))
        found.set(row.task, () => presentFinished(deps, placed(row)));
  }
  const older = isTaskId(part) && !found.has(part) ? await deps.ledger.find(part) : undefined;
  if (older !== undefined) found.set(older.task, () => presentFinished(deps, placed(older)));
  if (found.size === 0 && /^[0-9a-z-]+$/.test(part)) {
    for (const entry of await deps.history.withId(part, CANDIDATES_SHOWN + 1))
      found.set(entry.task, () => presentFinished(deps, entry));
  }
  if (found.size > 1) {
    const shown = [...found.keys()].slice(0, CANDIDATES_SHOWN).join(", ");
    const many = `"${part}" could be any of ${found.size} tasks: ${shown}; give more of the id`;
    throw new CoordinatorError("REFUSED", many);
  }
  for (const present of found.values()) {
    const task = await present();
    if (task !== undefined) return task;
  }
  throw new CoordinatorError("NOT_FOUND", `there is no task "${part}"; codex-inbox ls shows the ids`);
}
