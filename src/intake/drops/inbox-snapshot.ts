import type { Branch } from "../../git/branch.ts";
import type { TaskSource } from "../../store/journal/journal-record.ts";
import { isClaimed, type OpenTask } from "../../store/tasks/open-task.ts";
import type { RecentTasks } from "../../store/tasks/recent-tasks.ts";
import type { TaskTable } from "../../store/tasks/task-table.ts";
import type { Drop } from "../../task/file/drop.ts";
import { INBOX } from "../../task/records/workspace-paths.ts";
import type { Keeper } from "../../task/text/kept-text.ts";

/** What git and memory say about the inbox, read once for all drops of a scan. */
export interface InboxSnapshot {
  readonly headIsOurs: boolean;
  /** Tells whether git has a file at this path in its index. */
  isTracked(path: string): boolean;
  /** Tells whether the file at this path was added to the index, or removed from it, since we looked around. */
  hasChanged(path: string): Promise<boolean>;
  /** Returns what git holds of a drop: in the branch, or staged, or nothing. */
  sourceOf(drop: Drop): Promise<TaskSource>;
  /**
   * Returns the task that was made of this very file when git had it, and that a commit of ours has not taken out yet: the file may
   * come again from the index, from a stash, or with a commit that was written anew.
   */
  takenBefore(drop: Drop): string | undefined;
  /** Returns the newest task that was made of this very file when git had it, and that a commit of ours has taken out. */
  takenOut(drop: Drop): string | undefined;
  /** Returns the task that was dropped under this path and has not begun. */
  queuedAt(path: string): OpenTask | undefined;
  /**
   * Tells whether the file may stay where it is until a commit of ours takes it out: moving one away that git has unchanged
   * would be a change of the user's work tree, with which git refuses to rebase.
   */
  staysInPlace(drop: Drop, source: TaskSource): boolean;
}

export interface SnapshotDeps {
  readonly table: TaskTable;
  readonly recent: RecentTasks;
  readonly branch: Branch;
  /** Tasks know the path of their drop as it is kept. */
  readonly keeper: Pick<Keeper, "keepName">;
}

/** A scan hands out so many files and no more, so what stays in place must leave room for what comes. */
const IN_PLACE_FILES_MAX = 500;
const IN_PLACE_CHARACTERS_MAX = 4 * 1024 * 1024;

export async function takeSnapshot({ table, recent, branch, keeper }: SnapshotDeps): Promise<InboxSnapshot> {
  const headIsOurs = await branch.headIsOurs();
  const index = await branch.indexEntries(INBOX);
  let [files, characters] = [0, 0];
  return {
    headIsOurs,
    isTracked: (path) => index.has(path),
    hasChanged: async (path) => (await branch.indexEntries(INBOX)).get(path) !== index.get(path),
    async sourceOf({ path, blob }) {
      // While HEAD is elsewhere, a new file at the path of a drop in our branch has nothing to do with that.
      const inBranch = headIsOurs ? await branch.blobAt(path) : undefined;
      if (inBranch !== undefined) return { path, blob: inBranch, tracked: "head" };
      return { path, blob, tracked: index.has(path) ? "staged" : "untracked" };
    },
    takenBefore({ path, blob }) {
      const source = { path: keeper.keepName(path), blob };
      return (table.index.takenFrom(source) ?? recent.takenFrom(source))?.id;
    },
    takenOut({ path, blob }) {
      const source = { path: keeper.keepName(path), blob };
      return (table.index.takenOut(source) ?? recent.takenOut(source))?.id;
    },
    queuedAt(path) {
      const task = table.index.queuedFrom(keeper.keepName(path));
      return task !== undefined && isClaimed(task) ? task : undefined; // Else another clone may be running what it was before.
    },
    staysInPlace({ path, blob, text }, source) {
      if (source.blob !== blob || index.get(path) !== blob) return false;
      files += 1;
      characters += text.length;
      return files <= IN_PLACE_FILES_MAX && characters <= IN_PLACE_CHARACTERS_MAX;
    },
  };
}
