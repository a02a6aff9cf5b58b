import { createObjectReader, type ObjectReader } from "../objects/object-reader.ts";
import type { KnownRepository } from "../repository/known-repositories.ts";
import type { ReadObject } from "./new-secrets.ts";

/** The process that reads objects ends when nobody has asked for so long: also so that it does not hold on to packs that were removed. */
const IDLE_MS = 10_000;

/** Readers of objects by repository, each a process while it is used. */
export function createObjectReaders(): { of(repository: KnownRepository): ReadObject } {
  const readers = new Map<string, { readonly reader: ObjectReader; readonly idle: NodeJS.Timeout }>();
  return {
    of:
      ({ gitDir }) =>
      (name) => {
        const known = readers.get(gitDir);
        clearTimeout(known?.idle);
        const reader = known?.reader ?? createObjectReader({ gitDir });
        const close = (): void => {
          readers.delete(gitDir);
          reader.close();
        };
        readers.set(gitDir, { reader, idle: setTimeout(close, IDLE_MS).unref() });
        return reader.read(name);
      },
  };
}
