import type { Branch } from "../../../git/branch.ts";
import type { HistoryEntry, TaskHistory } from "../../../git/repository/task-history.ts";

/** Lists that are remembered: whoever turns pages asks for one and the same, a few more each time. */
const LISTS_MAX = 8;
/** A longer list is not remembered. */
const ENTRIES_MAX = 5_000;

interface List {
  /** As many as there are, or as were asked for. */
  readonly entries: readonly HistoryEntry[];
  readonly isWhole: boolean;
}

/**
 * Answers from memory what was asked before, as long as the content of the branch is the same: a `git log` takes longer than all else that
 * one page of older tasks needs. A question for more than was read reads on by a step, so that the next pages need no git either.
 */
export function rememberHistory(history: TaskHistory, branch: Pick<Branch, "treeId">): TaskHistory {
  const lists = new Map<string, List>();
  let content: string | undefined;
  return {
    ...history,
    async newest(count, session, statuses = []) {
      const now = await branch.treeId("");
      if (now === undefined || now !== content) lists.clear();
      content = now;
      const name = JSON.stringify([session ?? null, [...statuses].sort()]);
      const known = lists.get(name);
      if (known !== undefined && (known.isWhole || known.entries.length >= count)) return known.entries.slice(0, count);
      const asked = count >= ENTRIES_MAX ? count : Math.min(ENTRIES_MAX, known === undefined ? count : count * 2);
      const entries = await history.newest(asked, session, statuses);
      if (now !== undefined && content === now && entries.length <= ENTRIES_MAX) {
        lists.delete(name);
        lists.set(name, { entries, isWhole: entries.length < asked });
        for (const oldest of lists.keys()) {
          if (lists.size <= LISTS_MAX) break;
          lists.delete(oldest);
        }
      }
      return entries.slice(0, count);
    },
  };
}
