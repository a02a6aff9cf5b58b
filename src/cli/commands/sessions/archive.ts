import type { CliDeps } from "../../cli-deps.ts";
import { type Command, printJson } from "../../command.ts";

export function createArchiveCommand(deps: CliDeps): Command {
  return {
    name: "archive",
    summary: "Put a session away: its files move into archive/, and it takes no more tasks",
    usage: "[--undo] [--json] <session>",
    help: [
      "<session>  any unique part of its key, of its thread, or of the id of one of its tasks",
      "--undo     takes it out of the archive: it goes on in its thread; the moved files stay where they are",
      "--json     print {version, session, archived, commit} as JSON",
      "Refused while a task of it is open. It is one commit, and the rows of tasks.md link the files where they are then.",
    ],
    options: { undo: { type: "boolean" }, json: { type: "boolean" } },
    words: { min: 1, max: 1 },
    async run(input) {
      const [key = ""] = input.words;
      const { session, archived, commit } = await deps.app.archive(key, input.flags.undo !== true);
      if (input.flags.json === true) printJson(deps, { session, archived, commit: commit ?? null });
      else {
        const done = archived ? "archived" : "out of the archive";
        deps.print(
          commit === undefined
            ? `${session} is ${done} already`
            : `${session} is ${done} (commit ${commit.slice(0, 10)})`,
        );
      }
      return 0;
    },
  };
}
