import { getHeapStatistics } from "node:v8";

/** How often the heap is looked at. */
const LOOK_MS = 200;
/** What may come together as garbage before it is collected. */
const GROWTH_MAX_BYTES = 5 * 1024 * 1024;

/**
 * Collects garbage whenever so much of it may be there, and gives the memory back to the system: a coordinator waits for most of its
 * life, and V8 alone lets 60 MB of buffers and objects lie that nobody needs (docs/decisions/0027-a-small-process.md).
 *
 * Does nothing where `gc` is not to be had: bin/codex-inbox.js starts Node so that it is.
 */
export function keepHeapLean(): void {
  const { gc } = globalThis;
  if (gc === undefined) return;
  let keptBytes = 0;
  setInterval(() => {
    if (usedBytes() < keptBytes + GROWTH_MAX_BYTES) return;
    // A regular collection keeps the pages it has emptied for later.
    gc({ type: "major", execution: "sync", flavor: "last-resort" });
    keptBytes = usedBytes();
  }, LOOK_MS).unref();
}

function usedBytes(): number {
  const { used_heap_size: objects, external_memory: buffers } = getHeapStatistics();
  return objects + buffers;
}
