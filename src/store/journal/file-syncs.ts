import { close, closeSync, fdatasync, fstatSync, fsync, open, readSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { CoordinatorError } from "../../base/errors.ts";
import { mayFail } from "../../base/fault-point.ts";
import { writeAt } from "../../base/files/write-file-atomic.ts";
import type { WorldFaults } from "../../base/world-fault.ts";

/**
 * Makes written files durable beside the loop. A sync blocks for as long as the disk takes, and what is written while one is under way
 * shares the next one. A kill takes nothing back that is written; until `settled` resolves, a loss of power may.
 */
export interface FileSyncs {
  /** The open file at `path` that was written to and is not being synced yet. */
  pending(path: string): number | undefined;
  /** `descriptor`, the pending one or else open for reading and writing, was written to. It is closed here. */
  add(path: string, descriptor: number): void;
  /** Another file may have the name `path` from now on. */
  release(path: string): void;
  /** A file was made in `directory`, renamed or removed. */
  addFolder(directory: string): void;
  /**
   * Resolves when all that was added before is durable; it is tried again for as long as it cannot be.
   *
   * @throws CoordinatorError `TRY_AGAIN` once that is given up
   */
  settled(): Promise<void>;
  /** From now on what cannot be synced is let go of. Resolves when nothing is open. */
  close(): Promise<void>;
}

/** What nobody waits for is synced after so long, or when so much of it is open. */
const IDLE_MS = 100;
const OPEN_MAX = 64;
const RETRY_MS = 1_000;
const OPERATION = "make the journal durable";

const [syncData, syncAll, openFile, closeFile] = [fdatasync, fsync, open, close].map(promisify) as unknown as [
  (descriptor: number) => Promise<void>,
  (descriptor: number) => Promise<void>,
  (path: string, flags: string) => Promise<number>,
  (descriptor: number) => Promise<void>,
];

/** @param faults told while what is written cannot be made durable */
export function createFileSyncs(faults: Pick<WorldFaults, "note" | "clear"> = UNTOLD): FileSyncs {
  let files = new Map<string, number>();
  let released: number[] = [];
  let folders = new Set<string>();
  let waiting: PromiseWithResolvers<void>[] = [];
  let underWay: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let isClosed = false;
  const { promise: closed, resolve: giveUp } = Promise.withResolvers<void>();

  /** Returns whether it has come to pass. */
  const persist = async (work: () => Promise<void>, mend: () => void): Promise<boolean> => {
    for (let isFirst = true; ; isFirst = false) {
      try {
        mayFail("journal-sync");
        if (!isFirst) mend();
        await work();
        if (!isFirst) faults.clear(OPERATION);
        return true;
      } catch (error) {
        const retryMs = faults.note(OPERATION, error) ?? RETRY_MS;
        if (isClosed) return false;
        await Promise.race([delay(retryMs, undefined, { ref: false }), closed]);
      }
    }
  };
  const syncFile = async (descriptor: number): Promise<boolean> => {
    const isDurable = await persist(
      () => syncData(descriptor),
      () => writeAnew(descriptor),
    );
    closeSync(descriptor);
    return isDurable;
  };
  const syncFolder = async (path: string): Promise<boolean> => {
    const descriptor = await openFile(path, "r").catch(() => undefined);
    if (descriptor === undefined) return true; // It was removed: there is nothing in it to be kept.
    const isDurable = await persist(
      () => syncAll(descriptor),
      () => undefined,
    );
    await closeFile(descriptor);
    return isDurable;
  };
  const run = async (): Promise<void> => {
    while (files.size + released.length + folders.size + waiting.length > 0) {
      const [written, changed, told] = [[...files.values(), ...released], folders, waiting];
      [files, released, folders, waiting] = [new Map(), [], new Set(), []];
      const done = [
        ...(await Promise.all(written.map(syncFile))),
        ...(await Promise.all([...changed].map(syncFolder))),
      ];
      for (const one of told)
        if (done.every(Boolean)) one.resolve();
        else
          one.reject(
            new CoordinatorError("TRY_AGAIN", "the journal could not be made durable; look at the disk, and try again"),
          );
    }
    underWay = undefined;
  };
  const begin = (): Promise<void> => {
    clearTimeout(timer);
    timer = undefined;
    underWay ??= Promise.resolve().then(run); // After all that this turn writes.
    return underWay;
  };
  const beginSoon = (): void => {
    if (files.size >= OPEN_MAX) void begin();
    else if (underWay === undefined) timer ??= setTimeout(begin, IDLE_MS).unref();
  };

  return {
    pending: (path) => files.get(path),
    add(path, descriptor) {
      files.set(path, descriptor);
      beginSoon();
    },
    release(path) {
      const descriptor = files.get(path);
      if (descriptor === undefined) return;
      files.delete(path);
      released.push(descriptor);
    },
    addFolder(directory) {
      folders.add(directory);
      beginSoon();
    },
    async settled() {
      if (files.size + released.length + folders.size === 0 && underWay === undefined) return;
      const asked = Promise.withResolvers<void>();
      waiting.push(asked);
      void begin();
      await asked.promise;
    },
    async close() {
      isClosed = true;
      giveUp();
      await begin();
    },
  };
}

const UNTOLD: Pick<WorldFaults, "note" | "clear"> = { note: () => undefined, clear: () => undefined };

/** A failed sync may leave the pages of a file marked as clean (Linux, all file systems): a later one would write nothing, and succeed. */
function writeAnew(descriptor: number): void {
  const content = Buffer.alloc(fstatSync(descriptor).size);
  for (let offset = 0; offset < content.length; ) {
    const length = readSync(descriptor, content, offset, content.length - offset, offset);
    if (length === 0) break;
    offset += length;
  }
  writeAt(descriptor, content, 0);
}
