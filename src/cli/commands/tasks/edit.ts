import type { EditedTask } from "../../../app/actions/tasks/edit-task.ts";
import { CoordinatorError } from "../../../base/errors.ts";
import type { TaskChange } from "../../../task/file/task-text.ts";
import type { CliDeps } from "../../cli-deps.ts";
import { type Command, printJson, textsFlag } from "../../command.ts";
import { givenKeys, taskHelp, taskOptions } from "../../submit/task-flags.ts";

const FIXED = ["sessionKey"] as const;

export function createEditCommand(deps: CliDeps): Command {
  return {
    name: "edit",
    summary: "Change a task that is still queued: its prompt, or what its flags set",
    usage: "[options] <task>",
    help: [
      "<task>  any unique part of its id",
      ...taskHelp(FIXED),
      "--unset <key>  take a key out of its front matter; may be given several times",
      "-       a new prompt from standard input",
      "--json  print {version, id} as JSON instead of the id",
      "Without any of these it opens in $VISUAL or $EDITOR. What the task may ask for is judged anew, by who edits it.",
    ],
    options: { ...taskOptions(FIXED), unset: { type: "string", multiple: true }, json: { type: "boolean" } },
    words: { min: 1, max: 2 },
    async run(input) {
      const [part, ...more] = input.words.filter((word) => word !== "-");
      if (part === undefined) throw new CoordinatorError("USAGE", "name the task, too: codex-inbox edit <task> -");
      if (more.length > 0)
        throw new CoordinatorError(
          "USAGE",
          `a new prompt comes on standard input: codex-inbox edit ${part} - <prompt.md`,
        );
      const hasPrompt = input.words.length > 1;
      const given = await givenKeys(deps, input, deps.now());
      const unset = textsFlag(input, "unset");
      if (unset.includes("prompt"))
        throw new CoordinatorError("USAGE", "--unset takes a key of the front matter; another prompt is given by -");
      const keys = Object.fromEntries([
        ...unset.map((key) => [key, null] as const),
        ...given.map(({ key, value }) => [key, value] as const),
      ]);
      const change: TaskChange = !hasPrompt ? { keys } : { keys, prompt: await newPrompt(deps) };
      const isGiven = hasPrompt || Object.keys(keys).length > 0;
      const edited = isGiven ? await deps.app.edit(part, change) : await editByHand(deps, part);
      if (edited === undefined) {
        deps.warn("nothing was changed: the text is empty, or as it was");
        return 0;
      }
      for (const warning of edited.warnings) deps.warn(warning);
      if (edited.waits)
        deps.warn("nobody serves this workspace: the edit waits in inbox/ until codex-inbox serve takes it");
      if (input.flags.json === true) printJson(deps, { id: edited.id });
      else deps.print(edited.id);
      return 0;
    },
  };
}

async function newPrompt(deps: CliDeps): Promise<string> {
  const prompt = await deps.readInput({ evenTyped: true, isMore: false });
  if (prompt.trim() === "") throw new CoordinatorError("USAGE", "the new prompt is empty");
  return prompt;
}

async function editByHand(deps: CliDeps, part: string): Promise<EditedTask | undefined> {
  const { id, text } = await deps.app.editable(part);
  return deps.edit(text, (edited) => deps.app.editTo(id, text, edited));
}
