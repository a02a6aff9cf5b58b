import { userFrontMatter } from "../task/task-record.ts";
import type { ForeignTask } from "./foreign-tasks.ts";
import type { Log } from "./ports.ts";
import type { TaskTable } from "./task-table.ts";

/**
 * Makes open tasks of other clones ours, from their committed files: they are journaled here and run here. Right only where the
 * other clone does not run them any more, which nobody but the user can know.
 */
export function takeOver(
  tasks: ReadonlyMap<string, ForeignTask>,
  deps: { readonly table: TaskTable; readonly clone: string; readonly now: () => number; readonly log: Log },
): void {
  for (const [id, { row, file, folder }] of tasks) {
    if (deps.table.get(id) !== undefined) continue;
    const wishes = { ...userFrontMatter(file), id, sessionKey: file.sessionKey };
    deps.table.accept({
      k: "accepted",
      v: 1,
      id,
      session: file.sessionKey,
      folder,
      order: Date.parse(row.time) * 1_000,
      atMs: Date.parse(row.time),
      text: `---\n${JSON.stringify(wishes)}\n---\n${file.prompt}`,
      folderKey: null,
      source: null,
      clone: deps.clone,
    });
    deps.log("taken-over", { task: id, session: file.sessionKey });
  }
}
