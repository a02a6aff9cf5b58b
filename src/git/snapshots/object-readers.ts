import { LRUCache } from "lru-cache";
import { createObjectReader, type ObjectReader, type StoredObject } from "../objects/object-reader.ts";
import type { KnownRepository } from "../repository/known-repositories.ts";
import type { ReadObject } from "./new-secrets.ts";

/** The process that reads objects ends when nobody has asked for so long: also so that it does not hold on to packs that were removed. */
const IDLE_MS = 10_000;

/** An id, or the tree of a commit by its id: always the same object. */
const LASTING = /^[0-9a-f]{40,64}(\^\{tree\})?$/;
/** Trees near the top, which every snapshot asks for. */
const REMEMBERED_BYTES_MAX = 1024 * 1024;
const REMEMBERED_OBJECT_BYTES_MAX = 64 * 1024;

/** Readers of objects by repository, each a process while it is used. Small trees and commits are remembered. */
export function createObjectReaders(): { of(repository: KnownRepository): ReadObject } {
  const readers = new Map<string, { readonly reader: ObjectReader; readonly idle: NodeJS.Timeout }>();
  const remembered = new LRUCache<string, StoredObject>({
    maxSize: REMEMBERED_BYTES_MAX,
    maxEntrySize: REMEMBERED_OBJECT_BYTES_MAX,
    sizeCalculation: ({ content }) => content.length + 1,
  });
  return {
    of:
      ({ gitDir }) =>
      async (name) => {
        const key = `${gitDir}\0${name}`;
        const found = remembered.get(key);
        if (found !== undefined) return found;
        const known = readers.get(gitDir);
        clearTimeout(known?.idle);
        const reader = known?.reader ?? createObjectReader({ gitDir });
        const close = (): void => {
          readers.delete(gitDir);
          reader.close();
        };
        readers.set(gitDir, { reader, idle: setTimeout(close, IDLE_MS).unref() });
        const object = await reader.read(name);
        if (object !== undefined && object.type !== "blob" && LASTING.test(name)) remembered.set(key, object);
        return object;
      },
  };
}
