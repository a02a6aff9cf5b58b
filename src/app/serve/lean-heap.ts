import { performance } from "node:perf_hooks";
import { getHeapStatistics } from "node:v8";

/** How often the heap is looked at. */
const LOOK_MS = 200;
/** What may come together as garbage before it is collected: so much, or this share of what was live the last time. */
const GROWTH_MAX_BYTES = 5 * 1024 * 1024;
const GROWTH_MAX_SHARE = 0.25;
/** Of the time of the event loop that collecting may take. */
const TIME_MAX_SHARE = 0.05;
/** A collection stops the event loop: one that is likely to take longer is left to V8, which does most of it beside the loop. */
const PAUSE_MAX_MS = { regular: 40, "last-resort": 80 } as const;
/** What a collection is believed to cost becomes less with every look that goes without: it may have been measured in a bad moment. */
const BELIEF_KEPT = 0.999;
/** Below this share of busy time the coordinator waits, and more effort may be spent on giving memory back. */
const IDLE_SHARE = 0.2;

/** "regular" frees what is garbage; "last-resort" also empties pages and gives them back, at two or three times the cost. */
type Flavor = "regular" | "last-resort";

export interface Heap {
  /** Objects and buffers together. */
  usedBytes(): number;
  collect(flavor: Flavor): void;
  /** Monotonic, ms. */
  nowMs(): number;
  /** Share of the time since the last call that the event loop was busy, from 0 to 1. */
  busyShare(): number;
}

/**
 * Collects garbage whenever enough of it may be there, and gives the memory back to the system: a coordinator waits for most of its
 * life, and V8 alone lets 60 MB of buffers and objects lie that nobody needs (docs/decisions/0027-a-small-process.md).
 *
 * Does nothing where `gc` is not to be had: bin/codex-inbox.js starts Node so that it is.
 */
export function keepHeapLean(): void {
  const { gc } = globalThis;
  if (gc === undefined) return;
  let before = performance.eventLoopUtilization();
  const look = createHeapKeeper({
    usedBytes() {
      const { used_heap_size: objects, external_memory: buffers } = getHeapStatistics();
      return objects + buffers;
    },
    collect: (flavor) => gc({ type: "major", execution: "sync", flavor }),
    nowMs: () => performance.now(),
    busyShare() {
      const now = performance.eventLoopUtilization();
      const { utilization } = performance.eventLoopUtilization(now, before);
      before = now;
      return utilization;
    },
  });
  setInterval(look, LOOK_MS).unref();
}

/**
 * Returns what is done at every look. The cost of a collection follows what is live: with 10,000 tasks queued one took 80 ms, five times
 * a second. So growth counts in relation to that, time is bounded, and what would stop the loop for long is not done at all.
 */
export function createHeapKeeper(heap: Heap): () => void {
  let keptBytes = 0;
  let nextMs = Number.NEGATIVE_INFINITY;
  /** What a byte cost to look through, by the last collection of each kind. */
  const msPerByte: Record<Flavor, number> = { regular: 0, "last-resort": 0 };
  return () => {
    const isIdle = heap.busyShare() < IDLE_SHARE;
    const used = heap.usedBytes();
    const startedMs = heap.nowMs();
    if (used < keptBytes + Math.max(GROWTH_MAX_BYTES, keptBytes * GROWTH_MAX_SHARE) || startedMs < nextMs) return;
    const isShort = (flavor: Flavor): boolean => used * msPerByte[flavor] <= PAUSE_MAX_MS[flavor];
    const flavor = isIdle && isShort("last-resort") ? "last-resort" : "regular";
    if (!isShort(flavor)) {
      msPerByte.regular *= BELIEF_KEPT;
      msPerByte["last-resort"] *= BELIEF_KEPT;
      return;
    }
    heap.collect(flavor);
    keptBytes = heap.usedBytes();
    const tookMs = heap.nowMs() - startedMs;
    msPerByte[flavor] = tookMs / used;
    nextMs = startedMs + tookMs / TIME_MAX_SHARE;
  };
}
