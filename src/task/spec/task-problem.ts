import { oneLine } from "../text/one-line.ts";
import type { TaskProblem } from "./task-spec.ts";

/** A place in a file. Both count from 1; a column counts UTF-16 units, as editors do. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

/** What stands where something else was expected; the parts of a problem that belong together. */
export interface Expectation {
  readonly expected: string;
  /** Lines that would be right. */
  readonly example: string | undefined;
}

const QUOTED_CHARACTERS_MAX = 60;

/** Returns a problem at `place` (`undefined`: it concerns the whole file). */
export function problemAt(place: Place | undefined, message: string, expectation: Expectation): TaskProblem {
  const { expected, example } = expectation;
  return { line: place?.line, column: place?.column, message, expected, example };
}

/** Returns the place of the UTF-16 unit at `offset` in `text`. Lines end with a line feed. */
export function placeAt(text: string, offset: number): Place {
  let line = 1;
  let lineStart = 0;
  for (let end = text.indexOf("\n"); end !== -1 && end < offset; end = text.indexOf("\n", end + 1)) {
    line += 1;
    lineStart = end + 1;
  }
  return { line, column: offset - lineStart + 1 };
}

/** Returns a value of a task file for use in a sentence: one line, short, in double quotes. */
export function quoted(text: string): string {
  return `"${oneLine(text, QUOTED_CHARACTERS_MAX)}"`;
}

/** Returns all problems of a task file in one line. */
export function describeProblems(problems: readonly TaskProblem[]): string {
  return problems
    .map(
      ({ line, message, expected }) => `${line === undefined ? "" : `line ${line}: `}${message}; expected ${expected}`,
    )
    .join(". ");
}
