import { CoordinatorError } from "../base/errors.ts";
import { type ParsedDrop, parseDropText } from "../task/file/task-file.ts";
import { type ComposedText, wholeText } from "../task/file/task-text.ts";
import type { Rights } from "../task/rights/rights.ts";
import { describeProblems } from "../task/spec/task-problem.ts";

/**
 * Returns the task that the text of a task file asks for.
 *
 * @param given the text, or what it was put together of: problems are told in its terms
 * @param rights what it may ask for; `undefined` where that is judged later
 * @throws CoordinatorError `TASK_FILE` listing every problem; `NOT_ALLOWED` where nothing is wrong but that it asks for too much
 */
export function readSubmission(
  given: string | ComposedText,
  rights: Rights | undefined,
): ParsedDrop & { readonly ok: true } {
  const { text, locate } = typeof given === "string" ? wholeText(given) : given;
  const parsed = parseDropText(text, undefined, rights);
  if (parsed.ok) return parsed;
  const located = parsed.problems.map((problem) => ({ problem, at: locate(problem) }));
  const said = located.map(({ problem, at }) => ({ ...problem, line: at.line, column: at.column }));
  const places = located.map(({ problem: { message, expected }, at }) => ({ ...at, message, expected }));
  throw new CoordinatorError(parsed.refused ? "NOT_ALLOWED" : "TASK_FILE", describeProblems(said), { places });
}
