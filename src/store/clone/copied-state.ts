import { existsSync, mkdirSync, readdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { readStamp } from "../../base/files/file-stamp.ts";
import { syncDirectory } from "../../base/files/write-file-atomic.ts";
import type { Log } from "../../base/surroundings.ts";
import { readTaskJournal } from "../journal/journal-reader.ts";
import type { StatePaths } from "../state-paths.ts";
import { readCloneFile, settleCloneId } from "./clone-id.ts";

/** What says who works on what: true of the folder that was copied, and of its processes. */
const OF_THE_ORIGINAL = [
  ...["journal", "runs", "unknown-runs", "accepting", "session-locks", "stop-requests", "locks", "tmp"],
  ...["code-index", "server.json"],
] as const;

/**
 * Returns the id of this clone. In a copy of another one (`cp -r`), whose coordinator and agents may be alive, everything that says who
 * works on what is set aside first, below `copied/<id of the original>`: its open tasks are those of another clone.
 *
 * Only who holds the lock of the state folder may call this. A crash in between leaves a copy, and the rest is done next time.
 */
export function settleClone(paths: StatePaths, log: Log): string {
  const file = readCloneFile(paths.clone);
  if (file?.isCopy === true) {
    const aside = asideFolder(paths, file.id);
    for (const name of OF_THE_ORIGINAL)
      if (readStamp(join(paths.root, name)) !== undefined) renameSync(join(paths.root, name), join(aside, name));
    for (const folder of [aside, paths.root]) syncDirectory(folder);
    const tasks = openIn(aside);
    log("copied", {
      ...{ from: file.place?.path, tasks, kept: aside },
      ...(tasks > 0 && { hint: "its open tasks may be running there; serve --take-over runs them here" }),
    });
  }
  return settleCloneId(paths.clone);
}

/** Returns how many open tasks of the clone that this one was copied from are set aside. */
export function countCopiedTasks(paths: StatePaths): number {
  return asideFolders(paths).reduce((sum, folder) => sum + openIn(folder), 0);
}

/** A second time, a folder of the same clone gets a name of its own: nothing that was set aside is written over. */
function asideFolder(paths: StatePaths, id: string): string {
  const root = join(paths.root, "copied");
  mkdirSync(root, { recursive: true, mode: 0o700 });
  for (let count = 1; ; count += 1) {
    const folder = join(root, count === 1 ? id : `${id}-${count}`);
    const isFree = !existsSync(folder) || OF_THE_ORIGINAL.every((name) => !existsSync(join(folder, name)));
    if (!isFree) continue;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    return folder;
  }
}

/** Returns the folders that hold what was set aside. */
export function asideFolders(paths: StatePaths): readonly string[] {
  const root = join(paths.root, "copied");
  return existsSync(root) ? readdirSync(root).map((name) => join(root, name)) : [];
}

function openIn(folder: string): number {
  const journal = join(folder, "journal");
  return existsSync(journal) ? readTaskJournal(journal).openIds().length : 0;
}
