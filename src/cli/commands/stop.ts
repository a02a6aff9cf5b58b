import { CoordinatorError } from "../../base/errors.ts";
import type { CliDeps } from "../cli-deps.ts";
import type { Command } from "../command.ts";

export function createStopCommand(deps: CliDeps): Command {
  return {
    name: "stop",
    summary: "Stop a task and record it as cancelled",
    usage: "<task>",
    help: ["<task>  any unique part of its id"],
    options: {},
    words: { min: 1, max: 1 },
    async run(input) {
      const [part = ""] = input.words;
      const { task, asked } = await deps.app.stop(part);
      if (!asked) throw new CoordinatorError("REFUSED", `${task.id} had already ended: ${task.status}`);
      deps.print(`${task.id} will be stopped and recorded as cancelled.`);
      return 0;
    },
  };
}
