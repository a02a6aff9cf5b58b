import type { Branch } from "../../git/branch.ts";
import { ownSessionKey } from "../../task/names/session-key.ts";
import { taskIdDate } from "../../task/names/task-id.ts";
import { taskName } from "../../task/names/task-name.ts";
import { datedFolder, SESSIONS, sessionFolder, taskFilePath } from "../../task/records/workspace-paths.ts";

/** A folder is stored whole by git with each entry added to it, so none of ours grows beyond this. */
const FOLDER_ENTRIES_MAX = 1_000;
/** Folders remembered; beyond it the count is read from the branch again. */
const FOLDERS_CACHED_MAX = 500;

/** Chooses where the files of tasks lie: in dated folders ("2026-11-20", or "2026-11-20-2" once that one is full). */
export interface TaskFolders {
  /**
   * Returns the session and the path of the file for a new task. The session of one that names none lies in a dated folder, and the
   * file in the session's.
   *
   * @param slug without secrets
   */
  place(
    id: string,
    sessionKey: string | undefined,
    slug: string,
  ): Promise<{ readonly session: string; readonly path: string }>;
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
    async place(id, sessionKey, slug) {
      const name = taskName(id, slug);
      const date = taskIdDate(id);
      if (sessionKey !== undefined)
        return {
          session: sessionKey,
          path: taskFilePath(sessionKey, await choose(sessionFolder(sessionKey), date), name),
        };
      const session = ownSessionKey(await choose(SESSIONS, date), name);
      return { session, path: taskFilePath(session, undefined, name) };
    },
  };
}
