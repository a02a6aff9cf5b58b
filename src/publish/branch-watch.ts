import { rmSync } from "node:fs";
import { join } from "node:path";
import { CoordinatorError } from "../base/errors.ts";
import { readBounded } from "../base/files/read-bounded.ts";
import type { Log } from "../base/surroundings.ts";
import type { Branch, Refreshed } from "../git/branch.ts";
import type { BranchLedger } from "../store/branch/branch-ledger.ts";
import { type ForeignTask, findForeignTasks } from "../store/branch/foreign-tasks.ts";
import type { TaskJournal } from "../store/journal/task-journal.ts";
import type { StatePaths } from "../store/state-paths.ts";
import { isClaimed } from "../store/tasks/open-task.ts";
import type { RecentTask, RecentTasks } from "../store/tasks/recent-tasks.ts";
import type { TaskTable } from "../store/tasks/task-table.ts";
import { firstRunOf } from "../task/claims/claim.ts";
import type { StaleDrop } from "../task/file/drop.ts";
import { isFinal } from "../task/ledger/ledger.ts";
import { LEDGER, ROTATED_LEDGERS, SESSIONS } from "../task/records/workspace-paths.ts";
import { createCancelledFiles } from "./cancelled-files.ts";

/** No task file of ours is larger. */
const TASK_FILE_BYTES_MAX = 64 * 1024 * 1024;

export interface BranchWatchDeps {
  readonly branch: Branch;
  /** What the first look at the branch told. */
  readonly found: Refreshed;
  readonly ledger: BranchLedger;
  readonly table: TaskTable;
  readonly recent: RecentTasks;
  readonly journal: TaskJournal;
  readonly workspaceDir: string;
  readonly addStale: (drops: readonly StaleDrop[]) => void;
  readonly paths: StatePaths;
  readonly onForeignTasks: (tasks: ReadonlyMap<string, ForeignTask>) => Promise<void>;
  readonly inboxHint: () => void;
  readonly log: Log;
}

/** Sees what others do to the branch, and mends what they took back by accident. */
export interface BranchWatch {
  /** Looks at the branch; true when somebody else has moved it. A look that fails is made again, whole, by the next call. */
  reconcile(): Promise<boolean>;
  /** Remembers what the branch looks like after a commit of ours. */
  noteOurs(): Promise<void>;
  /** Open tasks of other clones. */
  foreign(): ReadonlyMap<string, ForeignTask>;
}

/** What others did to the branch. */
interface Unseen {
  readonly lostOurs: boolean;
  /** Our commits that it may have lost. */
  readonly commits: readonly string[];
}

/** Where everything of ours lies but the inbox; a foreign commit that leaves these alone took nothing back. */
const OUR_PLACES = [SESSIONS, LEDGER, ROTATED_LEDGERS] as const;

