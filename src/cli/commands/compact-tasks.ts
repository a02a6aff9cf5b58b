import type { CliDeps } from "../cli-deps.ts";
import { type Command, printJson } from "../command.ts";

export function createCompactTasksCommand(deps: CliDeps): Command {
  return {
    name: "compact-tasks",
    summary: "Rewrite the ledger to the latest row of each task",
    usage: "[--force] [--json]",
    help: [
      "--force  also while a coordinator is at work",
      "--json   print {version, commit, rows: {before, after}} as JSON",
      "tasks.md and the closed files in tasks/, in one commit. A merge with a clone that has the other rows stays right.",
    ],
    options: { force: { type: "boolean" }, json: { type: "boolean" } },
    words: { min: 0, max: 0 },
    async run(input) {
      const { commit, rows } = await deps.app.compactTasks(input.flags.force === true);
      if (input.flags.json === true) printJson(deps, { commit: commit ?? null, rows });
      else if (commit === undefined) deps.print(`nothing to do: ${rows.before} rows, one for each task`);
      else deps.print(`${rows.before} rows became ${rows.after} (commit ${commit.slice(0, 10)})`);
      return 0;
    },
  };
}
