import type { Verification } from "../../state/verification.ts";
import { durationText } from "../../text/duration-text.ts";
import { fenced, inlineCode, plainMarkdown } from "../../text/markdown.ts";

export const VERIFICATION_HEADING = "### Verification";

const HINT_CHARACTERS_MAX = 500;

/** Returns what a task file's result says of its verification, line by line. Its last section: the output may hold headings too. */
export function verificationLines(verification: Verification): readonly string[] {
  const { command, outcome, what, durationMs, attempt, attemptsMax, output, hint } = verification;
  const word = outcome === "passed" ? "passed" : plainMarkdown(what, HINT_CHARACTERS_MAX);
  const count = outcome === "stopped" || outcome === "unavailable" ? "" : ` (${attempt} of ${attemptsMax})`;
  const lines = [
    VERIFICATION_HEADING,
    "",
    `${inlineCode(command)} ${word}, after ${durationText(durationMs)}${count}`,
    "",
  ];
  // Its commands stand in single backticks; what it names may hold anything else, and three would begin a block.
  if (hint !== undefined)
    lines.push(plainMarkdown(hint, HINT_CHARACTERS_MAX).replaceAll(/(?<!\\`)\\`(?!\\`)/g, "`"), "");
  if (output !== "") lines.push(fenced(output, "text"), "");
  return lines;
}

/** Returns the verification as the front matter has it: without what it printed. */
export function verificationFacts(verification: Verification): Readonly<Record<string, unknown>> {
  const { command, outcome, what, exitCode, signal, durationMs, sandbox, attempt, attemptsMax, hint } = verification;
  return { command, outcome, what, exitCode, signal, durationMs, sandbox, attempt, attemptsMax, hint };
}

/** Returns the sections of a result before that of its verification. */
export function beforeVerification(sections: string): string {
  const start = `\n${sections}`.search(/\n### Verification[ \t]*\r?(\n|$)/);
  return start === -1 ? sections : sections.slice(0, start);
}

/** Returns what the section says that the command has printed; `undefined` where it shows nothing. */
export function outputOfVerification(section: string): string | undefined {
  const [opening, fence = ""] = /\n(`{3,})text\n/.exec(section) ?? [];
  if (opening === undefined) return undefined;
  const from = section.indexOf(opening) + opening.length;
  const end = `${section}\n`.indexOf(`\n${fence}\n`, from - 1);
  return end === -1 ? undefined : section.slice(from, Math.max(from, end));
}
