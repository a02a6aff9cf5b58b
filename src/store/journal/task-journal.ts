import { closeSync, existsSync, readdirSync, renameSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { LRUCache } from "lru-cache";
import { systemErrorCode } from "../../base/errors.ts";
import { mayFail } from "../../base/fault-point.ts";
import { isAtomicLeftover, makeDirectory, syncDirectory, writeFileAtomic } from "../../base/files/write-file-atomic.ts";
import { worldFaultCode } from "../../base/world-fault.ts";
import type { Keeper } from "../../task/text/kept-text.ts";
import { createFileSyncs, type FileSyncs } from "./file-syncs.ts";
import { journalProblem } from "./journal-check.ts";
import { appendTo, cutTornLine, idsIn, type KeptRecord, openJournal, readRecords, writeNew } from "./journal-file.ts";
import { createJournalReader, type JournalReader, journalPlaces } from "./journal-reader.ts";
import type { JournalRecord } from "./journal-record.ts";

/** As much as the records of a usual task. */
const PROBE_BYTES = 64 * 1024;

/** Of open journals, as they stand on the disk, so much is in memory too: what a run asks of its task again and again is read once. */
const CACHE_CHARACTERS_MAX = 1024 * 1024;

/** Finished tasks whose journals are kept after their commit, so that a result the branch loses can be committed again. */
export const RECENT_TASKS_MAX = 256;

/**
 * The write-ahead log: one append-only JSONL file per task.
 *
 *   open/<id>.jsonl   every task that is not finished and committed
 *   done/<id>.jsonl   the newest committed ones, for repair
 *   damaged/          what was found in their places and is none of ours
 *
 * A line holds what one call wrote. It counts once it is complete; a torn last line was never acknowledged and is cut off when the
 * journal is opened for writing. Memory and start-up cost follow the number of open tasks, never the history.
 *
 * Here text passes the redaction boundary, and nowhere behind it: what is read from a journal is kept text, and so is what is made of it.
 */
export interface TaskJournal extends JournalReader {
  /**
   * Resolves when all that was written before is durable; as long as the disk does not let it, it is tried again. A kill takes nothing
   * back that was written: this is for what a loss of power must not undo, such as an answer, the start of a run, or a commit.
   *
   * @throws CoordinatorError `TRY_AGAIN` where that was given up, at the end of this process
   */
  durable(): Promise<void>;
  /** Creates the journal of a new task. */
  create(id: string, first: JournalRecord): KeptRecord;
  /**
   * Appends `records` to the open journal of `id`, all or none; as it was before when it throws.
   *
   * @returns them as they stand there, redacted
   */
  append(id: string, records: readonly JournalRecord[]): readonly KeptRecord[];
  /** Appends a record that is not synced for its own sake; one that is appended later makes it durable too. */
  appendUnsynced(id: string, record: JournalRecord): KeptRecord;
  /** Does the same as `append` for a kept finished task. */
  appendDone(id: string, records: readonly JournalRecord[]): void;
  /**
   * Adds `last` to the journal of a committed task and moves it to done/. Not synced: what a loss of power takes back is committed again,
   * which changes nothing.
   */
  retire(id: string, last?: JournalRecord): void;
  /** Moves a finished task back: its commit was lost and has to be made again. */
  reopen(id: string): void;
  /** Forgets the journal of an open task for good. */
  discard(id: string): void;
  /** Writes something, durably, and takes it away again. @throws what keeps the journal from being written */
  probe(): void;
  /** Forgets the journal of a finished task for good. */
  forget(id: string): void;
  /** Syncs what can be synced, and ends. */
  close(): Promise<void>;
}

/**
 * Opens the journal below `journalDir` (made when missing) for writing. Only the one coordinator may: what is no journal of ours is set
 * aside into damaged/, and `onDamaged` is told of each.
 *
 * @param keeper the boundary that everything written passes
 */
export function openTaskJournal(
  journalDir: string,
  keeper: Keeper,
  onDamaged: (path: string, reason: string) => void = () => undefined,
  syncs: FileSyncs = createFileSyncs(),
): TaskJournal {
  const places = journalPlaces(journalDir);
  const { openDir, doneDir, damagedDir, open: openPath, done: donePath } = places;
  for (const directory of [openDir, doneDir]) makeDirectory(directory, 0o700);

  const setAside = (path: string, reason: string): void => {
    makeDirectory(damagedDir, 0o700);
    const taken = new Set(readdirSync(damagedDir));
    let name = basename(path);
    for (let count = 2; taken.has(name); count += 1) name = `${basename(path)}.${count}`;
    renameSync(path, join(damagedDir, name));
    syncDirectory(damagedDir);
    syncDirectory(dirname(path));
    onDamaged(join(damagedDir, name), reason);
  };

  const moveToDone = (id: string): void => {
    try {
      renameSync(openPath(id), donePath(id));
    } catch (error) {
      if (systemErrorCode(error) !== "ENOENT") throw error;
      makeDirectory(doneDir, 0o700); // A person has removed it.
      renameSync(openPath(id), donePath(id));
    }
  };

  const repair = (id: string, path: string): void => {
    try {
      cutTornLine(path);
      const records = readRecords(path);
      if (records.length === 0) {
        rmSync(path); // Its creation was cut off before anybody was told of the task.
        return;
      }
      const problem = journalProblem(id, records);
      if (problem !== undefined) setAside(path, problem);
    } catch (error) {
      if (worldFaultCode(error) !== undefined) throw error;
      setAside(path, error instanceof Error ? error.message : String(error));
    }
  };

  for (const [directory, pathOf] of [
    [openDir, openPath],
    [doneDir, donePath],
  ] as const) {
    for (const name of readdirSync(directory)) if (isAtomicLeftover(name)) rmSync(join(directory, name));
    for (const id of idsIn(directory)) repair(id, pathOf(id));
  }

  /** By path: open journals that were read, and all that was appended since. A task that waits is not read: a long queue fills nothing. */
  const cache = new LRUCache<string, CachedJournal>({
    maxSize: CACHE_CHARACTERS_MAX,
    sizeCalculation: ({ characters }) => characters,
  });
  const read = (id: string): readonly KeptRecord[] => {
    const path = openPath(id);
    const cached = cache.get(path);
    if (cached !== undefined) return cached.records;
    const records = readRecords(path);
    if (records.length > 0) cache.set(path, { records, characters: toLine(records).length });
    return records;
  };
  const append = (
    path: string,
    records: readonly JournalRecord[],
    how: "synced" | "unsynced",
  ): readonly KeptRecord[] => {
    const kept = records.map((record) => keeper.keep(record));
    mayFail("journal");
    const pending = syncs.pending(path);
    const descriptor = pending ?? openJournal(path);
    const line = toLine(kept);
    try {
      appendTo(descriptor, line);
    } catch (error) {
      if (pending === undefined) closeSync(descriptor);
      throw error;
    }
    if (how === "synced") syncs.add(path, descriptor);
    else if (pending === undefined) closeSync(descriptor);
    const cached = cache.get(path);
    if (cached !== undefined)
      cache.set(path, { records: [...cached.records, ...kept], characters: cached.characters + line.length });
    return kept;
  };

  return {
    ...createJournalReader(places, readRecords),
    read,
    durable: syncs.settled,
    close: syncs.close,
    create(id, first) {
      if (existsSync(openPath(id))) throw new Error(`the journal of ${id} exists already`);
      mayFail("journal");
      const kept = keeper.keep(first);
      const problem = journalProblem(id, [kept]);
      if (problem !== undefined) throw new Error(`the journal of ${id} would begin with what is none: ${problem}`);
      syncs.add(openPath(id), writeNew(openPath(id), toLine([kept])));
      syncs.addFolder(openDir);
      return kept;
    },
    append: (id, records) => append(openPath(id), records, "synced"),
    appendUnsynced(id, record) {
      const [kept] = append(openPath(id), [record], "unsynced");
      if (kept === undefined) throw new Error("one record was given");
      return kept;
    },
    appendDone(id, records) {
      if (existsSync(donePath(id))) append(donePath(id), records, "synced"); // Else a person has removed it: nothing is watched over.
    },
    retire(id, last) {
      if (last !== undefined) append(openPath(id), [last], "unsynced");
      syncs.release(openPath(id));
      moveToDone(id);
      cache.delete(openPath(id));
    },
    reopen(id) {
      if (existsSync(openPath(id))) throw new Error(`the journal of ${id} is open already`);
      syncs.release(donePath(id));
      renameSync(donePath(id), openPath(id));
      try {
        mayFail("journal");
        syncDirectory(openDir);
        syncDirectory(doneDir);
      } catch (error) {
        renameSync(openPath(id), donePath(id)); // So that it can be tried again.
        throw error;
      }
    },
    discard(id) {
      syncs.release(openPath(id));
      cache.delete(openPath(id));
      rmSync(openPath(id), { force: true });
      syncs.addFolder(openDir);
    },
    probe() {
      mayFail("journal");
      const path = join(journalDir, "probe");
      writeFileAtomic(path, " ".repeat(PROBE_BYTES), 0o600);
      rmSync(path);
    },
    forget(id) {
      syncs.release(donePath(id));
      rmSync(donePath(id), { force: true });
    },
  };
}

interface CachedJournal {
  readonly records: readonly KeptRecord[];
  /** Of its lines. */
  readonly characters: number;
}

/** Records that become durable together stand in one line, so that a crash leaves all of them or none. */
function toLine(records: readonly KeptRecord[]): string {
  return `${JSON.stringify(records.length === 1 ? records[0] : records)}\n`;
}
