import type { PublishedDrop } from "../../app/actions/tasks/publish-drop.ts";
import type { CliDeps } from "../cli-deps.ts";
import type { CommandInput } from "../command.ts";
import { promptText } from "./prompt-input.ts";
import { givenKeys } from "./task-flags.ts";

/**
 * Submits what flags, words, file and standard input of a command ask for, and says what is odd about it, and that nobody serves.
 *
 * @param session that of the task, where the command names it otherwise than by a flag
 * @returns `undefined` where it was edited and nothing is to be sent
 */
export async function submitTask(
  deps: CliDeps,
  input: CommandInput,
  { words = input.words, session }: { readonly words?: readonly string[]; readonly session?: string } = {},
): Promise<PublishedDrop | undefined> {
  const flags = await givenKeys(deps, input, deps.now());
  const keys =
    session === undefined ? flags : [...flags, { key: "sessionKey", name: "<session>", value: session } as const];
  const text = await promptText(deps, input, words);
  const publish = (whole: string): Promise<PublishedDrop> => deps.app.publish(whole, keys);
  const published = input.flags.edit === true ? await deps.edit(text, publish) : await publish(text);
  if (published === undefined) {
    deps.warn("nothing was sent: the text is empty, or as it was");
    return undefined;
  }
  for (const warning of published.warnings) deps.warn(warning);
  if (!published.served)
    deps.warn(`nobody serves this workspace, so ${published.path} waits: start with codex-inbox serve`);
  return published;
}
