import { existsSync } from "node:fs";
import { CoordinatorError } from "../../base/errors.ts";
import { findHolder } from "../../base/process/process-lock.ts";
import type { WorkspacePlace } from "../../git/repository/workspace-place.ts";
import { statePaths } from "../../store/state-paths.ts";
import { latestRows } from "../../task/ledger/ledger.ts";
import { compactedCommitMessage } from "../../task/records/commit-message.ts";
import type { FileEdit } from "../../task/records/commit-plan.ts";
import { LEDGER, ROTATED_LEDGERS } from "../../task/records/workspace-paths.ts";
import { asKeptText } from "../../task/text/kept-text.ts";
import { readServer, requireBranch } from "../queries/server-record.ts";
import { withOwnCommitter } from "./own-committer.ts";

/** What a compaction of the ledger came to. */
export interface CompactedLedger {
  /** `undefined` where every task had one row already. */
  readonly commit: string | undefined;
  readonly rows: { readonly before: number; readonly after: number };
}

/**
 * Rewrites the ledger, its closed files too, to the latest row of each task. What each task has come to does not change by it, so a merge
 * with a clone that has the other rows is right, and so is a coordinator beside it.
 *
 * @param force also while a coordinator is at work
 * @throws CoordinatorError `REFUSED` while one is; `TRY_AGAIN`
 */
export async function compactTasks(place: WorkspacePlace, force: boolean): Promise<CompactedLedger> {
  const { root, server } = statePaths(place.stateDir);
  const holder = force || !existsSync(root) ? undefined : await findHolder(root, "lock");
  if (holder !== undefined) {
    const why = `a coordinator is at work (process ${holder.pid})`;
    throw new CoordinatorError(
      "REFUSED",
      `${why}: end it first, or use --force, which is safe and may wait for its commits`,
    );
  }
  return withOwnCommitter(place, requireBranch(place, readServer(server)?.branch), async (branch, commit) => {
    const edits: FileEdit[] = [];
    const rows = { before: 0, after: 0 };
    const compact = async (path: string): Promise<void> => {
      const text = (await branch.readText(path)) ?? "";
      const latest = latestRows(text);
      rows.before += rowCount(text);
      rows.after += rowCount(latest === "unchanged" ? text : latest);
      const apply: FileEdit["apply"] = (current) => (current === undefined ? "unchanged" : latestRows(current));
      if (latest !== "unchanged") edits.push({ path: asKeptText(path), apply });
    };
    await compact(LEDGER);
    for (const { name: day } of await branch.listFolder(ROTATED_LEDGERS))
      for (const { name } of await branch.listFolder(`${ROTATED_LEDGERS}/${day}`))
        await compact(`${ROTATED_LEDGERS}/${day}/${name}`);
    if (edits.length === 0) return { commit: undefined, rows };
    return { commit: await commit({ label: "compact", message: compactedCommitMessage(), edits }), rows };
  });
}

function rowCount(text: string): number {
  return text.split("\n").filter((line) => line.startsWith("| 2")).length;
}
