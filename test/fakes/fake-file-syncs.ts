import { closeSync } from "node:fs";
import type { FileSyncs } from "../../src/store/journal/file-syncs.ts";

/** Syncs that take no time, or as long as the disk does. */
export function createFakeFileSyncs(disk: () => Promise<void>): FileSyncs {
  const open = new Map<string, number>();
  const release: FileSyncs["release"] = (path) => {
    const descriptor = open.get(path);
    if (descriptor !== undefined) closeSync(descriptor);
    open.delete(path);
  };
  const { promise: closed, reject: giveUp } = Promise.withResolvers<never>();
  closed.catch(() => undefined);
  const closeAll = (): void => {
    for (const path of open.keys()) release(path);
  };
  return {
    pending: (path) => open.get(path),
    add(path, descriptor) {
      if (open.get(path) !== descriptor) release(path);
      open.set(path, descriptor);
    },
    release,
    addFolder: () => undefined,
    async settled() {
      await Promise.race([disk(), closed]);
      closeAll();
    },
    async close() {
      giveUp(new Error("the journal could not be made durable"));
      closeAll();
    },
  };
}