export function createBranchWatch(deps: BranchWatchDeps): BranchWatch {
  const { branch } = deps;
  const cancelled = createCancelledFiles(deps);
  let ours: string | undefined;
  let foreign: ReadonlyMap<string, ForeignTask> = new Map();
  /** Since then only what is `unseen` has happened; false again while, and after, a look did not come to its end. */
  let looked = false;
  /** What others did to the branch and nobody has seen to yet. */
  let unseen: Unseen | undefined;
  if (deps.found.unseen.length > 0) unseen = { lostOurs: deps.found.lostOurs, commits: deps.found.unseen };

  const keepUnseen = ({ lostOurs, commits }: Unseen): void => {
    unseen = {
      lostOurs: lostOurs || unseen?.lostOurs === true,
      commits: [...new Set([...(unseen?.commits ?? []), ...commits])],
    };
  };

  const look = async (): Promise<Refreshed> => {
    const seen = await branch.refresh();
    if (seen.foreign) keepUnseen({ lostOurs: seen.lostOurs, commits: seen.unseen });
    return seen;
  };

  const isOurs = (id: string): boolean => deps.table.get(id) !== undefined || deps.recent.get(id) !== undefined;

  const fingerprint = async (): Promise<string> => {
    const ids = await Promise.all(OUR_PLACES.map((place) => branch.treeId(place)));
    return ids.map((id) => id ?? "-").join(" ");
  };

  const restoreLostResults = async (lostOurs: boolean): Promise<void> => {
    for (const task of deps.recent.all()) {
      const missing = await whatIsMissing(task);
      if (missing === undefined) continue;
      if (!lostOurs && missing === "file" && !(await isOnDisk(task))) {
        deps.recent.drop(task.id); // Gone from the branch and from the disk: somebody wanted that.
        deps.log("forgotten", { task: task.id, reason: "its result was removed in a commit" });
        continue;
      }
      const records = deps.journal.readDone(task.id);
      // Without records a person has removed it: there is nothing to commit again.
      if (records.length > 0) deps.journal.reopen(task.id);
      deps.recent.release(task.id); // Not before it is open: a task that cannot be opened now is found here again.
      if (records.length === 0) continue;
      deps.table.load(task.id, records);
      deps.log("recommit", {
        task: task.id,
        session: task.sessionKey,
        reason: lostOurs ? "the branch lost our commit" : `a commit took its ${missing} back`,
      });
    }
  };

  const whatIsMissing = async (task: RecentTask): Promise<"file" | "ledger row" | undefined> => {
    const row = await deps.ledger.find(task.id);
    const isAt = async (path: string | undefined): Promise<boolean> =>
      path !== undefined && (await branch.blobAt(path)) !== undefined;
    // The ledger links it where it was archived.
    if (!(await isAt(task.path)) && !(await isAt(row?.result?.path))) return "file";
    if (row !== undefined && row.run > task.lastRow.run) return undefined; // Another clone has taken it over.
    return row === undefined || row.status !== task.lastRow.status ? "ledger row" : undefined;
  };

  /** The file as we committed it still lies in the work tree: a commit made from an older index took it out of the branch only. */
  const isOnDisk = async (task: RecentTask): Promise<boolean> => {
    if (!(await branch.headIsOurs())) return false;
    try {
      const path = join(deps.workspaceDir, task.path);
      const bytes = readBounded(path, TASK_FILE_BYTES_MAX);
      return bytes !== undefined && branch.hashBlob(bytes) === task.blob;
    } catch (error) {
      if (!(error instanceof CoordinatorError)) throw error;
      return false; // What lies there is not what we wrote.
    }
  };

  /**
   * Queued tasks of ours that have ended in another clone, which had taken them over or had taken the same drop out of the branch:
   * they do not run here any more. What earlier runs said here is still added to the branch.
   */
  const dropTasksFinishedElsewhere = async (): Promise<void> => {
    for (const task of [...deps.table.all()]) {
      if (task.state.kind !== "queued") continue;
      const row = await deps.ledger.find(task.id);
      if (row === undefined || !isFinal(row.status)) continue;
      if (row.run < firstRunOf(task.claim?.generation ?? 1)) continue; // Of a clone that this one has taken it over from.
      if (deps.table.get(task.id) !== task) continue; // It has begun here while the branch was asked: it goes on.
      const records = deps.journal.read(task.id);
      const endedHere = records.some((record) => record.k === "state" && record.state.kind === "ended");
      if (endedHere && row.run < task.state.run) continue; // It was queued again after that end.
      deps.log("ended-elsewhere", { task: task.id, session: task.sessionKey, status: row.status });
      const ranHere = records.some((record) => record.k === "run");
      if (ranHere) deps.table.step(task.id, { kind: "endedElsewhere", status: row.status, reason: row.detail });
      else forget(task.id);
    }
  };

  /** Drops that a commit took back, or changed, before any clone had claimed their tasks: these are gone with them. */
  const dropWithdrawnTasks = async (): Promise<void> => {
    for (const task of [...deps.table.all()]) {
      const { id, source, aliases } = task;
      if (task.state.kind !== "queued" || isClaimed(task) || task.claim !== undefined) continue;
      if (source?.tracked !== "head" || (await branch.blobAt(source.path)) === source.blob) continue;
      const rows = await Promise.all([id, ...aliases].map((name) => deps.ledger.find(name)));
      if (rows.some((row) => row !== undefined) || deps.table.get(id) !== task) continue;
      deps.log("withdrawn", { task: id, session: task.sessionKey, source: source.path });
      forget(id);
    }
  };

  const forget = (id: string): void => {
    deps.table.forget(id);
    rmSync(join(deps.paths.runs, id), { recursive: true, force: true });
  };

  /** Notes which drops are in the branch again because it has lost the commit of ours that took them out: their tasks are known. */
  const noteDropsBack = async (): Promise<void> => {
    for (const { id, source, dropGone } of [...deps.recent.all(), ...deps.table.all()]) {
      if (source === undefined || source.tracked === "untracked" || !dropGone) continue;
      if ((await branch.blobAt(source.path)) !== source.blob) continue;
      if (deps.table.get(id) === undefined) deps.recent.noteDropBack(id);
      else deps.table.note(id, { k: "drop-back" });
    }
  };

  /** Drops that stand in the branch although their tasks were taken: staged then and committed since, or there again. */
  const staleDrops = async (): Promise<readonly StaleDrop[]> => {
    const found: StaleDrop[] = [];
    for (const { id, source, dropGone } of [...deps.recent.all(), ...deps.table.all()]) {
      if (source === undefined || source.tracked === "untracked" || dropGone) continue;
      if (source.tracked === "head" && deps.table.get(id) !== undefined) continue; // Taken out with its own commits.
      const { path, blob } = source;
      if ((await branch.blobAt(path)) === blob) found.push({ path, blob, task: id });
    }
    return found;
  };

  /** @param before how our places looked when all was seen to; `undefined` where that is not known */
  const seeTo = async (lostOurs: boolean, before: string | undefined): Promise<void> => {
    ours = await fingerprint();
    if (before !== ours || lostOurs) await restoreLostResults(lostOurs);
    if (lostOurs) await noteDropsBack();
    await dropTasksFinishedElsewhere();
    await dropWithdrawnTasks();
    await cancelled.look(lostOurs);
    deps.addStale(await staleDrops());
    foreign = await findForeignTasks(branch, deps.ledger, isOurs);
    await deps.onForeignTasks(foreign);
    deps.inboxHint();
  };

  return {
    async reconcile() {
      const { tip, lostOurs: lostNow } = await look();
      const moved = unseen;
      if (moved === undefined && looked) return false;
      const lostOurs = lostNow || moved?.lostOurs === true;
      const before = looked ? ours : undefined;
      unseen = undefined;
      looked = false;
      try {
        await seeTo(lostOurs, before);
        if (moved !== undefined) await branch.seenTo(moved.commits);
      } catch (error) {
        if (moved !== undefined) keepUnseen({ ...moved, lostOurs });
        throw error;
      }
      looked = true;
      if (moved !== undefined) deps.log("branch-moved", { tip, lostOurs });
      return true;
    },
    async noteOurs() {
      await look();
      if (unseen === undefined) ours = await fingerprint(); // Else our commit stands on one that has not been looked at.
    },
    foreign: () => new Map([...foreign].filter(([id]) => !isOurs(id))), // Some may have been taken over since.
  };
}
