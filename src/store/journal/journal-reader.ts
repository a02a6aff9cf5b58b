import { join } from "node:path";
import { CoordinatorError } from "../../base/errors.ts";
import { idsIn, type KeptRecord, namesIn, oldestFirst, readRecords } from "./journal-file.ts";

/** Looks into the write-ahead log (task-journal.ts says what is in it) and changes nothing: any process may, at any time. */
export interface JournalReader {
  /** The records of an open task; none where it is not open. */
  read(id: string): readonly KeptRecord[];
  /** Does the same for a kept finished task. */
  readDone(id: string): readonly KeptRecord[];
  /** Ids of the open tasks. */
  openIds(): readonly string[];
  /** Ids of the kept finished tasks, oldest first. */
  doneIds(): readonly string[];
  /** Names of what was set aside into damaged/. */
  damaged(): readonly string[];
}

/** Where the journals of tasks lie below `journalDir`. */
export interface JournalPlaces {
  readonly openDir: string;
  readonly doneDir: string;
  readonly damagedDir: string;
  open(id: string): string;
  done(id: string): string;
}

export function journalPlaces(journalDir: string): JournalPlaces {
  const [openDir, doneDir, damagedDir] = [
    join(journalDir, "open"),
    join(journalDir, "done"),
    join(journalDir, "damaged"),
  ];
  return {
    ...{ openDir, doneDir, damagedDir },
    open: (id) => join(openDir, `${id}.jsonl`),
    done: (id) => join(doneDir, `${id}.jsonl`),
  };
}

/** @param readFile what reads the records of one file, and what it makes of a damaged one */
export function createJournalReader(
  { openDir, doneDir, damagedDir, open, done }: JournalPlaces,
  readFile: (path: string) => readonly KeptRecord[],
): JournalReader {
  return {
    read: (id) => readFile(open(id)),
    readDone: (id) => readFile(done(id)),
    openIds: () => idsIn(openDir),
    doneIds: () => oldestFirst(idsIn(doneDir), done),
    damaged: () => namesIn(damagedDir),
  };
}

/**
 * Opens the journal below `journalDir` for a look from beside the coordinator. What is damaged is not there: the coordinator sets it aside
 * and says so.
 */
export function readTaskJournal(journalDir: string): JournalReader {
  return createJournalReader(journalPlaces(journalDir), (path) => {
    try {
      return readRecords(path);
    } catch (error) {
      if (error instanceof CoordinatorError) return [];
      throw error;
    }
  });
}
