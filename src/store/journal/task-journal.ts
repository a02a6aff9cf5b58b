import {
  closeSync,
  constants,
  existsSync,
  fdatasyncSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { CoordinatorError, systemErrorCode } from "../../base/errors.ts";
import { mayFail } from "../../base/fault-point.ts";
import { readBounded, readBoundedText } from "../../base/files/read-bounded.ts";
import { makeDirectory, syncDirectory, writeAll, writeFileAtomic } from "../../base/files/write-file-atomic.ts";
import { worldFaultCode } from "../../base/world-fault.ts";
import { isTaskId } from "../../task/names/task-id.ts";
import { journalProblem } from "./journal-check.ts";
import type { JournalRecord } from "./journal-record.ts";

/** Bytes of one task's journal that are read; a run adds a few megabytes at most. */
const JOURNAL_BYTES_MAX = 256 * 1024 * 1024;

/** What a kill leaves of a file that was being written (see `writeFileAtomic`). */
const LEFT_BY_KILL = /^\.[0-9a-f]{8}-[0-9a-f-]{27}\.tmp$/;

/** As much as the records of a usual task. */
const PROBE_BYTES = 64 * 1024;

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
 */
export interface TaskJournal {
  /** Creates the journal of a new task; when this returns, the task survives any crash. */
  create(id: string, first: JournalRecord): void;
  /** Appends `records` to the open journal of `id`, all or none; durable when it returns, and as it was before when it throws. */
  append(id: string, records: readonly JournalRecord[]): void;
  /** Appends a record that a loss of power may take back; one that is appended durably later makes it so too. */
  appendUnsynced(id: string, record: JournalRecord): void;
  /** Does the same as `append` for a kept finished task. */
  appendDone(id: string, records: readonly JournalRecord[]): void;
  read(id: string): readonly JournalRecord[];
  readDone(id: string): readonly JournalRecord[];
  /** Ids of the open tasks. */
  openIds(): readonly string[];
  /** Ids of the kept finished tasks, oldest first. */
  doneIds(): readonly string[];
  /**
   * Adds `last` to the journal of a committed task and moves it to done/. Not synced: what a loss of power takes back is committed again,
   * which changes nothing.
   */
  retire(id: string, last?: JournalRecord): void;
  /** Moves a finished task back: its commit was lost and has to be made again. */
  reopen(id: string): void;
  /** Forgets the journal of an open task for good. */
  discard(id: string): void;
  /** Names of what was set aside into damaged/. */
  damaged(): readonly string[];
  /** Writes something, durably, and takes it away again. @throws what keeps the journal from being written */
  probe(): void;
  /** Forgets the journal of a finished task for good. */
  forget(id: string): void;
}

/**
 * Opens the journal below `journalDir` (made when missing). Only the one coordinator may open it for writing: then what is no journal
 * of ours is set aside into damaged/, and `onDamaged` is told of each.
 */
export function openTaskJournal(
  journalDir: string,
  mode: "read" | "write",
  onDamaged: (path: string, reason: string) => void = () => undefined,
): TaskJournal {
  const openDir = join(journalDir, "open");
  const doneDir = join(journalDir, "done");
  const damagedDir = join(journalDir, "damaged");
  for (const directory of [openDir, doneDir]) makeDirectory(directory, 0o700);
  const openPath = (id: string): string => join(openDir, `${id}.jsonl`);
  const donePath = (id: string): string => join(doneDir, `${id}.jsonl`);

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

  if (mode === "write")
    for (const [directory, pathOf] of [
      [openDir, openPath],
      [doneDir, donePath],
    ] as const) {
      for (const name of readdirSync(directory)) if (LEFT_BY_KILL.test(name)) rmSync(join(directory, name));
      for (const id of idsIn(directory)) repair(id, pathOf(id));
    }

  /** For a look from beside the coordinator what is damaged is not there: the coordinator sets it aside and says so. */
  const readBeside = (path: string): readonly JournalRecord[] => {
    try {
      return readRecords(path);
    } catch (error) {
      if (error instanceof CoordinatorError) return [];
      throw error;
    }
  };
  const read = mode === "write" ? readRecords : readBeside;

  return {
    create(id, first) {
      if (existsSync(openPath(id))) throw new Error(`the journal of ${id} exists already`);
      mayFail("journal");
      writeNew(openPath(id), toLine([first]));
      syncDirectory(openDir);
    },
    append(id, records) {
      appendTo(openPath(id), toLine(records), "durably");
    },
    appendUnsynced(id, record) {
      appendTo(openPath(id), toLine([record]), "unsynced");
    },
    appendDone(id, records) {
      if (existsSync(donePath(id))) appendTo(donePath(id), toLine(records), "durably"); // Else a person has removed it: nothing is watched over.
    },
    read: (id) => read(openPath(id)),
    readDone: (id) => read(donePath(id)),
    openIds: () => idsIn(openDir),
    doneIds: () => oldestFirst(idsIn(doneDir), donePath),
    retire(id, last) {
      if (last !== undefined) appendTo(openPath(id), toLine([last]), "unsynced");
      moveToDone(id);
    },
    reopen(id) {
      if (existsSync(openPath(id))) throw new Error(`the journal of ${id} is open already`);
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
      rmSync(openPath(id), { force: true });
      syncDirectory(openDir);
    },
    damaged: () => namesIn(damagedDir),
    probe() {
      mayFail("journal");
      const path = join(journalDir, "probe");
      writeFileAtomic(path, " ".repeat(PROBE_BYTES), 0o600);
      rmSync(path);
    },
    forget(id) {
      rmSync(donePath(id), { force: true });
    },
  };
}

/** Records that become durable together stand in one line, so that a crash leaves all of them or none. */
function toLine(records: readonly JournalRecord[]): string {
  return `${JSON.stringify(records.length === 1 ? records[0] : records)}\n`;
}

/** Names in a folder that may be missing. */
function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return [];
    throw error;
  }
}

