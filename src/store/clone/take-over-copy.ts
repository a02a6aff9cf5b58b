import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Log } from "../../base/surroundings.ts";
import type { Keeper } from "../../task/text/kept-text.ts";
import { openTaskJournal } from "../journal/task-journal.ts";
import type { StatePaths } from "../state-paths.ts";
import { asideFolders } from "./copied-state.ts";

/**
 * Makes the open tasks that were set aside ours, with their journals. Right only where the original does not run them any more, which only
 * the user can know. What was under way there is taken for lost here, and runs again.
 */
export async function takeOverCopiedTasks(paths: StatePaths, clone: string, keeper: Keeper, log: Log): Promise<void> {
  for (const folder of asideFolders(paths)) {
    const journal = join(folder, "journal");
    if (!existsSync(journal)) continue;
    const [theirs, ours] = [openTaskJournal(journal, keeper), openTaskJournal(paths.journal, keeper)];
    const known = new Set(ours.openIds());
    for (const id of theirs.openIds()) {
      const [first, ...rest] = theirs.read(id);
      if (first?.k !== "accepted") continue;
      if (!known.has(id)) {
        ours.create(id, { ...first, clone });
        if (rest.length > 0) ours.append(id, rest);
        log("taken-over", { task: id, session: first.session });
        await ours.durable();
      }
      theirs.discard(id);
    }
    await Promise.all([ours.close(), theirs.close()]);
  }
}
