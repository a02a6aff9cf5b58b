import type { Branch } from "../../git/branch.ts";
import { taskIdDate } from "../../task/names/task-id.ts";
import { sessionFolder, taskFilePath } from "../../task/records/workspace-paths.ts";

type Reader = Pick<Branch, "readText" | "listFolder">;

/** Every file of the branch that has the name of this task, with the dated folder it lies in. */
export async function* taskTexts(
  branch: Reader,
  sessionKey: string,
  id: string,
): AsyncGenerator<{ readonly folder: string; readonly text: string }> {
  const date = taskIdDate(id);
  for (const { name: folder } of await branch.listFolder(sessionFolder(sessionKey))) {
    if (folder !== date && !folder.startsWith(`${date}-`)) continue; // A later one may be there before an earlier one is.
    const text = await branch.readText(taskFilePath(sessionKey, folder, id));
    if (text !== undefined) yield { folder, text };
  }
}

/** Returns the text of a task's file; `undefined` where there is none, or more than one has its name. */
export async function findTaskText(branch: Reader, sessionKey: string, id: string): Promise<string | undefined> {
  const texts: string[] = [];
  for await (const { text } of taskTexts(branch, sessionKey, id)) texts.push(text);
  return texts.length === 1 && texts[0]?.includes(`\nid: ${id}\n`) === true ? texts[0] : undefined;
}
