import { setImmediate as nextTurn } from "node:timers/promises";

const SLICE_MS = 8;

/** Lets other work have its turn where much is done in a row: `next`, after each part of it, waits for a turn of the event loop when 8 ms have gone. */
export function createSlices(): { next(): Promise<void> } {
  let sinceMs = performance.now();
  return {
    async next() {
      if (performance.now() - sinceMs < SLICE_MS) return;
      await nextTurn();
      sinceMs = performance.now();
    },
  };
}
