import type { CliDeps } from "../../cli-deps.ts";
import { type Command, printJson, wholeNumber } from "../../command.ts";
import { exitCodeOf, outcomeLine, waitAloud } from "../../task-outcome.ts";

export function createWaitCommand(deps: CliDeps): Command {
  return {
    name: "wait",
    summary: "Wait until tasks have ended; the exit code says how",
    usage: "[--timeout <s>] [--json] <task> …",
    help: [
      "<task>         any unique part of its id; also of a file that still lies in inbox/ under its id",
      "--timeout <s>  give up after so many seconds",
      "--json         {version, tasks}: each as GET /tasks/:id shows each",
      "Ends with 0 if all have succeeded, 1 if one has failed or was cancelled, 5 if only verification has failed, and 75 when the time is over.",
    ],
    options: { timeout: { type: "string" }, json: { type: "boolean" } },
    words: { min: 1, max: Number.POSITIVE_INFINITY },
    async run(input) {
      const waited = await waitAloud(deps, input.words, wholeNumber(input, "timeout"));
      if (input.flags.json === true)
        printJson(deps, { tasks: waited.map(({ task, part }) => task ?? { id: part, status: "waiting" }) });
      else for (const one of waited) deps.print(outcomeLine(one));
      return exitCodeOf(waited);
    },
  };
}
