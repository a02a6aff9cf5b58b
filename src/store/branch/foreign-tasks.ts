import type { Branch } from "../../git/branch.ts";
import { isFinal, type LedgerRow } from "../../task/ledger/ledger.ts";
import { type ParsedTaskFile, parseTaskFile } from "../../task/records/task-record.ts";
import type { BranchLedger } from "./branch-ledger.ts";
import { taskTexts } from "./task-text.ts";

/** A queued task of the branch that another clone has accepted: it may be running there, so it does not run here. */
export interface ForeignTask {
  readonly row: LedgerRow;
  readonly file: ParsedTaskFile;
  readonly folder: string;
}

/**
 * Returns the tasks that the branch's ledger calls open although no journal of ours knows them. A union merge can bring back the
 * old rows of a task that has ended and whose last row was rotated away, so its file is asked too: the file's word is final.
 */
export async function findForeignTasks(
  branch: Pick<Branch, "readText" | "listFolder">,
  ledger: BranchLedger,
  isOurs: (id: string) => boolean,
): Promise<ReadonlyMap<string, ForeignTask>> {
  const found = new Map<string, ForeignTask>();
  for (const row of (await ledger.current()).values()) {
    if (isFinal(row.status) || isOurs(row.task)) continue;
    const place = await findTaskFile(branch, row.session, row.task);
    if (place === undefined || isFinal(place.file.status)) continue;
    found.set(row.task, { row, ...place });
  }
  return found;
}

/** Returns a task's committed file and the dated folder it lies in, or `undefined`. */
export async function findTaskFile(
  branch: Pick<Branch, "readText" | "listFolder">,
  sessionKey: string,
  id: string,
): Promise<{ readonly file: ParsedTaskFile; readonly folder: string; readonly text: string } | undefined> {
  for await (const { folder, text } of taskTexts(branch, sessionKey, id)) {
    const file = parseTaskFile(text);
    if (file?.id === id) return { file, folder, text };
  }
  return undefined;
}
