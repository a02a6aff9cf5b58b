import { CoordinatorError } from "../../base/errors.ts";
import type { CliDeps } from "../cli-deps.ts";
import { type Command, textFlag, wholeNumber } from "../command.ts";

export function createAddCommand(deps: CliDeps): Command {
  return {
    name: "add",
    summary: "Put a task into the inbox; the prompt comes as words or on standard input",
    usage: "[--session <key>] [--title <text>] [--priority <0-4>] [--json] [<prompt> …]",
    help: [
      "--session <key>   the conversation to continue or begin",
      "--title <text>    instead of the prompt's first line",
      "--priority <0-4>  0 goes first; default 2",
      "--json            print {id, path} as JSON",
      "-                 standard input, as without words",
    ],
    options: {
      session: { type: "string" },
      title: { type: "string" },
      priority: { type: "string" },
      json: { type: "boolean" },
    },
    words: { min: 0, max: Number.POSITIVE_INFINITY },
    async run(input) {
      const isInput = input.words.length === 0 || (input.words.length === 1 && input.words[0] === "-");
      const prompt = isInput ? await deps.readInput() : input.words.join(" ");
      if (prompt.trim() === "")
        throw new CoordinatorError("USAGE", "there is no prompt: give it as words or on standard input");
      const { id, path, warnings } = await deps.app.publish(withFlags(prompt, input));
      for (const warning of warnings) deps.warn(warning);
      deps.print(input.flags.json === true ? JSON.stringify({ id, path }) : id);
      return 0;
    },
  };
}

/** Puts the flags in front of the prompt as front matter. A text that brings its own front matter stays as it is when no flag is given. */
function withFlags(prompt: string, input: Parameters<typeof textFlag>[0]): string {
  const given = {
    sessionKey: textFlag(input, "session"),
    title: textFlag(input, "title"),
    priority: wholeNumber(input, "priority"),
  };
  const entries = Object.entries(given).filter(([, value]) => value !== undefined);
  if (entries.length === 0) return prompt;
  if (/^\uFEFF?---(ya?ml)?[ \t]*\r?\n/.test(prompt)) {
    throw new CoordinatorError(
      "USAGE",
      "the text has front matter of its own: write the settings there instead of giving flags",
    );
  }
  return `---\n${entries.map(([key, value]) => `${key}: ${JSON.stringify(value)}\n`).join("")}---\n${prompt}`;
}
