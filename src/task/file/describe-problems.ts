import type { TaskProblem } from "../spec/task-spec.ts";

/** Returns all problems of a task file in one line. */
export function describeProblems(problems: readonly TaskProblem[]): string {
  return problems
    .map(
      ({ line, message, expected }) => `${line === undefined ? "" : `line ${line}: `}${message}; expected ${expected}`,
    )
    .join(". ");
}
