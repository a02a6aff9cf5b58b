import type { Branch } from "../git/branch.ts";
import { refuseNewerLedger } from "../store/formats.ts";
import { appendRows, LEDGER_ROTATE_BYTES, type LedgerRow, rotateLedger, withoutRows } from "../task/ledger/ledger.ts";
import type { FileEdit } from "../task/records/commit-plan.ts";
import { LEDGER, ROTATED_LEDGERS, rotatedLedgerPath } from "../task/records/workspace-paths.ts";
import { asKeptText, type Kept } from "../task/text/kept-text.ts";

/**
 * Returns the edits that add `rows` to the ledger and, once its closed rows have outgrown their limit, move these into files of
 * their own. Applied to a ledger of a newer version they throw CoordinatorError `CONFIG`. Exactly the rows that went into such a file are taken out, whatever tip the edits are applied to.
 */
export async function buildLedgerEdits(
  branch: Pick<Branch, "readText" | "listFolder">,
  rows: readonly Kept<LedgerRow>[],
  isOpen: (task: string) => boolean,
  clone: string,
): Promise<readonly FileEdit[]> {
  const text = (await branch.readText(LEDGER)) ?? "";
  // A batch that is made again after a crash finds its own rows in the branch, and must change nothing.
  const isDone = appendRows(text, rows) === "unchanged";
  const rotation = isDone ? undefined : rotateLedger(text, isOpen, LEDGER_ROTATE_BYTES);
  const moved = [...(rotation?.closed.values() ?? [])].flat();
  const edits: FileEdit[] = [
    {
      path: asKeptText(LEDGER),
      apply: (current) => {
        refuseNewerLedger(current); // The tip may be another one than that which was read.
        const kept = moved.length === 0 || current === undefined ? "unchanged" : withoutRows(current, moved);
        const appended = appendRows(kept === "unchanged" ? current : kept, rows);
        return appended === "unchanged" ? kept : appended;
      },
    },
  ];
  for (const [date, closed] of rotation?.closed ?? []) {
    const path = rotatedLedgerPath(date, clone, await nextSequence(branch, `${ROTATED_LEDGERS}/${date}`, clone));
    edits.push({ path, apply: (current) => appendRows(current, closed, "../../") });
  }
  return edits;
}

/** Returns the number after the greatest that this clone has used for rotated files in `folder`. */
export async function nextSequence(branch: Pick<Branch, "listFolder">, folder: string, clone: string): Promise<number> {
  const prefix = `${clone}-`;
  const used = (await branch.listFolder(folder)).map(({ name }) =>
    name.startsWith(prefix) ? Number(/^(\d+)\./.exec(name.slice(prefix.length))?.[1] ?? 0) : 0,
  );
  return Math.max(0, ...used) + 1;
}
