import type { Branch } from "../../git/branch.ts";
import { founderOf } from "../../task/names/session-key.ts";
import { taskIdDate } from "../../task/names/task-id.ts";
import { taskIdOfName } from "../../task/names/task-name.ts";
import { ARCHIVE, archivedSessionFolder, sessionFolder } from "../../task/records/workspace-paths.ts";

type Reader = Pick<Branch, "readText" | "listFolder">;

/** What a row of the ledger tells of a task's place. */
export interface TaskPlace {
  readonly task: string;
  readonly session: string;
  /** What the row links; absent where it links nothing. */
  readonly path?: string | undefined;
}

/**
 * Every file of the branch that has the name of this task, the one that the ledger links first. Without a link it costs the listings of
 * the session's folder and of the task's day; the archive is looked through where there is none.
 */
export async function* taskTexts(
  branch: Reader,
  place: TaskPlace,
): AsyncGenerator<{ readonly path: string; readonly text: string }> {
  const { task, session, path: linked } = place;
  const seen = new Set<string>();
  const read = async function* (path: string) {
    const text = seen.has(path) ? undefined : await branch.readText(path);
    if (text === undefined) return;
    seen.add(path);
    yield { path, text };
  };
  if (linked !== undefined) yield* read(linked);
  const founded = founderOf(session) === task ? `${session.slice(session.indexOf("/") + 1)}.md` : undefined;
  const readBelow = async function* (folder: string) {
    if (founded !== undefined) yield* read(`${folder}/${founded}`);
    const date = taskIdDate(task);
    for (const { name: day } of await branch.listFolder(folder)) {
      if (day !== date && !day.startsWith(`${date}-`)) continue; // A later one may be there before an earlier one is.
      for (const { name } of await branch.listFolder(`${folder}/${day}`))
        if (name.endsWith(".md") && taskIdOfName(date, name.slice(0, -".md".length)) === task)
          yield* read(`${folder}/${day}/${name}`);
    }
  };
  yield* readBelow(sessionFolder(session));
  if (seen.size === 0) for (const folder of await archivedFolders(branch, session)) yield* readBelow(folder);
}

/** Returns the folders that the session may have been archived in, the latest one first. */
export async function archivedFolders(branch: Pick<Branch, "listFolder">, session: string): Promise<readonly string[]> {
  const days = (await branch.listFolder(ARCHIVE)).map(({ name }) => name);
  return days
    .sort()
    .reverse()
    .map((day) => archivedSessionFolder(day, session));
}

/** Returns the text of a task's file; `undefined` where there is none, or several have its name and the ledger links none of them. */
export async function findTaskText(branch: Reader, place: TaskPlace): Promise<string | undefined> {
  const texts: string[] = [];
  for await (const { path, text } of taskTexts(branch, place)) {
    if (!text.includes(`\nid: ${place.task}\n`)) continue;
    if (path === place.path) return text;
    texts.push(text);
  }
  return texts.length === 1 ? texts[0] : undefined;
}
