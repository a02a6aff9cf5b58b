import { CoordinatorError } from "../../base/errors.ts";
import type { Sessions } from "../../store/sessions/session-store.ts";
import { problemAt } from "../../task/spec/task-problem.ts";
import type { TaskProblem } from "../../task/spec/task-spec.ts";

/** Returns what is wrong with a drop for `session`: `undefined` unless that one is archived. */
export async function archivedProblem(
  sessions: Pick<Sessions, "read">,
  session: string | undefined,
): Promise<TaskProblem | undefined> {
  if (session === undefined || !(await sessions.read(session)).archived) return undefined;
  const expected = "the key of another session, or none; codex-inbox archive --undo takes this one out of the archive";
  return problemAt(undefined, `the session "${session}" is archived`, { expected, example: undefined });
}

/** @throws CoordinatorError `REFUSED` where `session` is archived */
export async function refuseArchived(sessions: Pick<Sessions, "read">, session: string | undefined): Promise<void> {
  const problem = await archivedProblem(sessions, session);
  if (problem === undefined) return;
  throw new CoordinatorError("REFUSED", `${problem.message}; expected ${problem.expected}`);
}
