import type { CliDeps } from "../../cli-deps.ts";
import { type Command, printJson } from "../../command.ts";
import { awaitOutcome, OUTCOME_HELP, OUTCOME_OPTIONS } from "../../submit/await-outcome.ts";
import { PROMPT_HELP, PROMPT_OPTIONS } from "../../submit/prompt-input.ts";
import { submitTask } from "../../submit/submit-task.ts";
import { taskHelp, taskOptions } from "../../submit/task-flags.ts";

export function createAddCommand(deps: CliDeps): Command {
  return {
    name: "add",
    summary: "Add a task; the prompt comes as words, on standard input, from a file or an editor",
    usage: "[options] [<prompt> …]",
    help: [
      ...PROMPT_HELP,
      ...taskHelp(),
      ...OUTCOME_HELP,
      "--json  print {version, id, path} as JSON instead of the id",
    ],
    options: { ...taskOptions(), ...PROMPT_OPTIONS, ...OUTCOME_OPTIONS, json: { type: "boolean" } },
    words: { min: 0, max: Number.POSITIVE_INFINITY },
    async run(input) {
      const published = await submitTask(deps, input);
      if (published === undefined) return 0;
      const { id, path } = published;
      if (input.flags.json === true) printJson(deps, { id, path });
      else deps.print(id);
      return awaitOutcome(deps, input, published);
    },
  };
}
