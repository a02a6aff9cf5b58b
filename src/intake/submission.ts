import { CoordinatorError } from "../base/errors.ts";
import { readFrontMatter } from "../task/file/front-matter.ts";
import { canonicalKey, TASK_KEYS } from "../task/file/task-fields.ts";
import { type ParsedDrop, parseDropText } from "../task/file/task-file.ts";
import { type ComposedText, type TaskChange, wholeText } from "../task/file/task-text.ts";
import type { Rights } from "../task/rights/rights.ts";
import { describeProblems, quoted } from "../task/spec/task-problem.ts";
import { misspelling } from "../task/text/near-miss.ts";

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

/**
 * Refuses a change of the task file `text` that takes out a key which is not there and can hardly be anything but a misspelt one: nothing
 * would come of it, without a word.
 *
 * @throws CoordinatorError `TASK_FILE`
 */
export function refuseMisspeltUnset(text: string, { keys }: TaskChange): void {
  const unknown = Object.keys(keys).filter((key) => keys[key] === null && canonicalKey(key) === undefined);
  if (unknown.length === 0) return;
  const there = new Set(readFrontMatter(text).entries.map(({ key }) => key));
  const places = unknown.flatMap((key) => {
    const near = there.has(key) ? undefined : misspelling(key, TASK_KEYS);
    return near === undefined ? [] : [{ key, message: `there is no key ${quoted(key)}; did you mean ${near}?` }];
  });
  if (places.length > 0)
    throw new CoordinatorError("TASK_FILE", places.map(({ message }) => message).join(" "), { places });
}
