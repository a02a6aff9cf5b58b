/** Decides how long to pause while something of the user's is under way. */
export interface WaitPauses {
  /** Returns the next pause in milliseconds. Another reason than last time begins from the start: something has just ended. */
  next(reason: string): number;
}

/** Most commands are over in a moment, and the gap before the next may be short; an editor or a conflict stays for minutes. */
const STEPS: readonly { readonly untilMs: number; readonly pauseMs: number }[] = [
  { untilMs: 4, pauseMs: 1 },
  { untilMs: 2_000, pauseMs: 4 },
  { untilMs: 10_000, pauseMs: 16 },
];
const LONGEST_MS = 250;

/** @param clock milliseconds that only ever grow */
export function createWaitPauses(clock: () => number): WaitPauses {
  let about = "";
  let sinceMs = 0;
  return {
    next(reason) {
      const same = reason.replace(/ \(for \d+ s\)$/, "");
      if (same !== about) sinceMs = clock();
      about = same;
      const waitedMs = clock() - sinceMs;
      return STEPS.find(({ untilMs }) => waitedMs < untilMs)?.pauseMs ?? LONGEST_MS;
    },
  };
}
