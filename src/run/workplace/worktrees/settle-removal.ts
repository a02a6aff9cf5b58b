import { existsSync, readdirSync, renameSync } from "node:fs";
import { dirname, join } from "node:path";
import { type LinkedWorktrees, parseTrash } from "../../../git/worktrees/linked-worktrees.ts";
import type { WorktreeRecord, WorktreeRecords } from "../../../store/worktrees/worktree-records.ts";

export interface SettleDeps {
  readonly trees: Pick<LinkedWorktrees, "list">;
  readonly worktrees: { readonly save: (record: WorktreeRecord) => Promise<unknown> };
  readonly records: Pick<WorktreeRecords, "get">;
}

/**
 * Finishes a removal that a kill has cut off. A folder that git still knows is put back: whether all of it is committed was not seen to
 * the end.
 */
export async function settleRemoval(slug: string, { trees, worktrees, records }: SettleDeps): Promise<void> {
  const record = records.get(slug);
  if (record?.state !== "removing") return;
  const isKnown = trees.list().some(({ topDir }) => topDir === record.dir);
  const aside = isKnown && !existsSync(record.dir) ? newestTrash(record.dir, slug) : undefined;
  if (aside !== undefined) renameSync(aside, record.dir);
  await worktrees.save({ ...record, state: existsSync(record.dir) ? "ready" : "parked" });
}

function newestTrash(dir: string, slug: string): string | undefined {
  const folder = dirname(dir);
  const names = existsSync(folder) ? readdirSync(folder) : [];
  const found = names.flatMap((name) => {
    const trash = parseTrash(name);
    return trash?.slug === slug ? [{ name, atMs: trash.atMs }] : [];
  });
  const [newest] = found.sort((one, other) => other.atMs - one.atMs);
  return newest === undefined ? undefined : join(folder, newest.name);
}
