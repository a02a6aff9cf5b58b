import {
  closeSync,
  constants,
  existsSync,
  fdatasyncSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
} from "node:fs";
import { join } from "node:path";
import { CoordinatorError, systemErrorCode } from "../base/errors.ts";
import { makeDirectory, syncDirectory, writeAll, writeFileAtomic } from "../base/write-file-atomic.ts";
import { isTaskId } from "../task/names/task-id.ts";
import type { JournalRecord } from "./journal-record.ts";

/** As much as the records of a usual task. */
const PROBE_BYTES = 64 * 1024;

/** Finished tasks whose journals are kept after their commit, so that a result the branch loses can be committed again. */
export const RECENT_TASKS_MAX = 256;

/**
 * The write-ahead log: one append-only JSONL file per task.
 *
 *   open/<id>.jsonl   every task that is not finished and committed
 *   done/<id>.jsonl   the newest committed ones, for repair
 *
 * A line holds what one call wrote. It counts once it is complete; a torn last line was never acknowledged and is cut off when the
 * journal is opened for writing. Memory and start-up cost follow the number of open tasks, never the history.
 */
export interface TaskJournal {
  /** Creates the journal of a new task; when this returns, the task survives any crash. */
  create(id: string, first: JournalRecord): void;
  /** Appends `records` to the open journal of `id`, all or none; durable when it returns, and as it was before when it throws. */
  append(id: string, records: readonly JournalRecord[]): void;
  /** Does the same for a kept finished task. */
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
  /** Writes something, durably, and takes it away again. @throws what keeps the journal from being written */
  probe(): void;
  /** Forgets the journal of a finished task for good. */
  forget(id: string): void;
}

/** Opens the journal below `journalDir` (made when missing). Only the one coordinator may open it for writing. */
export function openTaskJournal(journalDir: string, mode: "read" | "write"): TaskJournal {
  const openDir = join(journalDir, "open");
  const doneDir = join(journalDir, "done");
  for (const directory of [openDir, doneDir]) makeDirectory(directory, 0o700);
  const openPath = (id: string): string => join(openDir, `${id}.jsonl`);
  const donePath = (id: string): string => join(doneDir, `${id}.jsonl`);
  if (mode === "write")
    for (const path of [...idsIn(openDir).map(openPath), ...idsIn(doneDir).map(donePath)]) cutTornLine(path);

  return {
    create(id, first) {
      if (existsSync(openPath(id))) throw new Error(`the journal of ${id} exists already`);
      writeFileAtomic(openPath(id), toLine([first]), 0o600);
    },
    append(id, records) {
      appendTo(openPath(id), toLine(records), "durably");
    },
    appendDone(id, records) {
      appendTo(donePath(id), toLine(records), "durably");
    },
    read: (id) => readRecords(openPath(id)),
    readDone: (id) => readRecords(donePath(id)),
    openIds: () => idsIn(openDir),
    doneIds: () => oldestFirst(idsIn(doneDir), donePath),
    retire(id, last) {
      if (last !== undefined) appendTo(openPath(id), toLine([last]), "unsynced");
      renameSync(openPath(id), donePath(id));
    },
    reopen(id) {
      if (existsSync(openPath(id))) throw new Error(`the journal of ${id} is open already`);
      renameSync(donePath(id), openPath(id));
      syncDirectory(openDir);
      syncDirectory(doneDir);
    },
    discard(id) {
      rmSync(openPath(id), { force: true });
      syncDirectory(openDir);
    },
    probe() {
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

function idsIn(directory: string): readonly string[] {
  return readdirSync(directory)
    .filter((name) => name.endsWith(".jsonl"))
    .map((name) => name.slice(0, -".jsonl".length))
    .filter(isTaskId)
    .sort();
}

/** A write that fails half-way (a full disk) is taken back, so that the next record is not glued to its rest. */
function appendTo(path: string, text: string, how: "durably" | "unsynced"): void {
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
  const content = readFileSync(path);
  const end = content.lastIndexOf(0x0a) + 1;
  const start = end === 0 ? 0 : content.lastIndexOf(0x0a, end - 2) + 1;
  const keep = content.subarray(start, end).includes(0) ? start : end;
  if (keep !== content.length) truncateSync(path, keep);
}

function readRecords(path: string): readonly JournalRecord[] {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return [];
    throw error;
  }
  const lines = text.split("\n");
  lines.pop(); // Empty after the final newline, or a torn record nobody was told about.
  return lines.flatMap((line, index) => {
    try {
      return JSON.parse(line) as JournalRecord | readonly JournalRecord[];
    } catch (cause) {
      throw new CoordinatorError(
        "OUR_BUG",
        `${path}, line ${index + 1}: not a journal record. The file was damaged from outside; move it away to go on without this task.`,
        { cause },
      );
    }
  });
}
