import { CoordinatorError } from "../../../base/errors.ts";
import type { Queries } from "../../queries/queries.ts";
import type { TaskLine } from "../../views/task-view.ts";
import type { StopAnswer } from "../tasks/request-stop.ts";

const PAGE_SIZE = 500;

/** What became of a session that is to end. */
export interface DrainAnswer {
  readonly session: string;
  /** What goes on until it ends. */
  readonly running: readonly TaskLine[];
  /** What will not run. */
  readonly dropped: readonly string[];
}

/**
 * Ends a session after its running turn: what waits behind that is stopped, the last one first, so that none of it begins meanwhile.
 *
 * @param key of the session, whole
 */
export async function drainSession(
  key: string,
  { lines }: Pick<Queries, "lines">,
  stop: (id: string) => Promise<StopAnswer>,
): Promise<DrainAnswer> {
  const running: TaskLine[] = [];
  const queued: TaskLine[] = [];
  let cursor: string | undefined;
  do {
    const page = await lines({ finished: 0, session: key, limit: PAGE_SIZE, cursor });
    for (const task of page.tasks) (task.status === "queued" ? queued : running).push(task);
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  const dropped: string[] = [];
  for (const { id } of queued.reverse()) {
    try {
      if ((await stop(id)).asked) dropped.push(id);
    } catch (error) {
      if (!(error instanceof CoordinatorError) || error.code !== "REFUSED") throw error; // Another clone's.
    }
  }
  return { session: key, running, dropped };
}
