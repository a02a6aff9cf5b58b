import type { CliDeps } from "../../cli-deps.ts";
import { type Command, printJson } from "../../command.ts";

export function createRetryCommand(deps: CliDeps): Command {
  return {
    name: "retry",
    summary: "Try a failed or cancelled task again, as a new task",
    usage: "[--json] [--take-over] <task>",
    help: [
      "<task>  any unique part of its id",
      "--json  print {version, id, parent} as JSON instead of the id of the new task",
      "--take-over  run an open task here that another clone has, which is gone for good: its result there counts no more",
      "The new one has the same prompt, settings and session, and names the old one as its parent. The old one stays as it ended.",
      "It waits for nothing that the old one waited for (dependsOn, notBefore). Two retries make two tasks.",
    ],
    options: { json: { type: "boolean" }, "take-over": { type: "boolean" } },
    words: { min: 1, max: 1 },
    async run(input) {
      const [part = ""] = input.words;
      if (input.flags["take-over"] === true) {
        const taken = await deps.app.takeOver(part);
        if (input.flags.json === true) printJson(deps, { id: taken, parent: null });
        else deps.print(taken);
        return 0;
      }
      const { id, parent, warnings } = await deps.app.retry(part);
      for (const warning of warnings) deps.warn(warning);
      if (input.flags.json === true) printJson(deps, { id, parent });
      else deps.print(id);
      return 0;
    },
  };
}
