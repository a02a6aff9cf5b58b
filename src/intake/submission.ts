import { CoordinatorError } from "../base/errors.ts";
import { type ParsedDrop, parseDropText } from "../task/file/task-file.ts";
import type { Rights } from "../task/rights/rights.ts";
import { describeProblems } from "../task/spec/task-problem.ts";

/**
 * Returns the task that the text of a task file asks for.
 *
 * @throws CoordinatorError `TASK_FILE` listing every problem; `NOT_ALLOWED` where nothing is wrong but that it asks for too much
 */
export function readSubmission(text: string, rights: Rights): ParsedDrop & { readonly ok: true } {
  const parsed = parseDropText(text, undefined, rights);
  if (parsed.ok) return parsed;
  throw new CoordinatorError(parsed.refused ? "NOT_ALLOWED" : "TASK_FILE", describeProblems(parsed.problems));
}
