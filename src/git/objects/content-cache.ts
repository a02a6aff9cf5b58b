import type { ObjectType } from "./object-format.ts";

/** An object as it was read or named: its id says all of it, so what is kept never becomes wrong. */
export interface CachedObject {
  readonly type: ObjectType;
  readonly content: Uint8Array;
}

/** What was read or written lately, at most so many bytes; least recently used out first. */
export interface ContentCache {
  get(id: string): CachedObject | undefined;
  put(id: string, object: CachedObject): void;
}

export function createContentCache(bytesMax: number): ContentCache {
  const objects = new Map<string, CachedObject>();
  let bytes = 0;

  function drop(id: string): void {
    bytes -= objects.get(id)?.content.byteLength ?? 0;
    objects.delete(id);
  }

  return {
    get(id) {
      const object = objects.get(id);
      if (object !== undefined) {
        objects.delete(id);
        objects.set(id, object);
      }
      return object;
    },
    put(id, object) {
      drop(id);
      objects.set(id, object);
      bytes += object.content.byteLength;
      for (const oldest of objects.keys()) {
        if (bytes <= bytesMax) break;
        drop(oldest);
      }
    },
  };
}
