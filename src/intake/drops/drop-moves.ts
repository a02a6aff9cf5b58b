import type { Log } from "../../base/surroundings.ts";
import type { Branch } from "../../git/branch.ts";
import type { DropReceipts } from "../../store/drop-receipts.ts";
import type { TaskTable } from "../../store/tasks/task-table.ts";
import type { Drop } from "../../task/file/drop.ts";
import type { Intake } from "../inbox/intake.ts";
import { namedId } from "./drop-id.ts";
import type { InboxSnapshot } from "./inbox-snapshot.ts";

/** How drops leave the inbox folder. */
export interface DropMoves {
  /**
   * Takes a drop out of the inbox, unless git may be reading it just now: `git add` or `git stash` would keep a copy of a file that is
   * a task already, and the copy would become another when it comes back. One that brings its id along is known by that.
   */
  claim(drop: Drop, id: string, snapshot: Pick<InboxSnapshot, "hasChanged">): Promise<Drop | "done" | "later">;
  /** A copy of a drop that was taken already: it goes away, unless it is so fresh that git may still be writing it. */
  discard(drop: Drop, id: string): Promise<"done" | "later">;
  /** Ends a claim whose task is journaled. */
  release(id: string): Promise<void>;
}

export interface DropMovesDeps {
  readonly table: Pick<TaskTable, "durable">;
  readonly intake: Pick<Intake, "claim" | "putBack" | "release">;
  readonly receipts: Pick<DropReceipts, "remove">;
  readonly branch: Pick<Branch, "isUserAtGit">;
  readonly now: () => number;
  readonly settings: () => { readonly settleMs: number };
  readonly log: Log;
}

export function createDropMoves(deps: DropMovesDeps): DropMoves {
  const release = async (id: string): Promise<void> => {
    await deps.table.durable();
    await deps.intake.release(id);
    deps.receipts.remove(id);
  };

  return {
    release,
    async claim(drop, id, snapshot) {
      const isKnownByName = namedId(drop) !== undefined;
      const isFree = (): boolean => isKnownByName || !deps.branch.isUserAtGit();
      if (!isFree()) return "later";
      const claimed = await deps.intake.claim(drop, id, isFree);
      if (claimed === undefined) return "done";
      if (claimed === "changed") return "later";
      if (isFree() && (isKnownByName || !(await snapshot.hasChanged(drop.path)))) return claimed;
      await deps.intake.putBack(id);
      return "later";
    },
    async discard(drop, id) {
      if (deps.now() - drop.modifiedAtMs < deps.settings().settleMs) return "later";
      const claimed = await deps.intake.claim(drop, id);
      if (claimed === "changed") return "later";
      if (claimed === undefined) return "done";
      await release(id);
      deps.log("known", { task: id, source: drop.path });
      return "done";
    },
  };
}
