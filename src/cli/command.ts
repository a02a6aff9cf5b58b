import { statSync } from "node:fs";
import { resolve } from "node:path";
import { type ParseArgsConfig, parseArgs } from "node:util";
import { CoordinatorError, systemErrorCode } from "../base/errors.ts";
import { nearest } from "../task/text/near-miss.ts";

type Options = NonNullable<ParseArgsConfig["options"]>;

/** The values of a command's flags and what stands beside them. */
export interface CommandInput {
  readonly flags: Readonly<Record<string, string | boolean | readonly (string | boolean)[] | undefined>>;
  readonly words: readonly string[];
}

/** One command: what it takes, in words and for the parser, and what it does. `run` returns the exit code. */
export interface Command {
  readonly name: string;
  /** Its other names. */
  readonly aliases?: readonly string[];
  readonly summary: string;
  /** What follows the name in the usage line. */
  readonly usage: string;
  /** One line per flag, as the help shows it. */
  readonly help: readonly string[];
  readonly options: Options;
  readonly words: { readonly min: number; readonly max: number };
  run(input: CommandInput): Promise<number>;
}

/** Returns what `--help` prints of a command. Flags, and whatever else stands two blanks before its meaning, make a column. */
export function helpLines({ name, summary, usage, help }: Command): readonly string[] {
  const rows = help.map((line) => {
    const flagEnd = line.startsWith(" ") ? -1 : line.indexOf("  ");
    return { line, flag: line.slice(0, Math.max(0, flagEnd)), meaning: line.slice(flagEnd).trimStart() };
  });
  const width = Math.max(0, ...rows.map(({ flag }) => flag.length));
  const lines = rows.map(({ line, flag, meaning }) =>
    flag === "" ? `  ${line}`.trimEnd() : `  ${flag.padEnd(width)}  ${meaning}`,
  );
  return [summary, "", `usage: codex-inbox ${name} ${usage}`.trimEnd(), "", ...lines];
}

/** Returns whether the words behind a command's name ask for its help; what stands behind `--` is no flag. */
export function asksForHelp(words: readonly string[]): boolean {
  const end = words.indexOf("--");
  return words.slice(0, end < 0 ? undefined : end).some((word) => word === "--help" || word === "-h");
}

/**
 * Returns the flags and words of `argv` (without the command's name).
 *
 * @throws CoordinatorError `USAGE`, with the command's usage line
 */
export function parseInput(command: Command, argv: readonly string[]): CommandInput {
  const usage = `usage: codex-inbox ${command.name} ${command.usage}`.trimEnd();
  try {
    const { values, positionals } = parseArgs({
      args: [...argv],
      options: command.options,
      allowPositionals: true,
      strict: true,
    });
    const { min, max } = command.words;
    const surplus = positionals[max];
    if (surplus !== undefined)
      throw new CoordinatorError(
        "USAGE",
        `"${surplus}" is one word too many; words with blanks go in quotes\n${usage}`,
      );
    if (positionals.length < min)
      throw new CoordinatorError("USAGE", `${missingWord(command, positionals.length)} is missing\n${usage}`);
    return { flags: values as CommandInput["flags"], words: positionals };
  } catch (cause) {
    const code = systemErrorCode(cause) ?? "";
    if (!code.startsWith("ERR_PARSE_ARGS")) throw cause;
    const { message } = cause as Error;
    const [, option = ""] = /'(-[^']*)'/.exec(message) ?? [];
    const said =
      code === "ERR_PARSE_ARGS_UNKNOWN_OPTION"
        ? describeUnknown(option, Object.keys(command.options))
        : describeValue(option, message);
    throw new CoordinatorError("USAGE", `${said}\n${usage}`, { cause });
  }
}

/** The word of the usage line that comes behind as many as are given: what stands in brackets may be left out. */
function missingWord({ usage }: Command, given: number): string {
  let needed = usage;
  for (let before = ""; before !== needed; ) {
    before = needed;
    needed = needed.replace(/\[[^[\]]*\]/g, "");
  }
  return needed.split(/[\s\u2026]+/).filter((word) => word !== "")[given] ?? "a word";
}

/** What is wrong with the value of a flag; Node names it "-n", "--session <value>" or "-n, --name <value>". */
function describeValue(option: string, message: string): string {
  const [name = ""] = option.split(/[ ,]/, 1);
  if (message.includes("not take")) return `${name} takes no value`;
  if (!message.includes("ambiguous")) return `${name} takes a value`;
  const joined = name.startsWith("--") ? `${name}=<value>` : `${name}<value>`;
  return `${name} takes a value; one that begins with a hyphen is given as ${joined}`;
}

function describeUnknown(option: string, known: readonly string[]): string {
  const near = option.startsWith("--") ? nearest(option.slice(2), known) : undefined;
  const hint = near === undefined ? "a word that begins with a hyphen goes behind --" : `did you mean --${near}?`;
  return `there is no option ${option}; ${hint}`;
}

/** Returns the whole number that a flag gives, or `undefined` where it is not given. @throws CoordinatorError `USAGE` */
export function wholeNumber(input: CommandInput, flag: string): number | undefined {
  const text = input.flags[flag];
  if (text === undefined) return undefined;
  if (typeof text !== "string" || !/^\d{1,15}$/.test(text)) {
    throw new CoordinatorError(
      "USAGE",
      `${flag.length === 1 ? "-" : "--"}${flag} takes a whole number, not "${String(text)}"`,
    );
  }
  return Number(text);
}

/** Of what `--json` prints. It grows when a field changes its meaning or goes away; fields may be added at any time. */
const JSON_VERSION = 1;

/** Prints the answer of a command as JSON, with the version of its format. */
export function printJson(deps: { printText(text: string): void }, answer: object): void {
  deps.printText(JSON.stringify({ version: JSON_VERSION, ...answer }, null, 2));
}

/** Returns the text that a flag gives, or `undefined`. */
export function textFlag(input: CommandInput, flag: string): string | undefined {
  const text = input.flags[flag];
  return typeof text === "string" ? text : undefined;
}

/** Returns the texts that a flag gives that may be given more than once. */
export function textsFlag(input: CommandInput, flag: string): readonly string[] {
  const texts = input.flags[flag];
  return Array.isArray(texts) ? texts.map(String) : [];
}

/**
 * Takes `-C <dir>` out of what was typed in `currentDir`, before the command or behind it; what stands behind `--` is the command's own.
 *
 * @throws CoordinatorError `USAGE`, `NOT_FOUND`
 */
export function takeDirectory(
  argv: readonly string[],
  currentDir: string,
): { readonly dir: string; readonly rest: readonly string[] } {
  const end = argv.indexOf("--");
  const index = argv.slice(0, end < 0 ? undefined : end).indexOf("-C");
  if (index < 0) return { dir: currentDir, rest: argv };
  const dir = argv[index + 1];
  if (dir === undefined) throw new CoordinatorError("USAGE", "-C takes a folder: codex-inbox -C <dir> <command>");
  const path = resolve(currentDir, dir);
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true)
    throw new CoordinatorError("NOT_FOUND", `-C: there is no folder ${path}`);
  const rest = argv.filter((_, place) => place !== index && place !== index + 1);
  const other = rest.indexOf("-C");
  if (other >= 0 && (end < 0 || other < end - 2))
    throw new CoordinatorError("USAGE", "-C is given twice: one folder is worked in");
  return { dir: path, rest };
}
