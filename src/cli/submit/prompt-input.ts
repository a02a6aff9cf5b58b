import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { CoordinatorError, systemErrorCode } from "../../base/errors.ts";
import type { CliDeps } from "../cli-deps.ts";
import { type Command, type CommandInput, textFlag } from "../command.ts";
import { textOf } from "./standard-input.ts";

/** The flags that say where a prompt comes from, besides words and standard input. */
export const PROMPT_OPTIONS: Command["options"] = { file: { type: "string" }, edit: { type: "boolean" } };

export const PROMPT_HELP = [
  "<prompt>  words; what standard input is piped comes below them, and so does a file",
  "-         standard input, also where it is a terminal",
  "--file <path>  a file, relative to where you are; it may have front matter of its own, and flags add to that",
  "--edit    in $VISUAL or $EDITOR, beginning with what else is given; nothing is sent when it stays empty or as it was",
];

/** Why a file cannot be read, by the code of the system's error. */
const UNREADABLE: ReadonlyMap<string, string> = new Map([
  ["ENOENT", "is not there"],
  ["EISDIR", "is a folder: name a file"],
  ["EACCES", "may not be read by you"],
]);

/** Front matter and its end, as far as telling it from the prompt goes. */
const FRONT_MATTER = /^\uFEFF?---(?:ya?ml)?[ \t]*\r?\n(?:[^\n]*\n)*?---[ \t]*(?:\r?\n|$)/;

/**
 * Returns the text that words, a file and standard input make, one below the other; a single one stays as it is, byte for byte. Front
 * matter of one of them stays at the top.
 *
 * @throws CoordinatorError `USAGE` where there is none; `NOT_FOUND` for the file
 */
export async function promptText(deps: CliDeps, input: CommandInput, words = input.words): Promise<string> {
  const file = textFlag(input, "file");
  const isAsked = words.includes("-");
  const said = words.filter((word) => word !== "-").join(" ");
  const hasOther = said !== "" || file !== undefined || input.flags.edit === true;
  const piped = await deps.readInput({ evenTyped: isAsked, isMore: hasOther && !isAsked });
  const parts = [said, file === undefined ? "" : readPrompt(file, deps.currentDir), piped];
  const text = joined(parts.filter((part) => part.trim() !== ""));
  if (text.trim() !== "" || input.flags.edit === true) return text;
  throw new CoordinatorError(
    "USAGE",
    "there is no prompt: give it as words, on standard input, with --file <path>, or write it with --edit",
  );
}

function joined(parts: readonly string[]): string {
  const [first = "", ...others] = parts;
  if (others.length === 0) return first;
  const taken = parts.map((part) => {
    const head = FRONT_MATTER.exec(part)?.[0] ?? "";
    return { head, body: part.slice(head.length) };
  });
  const heads = taken.map(({ head }) => head).filter((head) => head !== "");
  if (heads.length > 1)
    throw new CoordinatorError("USAGE", "more than one of words, file and standard input has front matter: leave one");
  const [head = ""] = heads;
  const body = taken.map(({ body: text }, index) => (index === taken.length - 1 ? text : text.trimEnd()));
  return `${head}${head === "" || head.endsWith("\n") ? "" : "\n"}${body.join("\n\n")}`;
}

function readPrompt(path: string, currentDir: string): string {
  return textOf(readFile(resolve(currentDir, path)), `--file: ${path}`);
}

function readFile(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (cause) {
    const why = UNREADABLE.get(systemErrorCode(cause) ?? "") ?? `cannot be read: ${(cause as Error).message}`;
    throw new CoordinatorError("NOT_FOUND", `--file: ${path} ${why}`, { cause });
  }
}
