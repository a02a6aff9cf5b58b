import type { Log } from "../base/surroundings.ts";
import type { ForeignTask } from "../store/branch/foreign-tasks.ts";
import type { TaskTable } from "../store/tasks/task-table.ts";
import { keepDrop } from "../task/file/kept-drop.ts";
import { parseDropText } from "../task/file/task-file.ts";
import type { Origin } from "../task/rights/origin.ts";
import type { RightsByOrigin } from "../task/rights/origin-rights.ts";
import { describeProblems } from "../task/spec/task-problem.ts";
import type { Keeper } from "../task/text/kept-text.ts";

export interface TakeOverDeps {
  readonly table: TaskTable;
  readonly clone: string;
  readonly keeper: Keeper;
  readonly log: Log;
  readonly rights: RightsByOrigin;
  /** Clones share a remote: the task has to be claimed, too. */
  readonly isShared: () => boolean;
}

/**
 * Makes open tasks of other clones ours, from their committed files: they are journaled here and run here. Right only where the
 * other clone does not run them any more, which nobody but the user can know.
 *
 * @returns the ids of those that were accepted
 */
export async function takeOver(
  tasks: ReadonlyMap<string, ForeignTask>,
  deps: TakeOverDeps,
): Promise<readonly string[]> {
  const accepted: string[] = [];
  /** Rows of one millisecond keep the order in which they stand in the ledger. */
  const taken = new Map<string, number>();
  for (const [id, { row, file, path }] of tasks) {
    const before = taken.get(row.time) ?? 0;
    taken.set(row.time, before + 1);
    if (deps.table.get(id) !== undefined) continue;
    const frontMatter = { ...file.asked, id, sessionKey: row.session };
    const text = `---\n${JSON.stringify(frontMatter)}\n---\n${file.prompt}`;
    // What its file says of who asked can be anybody's word who may push; which clone it names has to do.
    const unknown = { commit: null, email: "unknown", signature: null, signer: null };
    const origin: Origin = { kind: "commit", author: cloneName(file), ...unknown };
    const parsed = parseDropText(text, undefined, deps.rights.of(origin));
    if (!parsed.ok) {
      deps.log("not-taken-over", { task: id, session: row.session, reason: describeProblems(parsed.problems) });
      continue;
    }
    // The other clone may not have known for a secret what this one does.
    const kept = await keepDrop({ text, folderKey: undefined }, deps.keeper);
    if (!kept.ok) {
      deps.log("not-taken-over", { task: id, session: row.session, reason: describeProblems(kept.problems) });
      continue;
    }
    if (deps.table.get(id) !== undefined) continue; // It came by another way meanwhile.
    const session = kept.spec.sessionKey ?? row.session;
    deps.table.accept({
      k: "accepted",
      v: 1,
      id,
      session,
      path,
      order: Date.parse(row.time) * 1_000 + Math.min(before, 999),
      atMs: Date.parse(row.time),
      text: kept.text,
      folderKey: null,
      source: null,
      clone: deps.clone,
      origin,
      ...(deps.isShared() && { needsClaim: true as const }),
    });
    deps.log("taken-over", { task: id, session });
    accepted.push(id);
  }
  return accepted;
}

function cloneName({ frontMatter }: ForeignTask["file"]): string {
  return `clone ${typeof frontMatter.acceptedBy === "string" ? frontMatter.acceptedBy : "unknown"}`;
}
