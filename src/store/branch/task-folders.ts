import type { Branch } from "../../git/branch.ts";
import { taskIdDate } from "../../task/names/task-id.ts";
import { datedFolder, SESSIONS, sessionFolder } from "../../task/records/workspace-paths.ts";

/** A folder is stored whole by git with each entry added to it, so none of ours grows beyond this. */
const FOLDER_ENTRIES_MAX = 1_000;
/** Folders remembered; beyond it the count is read from the branch again. */
const FOLDERS_CACHED_MAX = 500;

/** Chooses the dated folders that task files and one-task sessions lie in. */
export interface TaskFolders {
  /** Folder name ("2026-11-20", or "2026-11-20-2" once that one is full) for a task of `sessionKey`. */
  forTask(sessionKey: string, id: string): Promise<string>;
  /** Folder name below sessions/ for the session of a task that names none. */
  forOwnSession(id: string): Promise<string>;
}

/** Creates the chooser; entries are counted in the branch once and then as they are handed out. */
export function createTaskFolders(branch: Pick<Branch, "listFolder">): TaskFolders {
  const counts = new Map<string, { sequence: number; entries: number }>();

  const choose = async (parent: string, date: string): Promise<string> => {
    const key = `${parent}/${date}`;
    const known = counts.get(key) ?? (await countInBranch(parent, date));
    if (known.entries >= FOLDER_ENTRIES_MAX) {
      known.sequence += 1;
      known.entries = 0;
    }
    known.entries += 1;
    counts.delete(key);
    counts.set(key, known);
    for (const oldest of counts.keys()) {
      if (counts.size <= FOLDERS_CACHED_MAX) break;
      counts.delete(oldest);
    }
    return datedFolder(date, known.sequence);
  };

  const countInBranch = async (parent: string, date: string): Promise<{ sequence: number; entries: number }> => {
    const names = new Set((await branch.listFolder(parent)).map((entry) => entry.name));
    let sequence = 1;
    while (names.has(datedFolder(date, sequence + 1))) sequence += 1;
    const folder = datedFolder(date, sequence);
    if (!names.has(folder)) return { sequence, entries: 0 };
    return { sequence, entries: (await branch.listFolder(`${parent}/${folder}`)).length };
  };

  return {
    forTask: (sessionKey, id) => choose(sessionFolder(sessionKey), taskIdDate(id)),
    forOwnSession: (id) => choose(SESSIONS, taskIdDate(id)),
  };
}
