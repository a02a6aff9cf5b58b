/** A clock that stands still until a test moves it. */
export interface Clock {
  /** Unix ms. */
  nowMs: number;
  /** Milliseconds while the machine was awake. */
  readonly monotonicMs: number;
  /** How often a call back was asked for. */
  asked: number;
  /** Calls back once that much time has passed; returns what takes it back. */
  readonly after: (ms: number, callback: () => void) => () => void;
  /** Lets time pass, and makes the calls that are due by then, earliest first. */
  advance(ms: number): void;
  /** Sets the wall clock; no time passes. */
  set(nowMs: number): void;
}

/** 2026-11-20 14:15:30 UTC. */
const START_MS = Date.UTC(2026, 10, 20, 14, 15, 30);

export function createClock(): Clock {
  const waiting = new Set<{ readonly atMs: number; readonly callback: () => void }>();
  let awakeMs = 1_000;
  const clock: Clock = {
    nowMs: START_MS,
    get monotonicMs() {
      return awakeMs;
    },
    asked: 0,
    after(ms, callback) {
      const timer = { atMs: awakeMs + ms, callback };
      clock.asked += 1;
      waiting.add(timer);
      return () => waiting.delete(timer);
    },
    advance(ms) {
      clock.nowMs += ms;
      awakeMs += ms;
      const due = [...waiting].filter(({ atMs }) => atMs <= awakeMs).sort((a, b) => a.atMs - b.atMs);
      for (const timer of due) if (waiting.delete(timer)) timer.callback();
    },
    set(nowMs) {
      clock.nowMs = nowMs;
    },
  };
  return clock;
}
