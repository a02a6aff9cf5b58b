import { setImmediate as nextTurn } from "node:timers/promises";
import { SLICE_MS } from "./limits.ts";

/** Gives other work of the process a turn every few milliseconds. */
export interface Turns {
  /** Whether it is time for others; cheap enough to be asked per file. */
  due(): boolean;
  take(): Promise<void>;
}

/** Returns turns counted from now. */
export function createTurns(): Turns {
  let sinceMs = performance.now();
  return {
    due: () => performance.now() - sinceMs > SLICE_MS,
    async take() {
      await nextTurn();
      sinceMs = performance.now();
    },
  };
}