function idsIn(directory: string): readonly string[] {
  return namesIn(directory)
    .filter((name) => name.endsWith(".jsonl"))
    .map((name) => name.slice(0, -".jsonl".length))
    .filter(isTaskId)
    .sort();
}

/**
 * Makes a journal with its first line, durable but for its folder's entry. Not by a rename: a line that a crash cuts off was never
 * acknowledged, here as at the end of a journal.
 */
function writeNew(path: string, text: string): void {
  const descriptor = openSync(path, "wx", 0o600);
  try {
    writeAll(descriptor, Buffer.from(text));
    fdatasyncSync(descriptor);
  } catch (error) {
    rmSync(path, { force: true });
    throw error;
  } finally {
    closeSync(descriptor);
  }
}

/** A write that fails half-way (a full disk) is taken back, so that the next record is not glued to its rest. */
function appendTo(path: string, text: string, how: "durably" | "unsynced"): void {
  mayFail("journal");
  const descriptor = openSync(path, constants.O_WRONLY | constants.O_APPEND);
  try {
    const sizeBefore = fstatSync(descriptor).size;
    try {
      writeAll(descriptor, Buffer.from(text));
      if (how === "durably") fdatasyncSync(descriptor);
    } catch (error) {
      ftruncateSync(descriptor, sizeBefore);
      throw error;
    }
  } finally {
    closeSync(descriptor);
  }
}

/** By the time of their last record: the id of a task only tells when it was accepted. */
function oldestFirst(ids: readonly string[], pathOf: (id: string) => string): readonly string[] {
  return ids
    .map((id) => ({ id, writtenAtMs: statSync(pathOf(id)).mtimeMs }))
    .sort((a, b) => a.writtenAtMs - b.writtenAtMs || (a.id < b.id ? -1 : 1))
    .map(({ id }) => id);
}

/**
 * Cuts off a last line that a crash tore: nobody was told that it was written. After a loss of power, pages of it that never reached
 * the disk can read as zeros before its newline; a record of ours holds no zero byte.
 */
function cutTornLine(path: string): void {
  const content = readBounded(path, JOURNAL_BYTES_MAX);
  if (content === undefined) return;
  const end = content.lastIndexOf(0x0a) + 1;
  const start = end === 0 ? 0 : content.lastIndexOf(0x0a, end - 2) + 1;
  const keep = content.subarray(start, end).includes(0) ? start : end;
  if (keep !== content.length) truncateSync(path, keep);
}

function readRecords(path: string): readonly JournalRecord[] {
  const text = readBoundedText(path, JOURNAL_BYTES_MAX);
  if (text === undefined) return [];
  const lines = text.split("\n");
  lines.pop(); // Empty after the final newline, or a torn record nobody was told about.
  return lines.flatMap((line, index) => {
    try {
      return JSON.parse(line) as JournalRecord | readonly JournalRecord[];
    } catch (cause) {
      throw new CoordinatorError(
        "OUR_BUG",
        `${path}, line ${index + 1}: not a journal record; the file was damaged from outside`,
        { cause },
      );
    }
  });
}
