import type { Branch } from "../../git/branch.ts";
import { readPlainFrontMatter } from "../../task/file/plain-front-matter.ts";
import { isFinal, type LedgerRow } from "../../task/ledger/ledger.ts";
import { type ParsedTaskFile, parseTaskFileBy } from "../../task/records/task-file/task-file-reading.ts";
import type { BranchLedger } from "./branch-ledger.ts";
import { type TaskPlace, taskTexts } from "./task-text.ts";

/** A queued task of the branch that another clone has accepted: it may be running there, so it does not run here. */
export interface ForeignTask {
  readonly row: LedgerRow;
  readonly file: ParsedTaskFile;
  readonly path: string;
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
    const place = await findTaskFile(branch, row);
    if (place === undefined || isFinal(place.file.status)) continue;
    found.set(row.task, { row, ...place });
  }
  return found;
}

/** Returns a task's committed file and its path, or `undefined`. Of several, one that has ended. */
export async function findTaskFile(
  branch: Pick<Branch, "readText" | "listFolder">,
  place: TaskPlace,
): Promise<{ readonly file: ParsedTaskFile; readonly path: string } | undefined> {
  let found: { readonly file: ParsedTaskFile; readonly path: string } | undefined;
  for await (const { path, text } of taskTexts(branch, place)) {
    // A parser of YAML takes longer to load than a command to answer, and what we write needs none.
    const file =
      parseTaskFileBy(readPlainFrontMatter, text) ??
      (await import("../../task/records/task-file/parsed-task-file.ts")).parseTaskFile(text);
    if (file?.id !== place.task) continue;
    if (isFinal(file.status)) return { file, path };
    found ??= { file, path };
  }
  return found;
}
