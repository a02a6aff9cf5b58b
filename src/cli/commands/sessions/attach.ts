import { CoordinatorError } from "../../../base/errors.ts";
import { shellWord } from "../../../task/text/shell-word.ts";
import type { CliDeps } from "../../cli-deps.ts";
import { type Command, printJson } from "../../command.ts";
import { editLines } from "./land.ts";

export function createAttachCommand(deps: CliDeps): Command {
  return {
    name: "attach",
    summary: "Work on a session by hand: prints the folder of its worktree, made again where it was removed",
    usage: "[--shell] [--take | --release] [--json] <session>",
    help: [
      "<session>  any unique part of its key, of its thread, or of the id of one of its tasks",
      "--shell    opens your shell there ($SHELL) instead of printing the folder",
      "--take     holds the session while you work: no task of it is started until --release, or the end of that shell",
      "--release  gives it back; what was edited is committed, marked as yours",
      "--json     print {version, session, branch, dir, thread, takenBy, resume} as JSON; with --release {version, session,",
      "           released, edited, left}",
      "resume is the command that goes on in the session's thread there. Refused (4): to take it while a task of it is under way, or where",
      "somebody else has. While its worktree is still being set up: 75.",
    ],
    options: {
      shell: { type: "boolean" },
      take: { type: "boolean" },
      release: { type: "boolean" },
      json: { type: "boolean" },
    },
    words: { min: 1, max: 1 },
    async run({ flags, words: [part = ""] }) {
      const { shell = false, take = false, release = false, json = false } = flags;
      if (release === true) {
        if (take === true || shell === true)
          throw new CoordinatorError("USAGE", "--release goes with neither --take nor --shell");
        const released = await deps.app.release(part);
        if (json === true) printJson(deps, released);
        else {
          deps.print(`${released.session} ${released.released ? "is released" : "was not taken"}`);
          for (const line of editLines(released)) deps.print(line);
        }
        return 0;
      }
      if (shell === true && json === true) throw new CoordinatorError("USAGE", "--shell goes without --json");
      const attached = await deps.app.attach(part, take === true);
      const { session, dir, resume } = attached;
      if (json === true) printJson(deps, attached);
      else if (shell !== true) deps.print(dir);
      if (json !== true && take === true) {
        if (resume !== null) deps.warn(`in its thread: ${resume}`);
        const end = shell === true ? "the end of this shell" : `codex-inbox attach --release ${shellWord(session)}`;
        deps.warn(`${session} is yours: no task of it is started until ${end}`);
      }
      if (shell !== true) return 0;
      try {
        await deps.openShell(dir);
      } finally {
        if (take === true) for (const line of editLines(await deps.app.release(session))) deps.print(line);
      }
      return 0;
    },
  };
}
