import { LRUCache } from "lru-cache";
import { GitError } from "../process/git-process.ts";
import type { ObjectFormat, ObjectType } from "./object-format.ts";
import type { ObjectReader } from "./object-reader.ts";
import { createObjectWriter } from "./object-writer.ts";
import type { OwnPacks } from "./own-packs.ts";

/** An object as it was read or named: its id says all of it, so what is kept never becomes wrong. */
interface KeptObject {
  readonly type: ObjectType;
  readonly content: Uint8Array;
}

/** The repository's objects, including those that were only named so far. */
export interface ObjectStore {
  /** @throws Error where the object is missing or of another type: the repository is damaged, or shallow where it may not be */
  read(id: string, type: ObjectType): Promise<Uint8Array>;
  /** Returns the id of the tree of a commit. */
  treeOf(commit: string): Promise<string>;
  /** @param like the id of an object that it differs little from, where there is one: written together they take less room */
  add(type: ObjectType, content: Uint8Array, like?: string): string;
  /** Writes everything added, durably. */
  flush(): Promise<void>;
  /** Tells whether everything that the last flush wrote is still stored. */
  hasFlushed(): boolean;
  /** Forgets what was added and not flushed. */
  forget(): void;
  /** Joins the packs that were written so far where there are many: for a moment when nothing else is to be done. */
  tidy(signal: AbortSignal): Promise<void>;
  close(): void;
}

/**
 * Each task reads what the one before it wrote: the ledger and the last commit twice, a session's files. Some 16 of them fit; trees
 * are kept elsewhere.
 */
const CACHED_BYTES_MAX = 1_048_576;

export interface ObjectStoreOptions {
  /** The store closes it. */
  readonly objects: ObjectReader;
  readonly objectsDir: string;
  readonly format: ObjectFormat;
  readonly packs: OwnPacks;
}

export function createObjectStore({ objects: reader, objectsDir, format, packs }: ObjectStoreOptions): ObjectStore {
  const writer = createObjectWriter(objectsDir, format, packs.keepText);
  const cache = new LRUCache<string, KeptObject>({
    maxSize: CACHED_BYTES_MAX,
    sizeCalculation: ({ content }) => Math.max(1, content.byteLength),
  });

  async function read(id: string, type: ObjectType): Promise<Uint8Array> {
    const object = writer.pending(id) ?? cache.get(id) ?? (await reader.read(id));
    if (object === undefined) throw new GitError(`git has no object ${id}`);
    if (object.type !== type) throw new GitError(`object ${id} is a ${object.type}, not a ${type}`);
    if (type !== "tree") cache.set(id, object);
    return object.content;
  }

  return {
    read,
    async treeOf(commit) {
      const text = Buffer.from(await read(commit, "commit")).toString("latin1");
      const tree = /^tree ([0-9a-f]+)\n/.exec(text)?.[1];
      if (tree === undefined) throw new GitError(`commit ${commit} names no tree`);
      return tree;
    },
    add(type, content, like) {
      const id = writer.add(type, content, like);
      if (type !== "tree") cache.set(id, { type, content });
      return id;
    },
    flush: writer.flush,
    hasFlushed: writer.hasFlushed,
    forget: writer.forget,
    async tidy(signal) {
      // The process that reads has the old packs open, and would hold on to their space.
      if (await packs.join(signal)) reader.close();
    },
    close: reader.close,
  };
}
