import { CoordinatorError } from "../../../base/errors.ts";
import type { CliDeps } from "../../cli-deps.ts";
import { type Command, printJson, textFlag } from "../../command.ts";
import { PROMPT_HELP, PROMPT_OPTIONS } from "../../submit/prompt-input.ts";
import { submitTask } from "../../submit/submit-task.ts";
import { taskHelp, taskOptions } from "../../submit/task-flags.ts";

export function createStartCommand(deps: CliDeps): Command {
  return {
    name: "start",
    summary: "Begin a new session with a prompt; prints the task's id, then the thread's as soon as codex announces it",
    usage: "[options] [<prompt> …]",
    help: [
      ...PROMPT_HELP,
      ...taskHelp(["sessionKey"]),
      "--session <key>  the name of the new session; without it one is made for the task",
      "--json           print {version, id, thread} as JSON",
      "With nobody serving, the task waits in inbox/ and no thread is waited for.",
    ],
    options: { ...taskOptions(), ...PROMPT_OPTIONS, json: { type: "boolean" } },
    words: { min: 0, max: Number.POSITIVE_INFINITY },
    async run(input) {
      await refuseKnown(deps, textFlag(input, "session"));
      const published = await submitTask(deps, input);
      if (published === undefined) return 0;
      const { id, served } = published;
      const asJson = input.flags.json === true;
      if (!asJson) deps.print(id);
      let hint: string | undefined = "its thread is waited for; Ctrl-C ends the wait and stops no task";
      const onHold = (why: string): void => {
        deps.warn(`${id} waits: ${why}`);
        if (hint !== undefined) deps.warn(hint);
        hint = undefined;
      };
      const thread = served ? await deps.app.thread(id, onHold) : null;
      if (asJson) printJson(deps, { id, thread });
      else if (thread !== null) deps.print(thread);
      return 0;
    },
  };
}

async function refuseKnown(deps: CliDeps, key: string | undefined): Promise<void> {
  if (key === undefined) return;
  const known = await deps.app.session(key).catch((error: unknown) => {
    if (error instanceof CoordinatorError && ["NOT_FOUND", "REFUSED"].includes(error.code)) return undefined;
    throw error;
  });
  if (known?.key !== key) return;
  const instead = `codex-inbox send ${key} "<prompt>" goes on in it; another --session begins a new one`;
  throw new CoordinatorError("REFUSED", `there is a session "${key}" already: ${instead}`);
}
