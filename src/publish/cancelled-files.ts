import { lstatSync } from "node:fs";
import { join } from "node:path";
import { createSlices } from "../base/slices.ts";
import type { Branch } from "../git/branch.ts";
import type { OpenTask } from "../store/tasks/open-task.ts";
import { CANCEL_WORDS, type TaskTable } from "../store/tasks/task-table.ts";
import { parseTaskFile } from "../task/records/task-file/parsed-task-file.ts";

const MARK = /^cancel: *true\b/m;

/** What the file of a queued task, where the branch holds it, asks for: its removal or a mark in it cancels the task. */
export interface CancelledFiles {
  /**
   * Looks at the files of queued tasks. One that a commit has taken out is a cancelled task, unless the branch lost our commits or the
   * file still lies on the disk: then it is put back.
   */
  look(lostOurs: boolean): Promise<void>;
}

export function createCancelledFiles({
  table,
  branch,
  workspaceDir,
}: {
  readonly table: TaskTable;
  readonly branch: Pick<Branch, "blobAt" | "readText" | "headIsOurs">;
  readonly workspaceDir: string;
}): CancelledFiles {
  /** Files that were read, by task. */
  const read = new Map<string, string>();

  const cancel = (task: OpenTask, detail: string): void => {
    if (table.get(task.id) === task) table.step(task.id, { kind: "stop", cause: "user", detail }); // Else it has begun meanwhile.
  };

  const lookAt = async (task: OpenTask, lostOurs: boolean): Promise<void> => {
    const blob = await branch.blobAt(task.path);
    if (blob === undefined) {
      if (!isFiled(task)) return;
      const isAccident = lostOurs || ((await branch.headIsOurs()) && isOnDisk(join(workspaceDir, task.path)));
      if (!isAccident) cancel(task, "its file was removed in a commit");
      else if (table.get(task.id) === task) table.note(task.id, { k: "drop-back" }); // Commits it again.
    } else if (read.get(task.id) !== blob) {
      const text = (await branch.readText(task.path)) ?? "";
      if (MARK.test(text) && parseTaskFile(text)?.frontMatter.cancel === true) cancel(task, CANCEL_WORDS);
      read.set(task.id, blob);
    }
  };

  return {
    async look(lostOurs) {
      const slices = createSlices();
      for (const task of [...table.all()]) {
        if (task.state.kind === "queued" && (isFiled(task) || isTakenOver(task))) await lookAt(task, lostOurs);
        await slices.next();
      }
      for (const id of read.keys()) if (table.get(id)?.state.kind !== "queued") read.delete(id);
    },
  };
}

/** A commit of ours has put its file into the branch in place of its drop. */
function isFiled({ source, dropGone }: OpenTask): boolean {
  return source?.tracked === "head" && dropGone;
}

/** The clone that accepted it has. */
function isTakenOver({ source, origin }: OpenTask): boolean {
  return source === undefined && origin.kind === "commit";
}

function isOnDisk(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}
