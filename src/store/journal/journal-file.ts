import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
} from "node:fs";
import { CoordinatorError, systemErrorCode } from "../../base/errors.ts";
import { readBounded } from "../../base/files/read-bounded.ts";
import { writeAll, writeAt } from "../../base/files/write-file-atomic.ts";
import { isTaskId } from "../../task/names/task-id.ts";
import { asKept, type Kept } from "../../task/text/kept-text.ts";
import type { JournalRecord } from "./journal-record.ts";

/** A record as a journal holds it: redacted. */
export type KeptRecord = Kept<JournalRecord>;

/** Bytes of one task's journal that are read; a run adds a few megabytes at most. */
const JOURNAL_BYTES_MAX = 256 * 1024 * 1024;

/** Names in a folder that may be missing. */
export function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return [];
    throw error;
  }
}

export function idsIn(directory: string): readonly string[] {
  return namesIn(directory)
    .filter((name) => name.endsWith(".jsonl"))
    .map((name) => name.slice(0, -".jsonl".length))
    .filter(isTaskId)
    .sort();
}

/**
 * Makes a journal with its first line. Not by a rename: a line that a crash cuts off was never acknowledged, here as at the end of a
 * journal. Returns it open, for reading and writing.
 */
export function writeNew(path: string, text: string): number {
  const descriptor = openSync(path, "wx+", 0o600);
  try {
    writeAll(descriptor, Buffer.from(text));
    return descriptor;
  } catch (error) {
    closeSync(descriptor);
    rmSync(path, { force: true });
    throw error;
  }
}

/** Opens a journal for what is appended to it. */
export function openJournal(path: string): number {
  return openSync(path, constants.O_RDWR);
}

/** A write that fails half-way (a full disk) is taken back, so that the next record is not glued to its rest. */
export function appendTo(descriptor: number, text: string): void {
  const sizeBefore = fstatSync(descriptor).size;
  try {
    writeAt(descriptor, Buffer.from(text), sizeBefore);
  } catch (error) {
    ftruncateSync(descriptor, sizeBefore);
    throw error;
  }
}

/** By the time of their last record: the id of a task only tells when it was accepted. */
export function oldestFirst(ids: readonly string[], pathOf: (id: string) => string): readonly string[] {
  return ids
    .map((id) => ({ id, writtenAtMs: statSync(pathOf(id)).mtimeMs }))
    .sort((a, b) => a.writtenAtMs - b.writtenAtMs || (a.id < b.id ? -1 : 1))
    .map(({ id }) => id);
}

/**
 * Cuts off a last line that a crash tore: nobody was told that it was written. After a loss of power, pages of it that never reached
 * the disk can read as zeros before its newline; a record of ours holds no zero byte.
 */
export function cutTornLine(path: string): void {
  const content = readBounded(path, JOURNAL_BYTES_MAX);
  if (content === undefined) return;
  const keep = wholeBytes(content);
  if (keep !== content.length) truncateSync(path, keep);
}

export function readRecords(path: string): readonly KeptRecord[] {
  return parseRecords(path, readBounded(path, JOURNAL_BYTES_MAX));
}

/** Reads a journal as it is once `cutTornLine` was done, and changes nothing. @throws CoordinatorError as `readRecords` */
export function surveyRecords(path: string): { readonly records: readonly KeptRecord[]; readonly isTorn: boolean } {
  const content = readBounded(path, JOURNAL_BYTES_MAX);
  if (content === undefined) return { records: [], isTorn: false };
  const keep = wholeBytes(content);
  return { records: parseRecords(path, content.subarray(0, keep)), isTorn: keep !== content.length };
}

/** Returns how much of a journal a crash has left whole. */
function wholeBytes(content: Buffer): number {
  const end = content.lastIndexOf(0x0a) + 1;
  const start = end === 0 ? 0 : content.lastIndexOf(0x0a, end - 2) + 1;
  return content.subarray(start, end).includes(0) ? start : end;
}

function parseRecords(path: string, content: Buffer | undefined): readonly KeptRecord[] {
  const lines = content?.toString("utf8").split("\n") ?? [];
  lines.pop(); // Empty after the final newline, or a torn record nobody was told about.
  return lines.flatMap((line, index) => {
    try {
      return asKept(JSON.parse(line) as JournalRecord | readonly JournalRecord[]);
    } catch (cause) {
      throw new CoordinatorError(
        "OUR_BUG",
        `${path}, line ${index + 1}: not a journal record; the file was damaged from outside`,
        { cause },
      );
    }
  });
}
