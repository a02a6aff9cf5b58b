import type { ErrorCode, YAMLError } from "yaml";
import { type Expectation, type Place, problemAt } from "../spec/task-problem.ts";
import type { TaskProblem } from "../spec/task-spec.ts";
import { oneLine } from "../text/one-line.ts";

const KEY_VALUE = { expected: 'lines of the form "key: value"', example: "title: Fix the login redirect" };
const QUOTED = { expected: "the value in double quotes", example: 'title: "Login: fix the redirect"' };

/** What the parser's errors mean for somebody who wrote a task file; the rest is told in the parser's own words. */
const MEANINGS: Partial<Record<ErrorCode, { readonly message: string; readonly expectation: Expectation }>> = {
  BLOCK_AS_IMPLICIT_KEY: {
    message: 'a value with ": " in it is not in quotes, or a line is indented',
    expectation: QUOTED,
  },
  MULTILINE_IMPLICIT_KEY: { message: "a value goes on in the next line", expectation: QUOTED },
  BAD_SCALAR_START: { message: "a value begins with a character that has a meaning in YAML", expectation: QUOTED },
  DUPLICATE_KEY: {
    message: "this key is there twice",
    expectation: { expected: "every key once", example: undefined },
  },
  TAB_AS_INDENT: { message: "a tab is used as indentation", expectation: { expected: "spaces", example: undefined } },
  MULTIPLE_DOCS: { message: 'a line "..." ends the YAML early', expectation: KEY_VALUE },
};

/** Returns a parser's error as a problem of a task file. */
export function yamlErrorProblem(error: YAMLError, place: Place): TaskProblem {
  const meaning = MEANINGS[error.code];
  if (meaning !== undefined) return problemAt(place, meaning.message, meaning.expectation);
  return problemAt(place, `not valid YAML: ${oneLine(error.message, 200)}`, KEY_VALUE);
}
