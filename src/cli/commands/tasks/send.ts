import type { SessionView } from "../../../app/views/session-list.ts";
import { CoordinatorError } from "../../../base/errors.ts";
import type { CliDeps } from "../../cli-deps.ts";
import { type Command, printJson } from "../../command.ts";
import { awaitOutcome, OUTCOME_HELP, OUTCOME_OPTIONS } from "../../submit/await-outcome.ts";
import { PROMPT_HELP, PROMPT_OPTIONS } from "../../submit/prompt-input.ts";
import { submitTask } from "../../submit/submit-task.ts";
import { taskHelp, taskOptions } from "../../submit/task-flags.ts";

export function createSendCommand(deps: CliDeps): Command {
  return {
    name: "send",
    summary: "Send the next prompt to a session; it runs after what is queued there",
    usage: "[options] <session> [<prompt> …]",
    help: [
      "<session>  its key; any unique part of that, of its thread's id, or of the id of one of its tasks",
      ...PROMPT_HELP,
      ...taskHelp(["sessionKey"]),
      ...OUTCOME_HELP,
      "--json     print {version, id, session} as JSON instead of the id",
    ],
    options: { ...withoutSession(), ...PROMPT_OPTIONS, ...OUTCOME_OPTIONS, json: { type: "boolean" } },
    words: { min: 1, max: Number.POSITIVE_INFINITY },
    async run(input) {
      const [part = "", ...words] = input.words;
      const session = await deps.app.session(part);
      refuseOver(session);
      const published = await submitTask(deps, input, { words, session: session.key });
      if (published === undefined) return 0;
      if (input.flags.json === true) printJson(deps, { id: published.id, session: session.key });
      else deps.print(published.id);
      return awaitOutcome(deps, input, published);
    },
  };
}

function withoutSession(): Command["options"] {
  return taskOptions(["sessionKey"]);
}

function refuseOver({ key, state }: SessionView): void {
  const anew = 'codex-inbox start "<prompt>" begins a new one';
  const out = `codex-inbox archive --undo ${key} takes this one out again`;
  if (state === "ARCHIVED") throw new CoordinatorError("REFUSED", `the session ${key} is archived: ${anew}, ${out}`);
  if (state !== "DIED") return;
  const instead = `codex-inbox retry <task> tries its last task again, ${anew}`;
  throw new CoordinatorError(
    "REFUSED",
    `the session ${key} has died: its last run vanished and no attempt is left; ${instead}`,
  );
}
