import { existsSync } from "node:fs";
import { join } from "node:path";
import { CoordinatorError } from "../../../base/errors.ts";
import type { OpenTask } from "../../../store/tasks/open-task.ts";
import { isTaskId } from "../../../task/names/task-id.ts";
import { INBOX } from "../../../task/records/workspace-paths.ts";
import { rowOf } from "../../../task/state/state-row.ts";
import type { TaskView } from "../../views/task-view.ts";
import type { QueriesDeps } from "../queries.ts";
import { type Finished, placed, presentFinished } from "./list-tasks.ts";

/** More candidates than this are not listed in the answer to an ambiguous id. */
const CANDIDATES_SHOWN = 5;

/** A task, before more is read of it. */
export interface LocatedTask {
  readonly id: string;
  readonly sessionKey: string;
  readonly status: string;
  /** Returns it as interfaces show it; `undefined` where its file is gone. */
  readonly present: () => Promise<TaskView | undefined>;
}

/** Returns the task whose id contains `part`; no task file is read. @throws CoordinatorError `NOT_FOUND`, or `REFUSED` where several do */
export async function locateTask(deps: QueriesDeps, part: string): Promise<LocatedTask> {
  const found = new Map<string, LocatedTask>();
  const addFinished = (row: Finished): void => {
    const { task: id, session: sessionKey, status } = row;
    if (!found.has(id)) found.set(id, { id, sessionKey, status, present: () => presentFinished(deps, row) });
  };
  if (part !== "") {
    const open = await deps.open();
    const present = async (task: OpenTask) => (await (await import("./open-tasks.ts")).presentTasks(open, [task]))[0];
    for (const task of open.all) {
      if (!task.id.includes(part)) continue;
      const { id, sessionKey } = task;
      found.set(id, { id, sessionKey, status: rowOf(task.state).status, present: () => present(task) });
    }
    const exact = found.get(part);
    if (exact !== undefined) return exact; // A whole id is a part of no other.
    for (const row of (await deps.ledger.current()).values()) if (row.task.includes(part)) addFinished(placed(row));
  }
  const older = isTaskId(part) && !found.has(part) ? await deps.ledger.find(part) : undefined;
  if (older !== undefined) addFinished(placed(older));
  if (found.size === 0 && /^[0-9a-z-]+$/.test(part))
    for (const entry of await deps.history.withId(part, CANDIDATES_SHOWN + 1)) addFinished(entry);
  if (found.size > 1) {
    const shown = [...found.keys()].slice(0, CANDIDATES_SHOWN).join(", ");
    const many = `"${part}" could be any of ${found.size} tasks: ${shown}; give more of the id`;
    throw new CoordinatorError("REFUSED", many);
  }
  const [only] = found.values();
  if (only === undefined) throw stillDropped(deps.workspaceDir, part) ?? noSuchTask(part);
  return only;
}

/** The same words for all that find none. */
export function noSuchTask(part: string): CoordinatorError {
  return new CoordinatorError("NOT_FOUND", `there is no task "${part}"; codex-inbox ls shows the ids`);
}

/** What a command has put into inbox/ has its id before a coordinator makes a task of it. */
function stillDropped(workspaceDir: string, id: string): CoordinatorError | undefined {
  const path = `${INBOX}/${id}.md`;
  if (!isTaskId(id) || !existsSync(join(workspaceDir, path))) return undefined;
  const waits = `${path} waits for a coordinator to take it (codex-inbox serve)`;
  return new CoordinatorError("NOT_FOUND", `${id} is no task yet: ${waits}`);
}
