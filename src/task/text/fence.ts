import { printable } from "./one-line.ts";

/** Escape sequences of terminals: colours, cursor movements, titles. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const TERMINAL_SEQUENCE = /\u001B(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001B]*(?:\u0007|\u001B\\)|[@-Z\\-_])/g;
const FENCE_LENGTH_MIN = 3;

/** Returns `text` without what only a terminal understands. */
export function withoutTerminalCodes(text: string): string {
  return printable(text.replaceAll(TERMINAL_SEQUENCE, ""));
}

/** Returns `text` as a fenced block of Markdown that nothing in it can close. `language` stands behind the opening fence. */
export function fenced(text: string, language = ""): string {
  const longestRun = Math.max(0, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = "`".repeat(Math.max(FENCE_LENGTH_MIN, longestRun + 1));
  return `${fence}${language}\n${text}${text.endsWith("\n") || text === "" ? "" : "\n"}${fence}`;
}
