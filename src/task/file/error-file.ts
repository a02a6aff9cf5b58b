import type { TaskProblem } from "../spec/task-spec.ts";
import { asKeptText, type Kept, type KeptText } from "../text/kept-text.ts";
import { fenced, inlineCode, plainMarkdown } from "../text/markdown.ts";

/** The first line of every error file of ours. */
const MARKER = "<!-- codex-inbox:error -->";

/**
 * Returns what is said beside a dropped file that is no valid task. The same problems give the same text.
 *
 * @param fileName the name of the dropped file, without its folder
 */
export function renderErrorFile(fileName: KeptText, problems: readonly Kept<TaskProblem>[]): KeptText {
  const name = inlineCode(fileName);
  const lines = [
    MARKER,
    `# ${name} is not a valid task`,
    "",
    ...problems.map(problemText),
    "",
    `It was not accepted; nothing runs. Correct ${name} and save it: it is read again by itself, and this file goes away.`,
    "",
  ];
  return asKeptText(lines.join("\n"));
}

/** Returns the path of the error file of a dropped file: beside it, `docs/x.md` → `docs/x.error.md`. */
export function errorFilePath(dropPath: string): string {
  return `${dropPath.replace(/\.md$/i, "")}.error.md`;
}

/** Returns whether a text was made by `renderErrorFile`, also after text was added to it. */
export function isErrorFile(text: string): boolean {
  return text.split("\n", 1)[0]?.trimEnd() === MARKER;
}

function problemText({ line, column, message, expected, example }: TaskProblem): string {
  const place = line === undefined ? "" : `line ${line}, column ${column ?? 1}: `;
  const end = message.endsWith("?") ? "" : ".";
  const sentence = `- ${place}${plainMarkdown(message)}${end} Expected: ${plainMarkdown(expected)}.`;
  if (example === undefined) return sentence;
  if (!example.includes("\n")) return `${sentence} Example: ${inlineCode(example)}`;
  const block = fenced(example.replaceAll(/\r\n?/g, "\n")).replaceAll("\n", "\n  ");
  return `${sentence} Example:\n\n  ${block}`;
}
