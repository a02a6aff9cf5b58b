import { existsSync, mkdirSync, openSync, renameSync, rmSync, utimesSync } from "node:fs";
import { dirname, join } from "node:path";
import { deflateSync } from "node:zlib";
import { syncDescriptor, syncFolder, writeNewFile } from "../../base/durable-file.ts";
import { systemErrorCode } from "../../base/errors.ts";
import { frameObject, hashFramed, type ObjectFormat, type ObjectType } from "./object-format.ts";

/** Files worked on side by side: fsyncs that run together share one commit of the file system's journal. */
const WRITES_AT_ONCE = 16;
/** `git gc` removes empty fan-out folders under us; each time one vanished the write starts again. */
const FOLDER_RETRIES = 10;

/** Writes loose objects. They are named at once and written together, so that their fsyncs overlap. */
export interface ObjectWriter {
  /** Returns the id `content` will have, and keeps it for `flush`. */
  add(type: ObjectType, content: Uint8Array): string;
  /** Returns content that was added and not flushed yet. */
  pending(id: string): { readonly type: ObjectType; readonly content: Uint8Array } | undefined;
  /** Writes everything added, durably: when it resolves, files and their folders are synced. */
  flush(): Promise<void>;
  /** Tells whether every file that the last flush wrote is still there. */
  hasFlushed(): boolean;
  /** Forgets what was added and not flushed. */
  forget(): void;
}

interface PendingObject {
  readonly type: ObjectType;
  readonly content: Uint8Array;
  readonly framed: Buffer;
}

export function createObjectWriter(objectsDir: string, format: ObjectFormat): ObjectWriter {
  const objects = new Map<string, PendingObject>();
  let flushed: readonly string[] = [];
  const pathOf = (id: string): string => join(objectsDir, id.slice(0, 2), id.slice(2));

  return {
    add(type, content) {
      const framed = frameObject(type, content);
      const id = hashFramed(format, framed);
      if (!objects.has(id)) objects.set(id, { type, content, framed });
      return id;
    },
    pending: (id) => objects.get(id),
    async flush() {
      const written = [...objects];
      for (let left = written, attempt = 1; left.length > 0; attempt += 1) {
        const folders = new Set<string>();
        await eachOf(left, async ([id, { framed }]) => {
          const path = pathOf(id);
          if (await writeLooseObject(path, framed)) folders.add(objectsDir);
          folders.add(dirname(path));
        });
        const vanished = await syncFolders([...folders]);
        if (vanished.size > 0 && attempt >= FOLDER_RETRIES)
          throw new Error(`${[...vanished].join()} is removed again and again`);
        left = left.filter(([id]) => vanished.has(dirname(pathOf(id))));
      }
      flushed = written.map(([id]) => pathOf(id));
      for (const [id] of written) objects.delete(id);
    },
    hasFlushed: () => flushed.every((path) => existsSync(path)),
    forget: () => objects.clear(),
  };
}

/** Returns whether the folder had to be made. Only the fsyncs leave the event loop: the rest takes microseconds. */
async function writeLooseObject(path: string, framed: Buffer): Promise<boolean> {
  if (await refresh(path)) return false;
  // `git gc` sweeps away old files of this name, should we die before the rename.
  const temporary = join(dirname(path), `tmp_obj_${process.pid}_${path.slice(-8)}`);
  for (let attempt = 1, folderMade = false; ; attempt += 1) {
    try {
      rmSync(temporary, { force: true });
      await writeNewFile(temporary, compress(framed), 0o444);
      renameSync(temporary, path);
      return folderMade;
    } catch (error) {
      if (systemErrorCode(error) !== "ENOENT" || attempt >= FOLDER_RETRIES) throw error;
      folderMade = mkdirSync(dirname(path), { recursive: true }) !== undefined || folderMade;
    }
  }
}

/** Returns the folders that are not there any more: `git gc` has put what was in them into a pack, or swept it away. */
async function syncFolders(paths: readonly string[]): Promise<ReadonlySet<string>> {
  const vanished = new Set<string>();
  await eachOf(paths, async (path) => {
    try {
      await syncFolder(path);
    } catch (error) {
      if (systemErrorCode(error) !== "ENOENT") throw error;
      vanished.add(path);
    }
  });
  return vanished;
}

/**
 * Compresses as git does: zlib, fastest level. With zlib's own settings each of some ten small objects a task takes 280 KB for the
 * moment; these fit the object, and any zlib reads them.
 */
function compress(framed: Buffer): Buffer {
  const sizeBits = 32 - Math.clz32(framed.length);
  const windowBits = Math.min(Math.max(sizeBits, 9), 15);
  return deflateSync(framed, {
    level: 1,
    windowBits,
    memLevel: Math.min(windowBits - 7, 8),
    chunkSize: framed.length + (framed.length >> 10) + 64, // Whatever it holds, it fits into one.
  });
}

/** An object that is there already must look young, or a running `git prune` takes it; and git may never have synced it. */
async function refresh(path: string): Promise<boolean> {
  try {
    const now = new Date();
    utimesSync(path, now, now);
    await syncDescriptor(openSync(path, "r"));
    return true;
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === "ENOENT" || code === "EPERM" || code === "EACCES") return false;
    throw error;
  }
}

async function eachOf<Item>(items: readonly Item[], work: (item: Item) => Promise<void>): Promise<void> {
  const queue = items.values();
  const worker = async (): Promise<void> => {
    for (const item of queue) await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(WRITES_AT_ONCE, items.length) }, worker));
}
