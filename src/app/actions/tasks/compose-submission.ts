import { CoordinatorError } from "../../../base/errors.ts";
import type { TaskKey } from "../../../task/file/task-fields.ts";
import { addKeys, type ComposedText } from "../../../task/file/task-text.ts";

/** A key of the front matter that is given apart from the text. */
export interface GivenKey {
  readonly key: TaskKey;
  readonly value: unknown;
  /** What it is called where it is given: "--title". */
  readonly name: string;
}

/**
 * Returns the task file that a text and keys beside it make.
 *
 * @throws CoordinatorError `USAGE` for a key that both give
 */
export function composeSubmission(text: string, given: readonly GivenKey[]): ComposedText {
  const composed = addKeys(text, Object.fromEntries(given.map(({ key, value }) => [key, value])));
  if (!("twice" in composed)) return composed;
  const said = composed.twice.map(({ key, line }) => {
    const { name = key } = given.find((one) => one.key === key) ?? {};
    return `${name} and line ${line} of the text both give ${key}`;
  });
  throw new CoordinatorError("USAGE", `${said.join("; ")}: give it once`);
}
