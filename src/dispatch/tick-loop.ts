import type { Surroundings } from "../base/surroundings.ts";

/** Calls a function that never waits, soon after each event and when a time has come. Many events at once are one call. */
export interface TickLoop {
  /** Something has happened: the next tick comes in this turn of the event loop or the next one. */
  wake(): void;
  /** Begins to tick. `tick` returns in how many milliseconds it has to be called again without an event. */
  begin(tick: () => number): void;
  /** Resolves after a tick that makes `condition` true; asks for one. */
  until(condition: () => boolean): Promise<void>;
  /** Ticks no more. */
  stop(): void;
}

/** @param onBroken is called with what a tick throws; it was the last one then */
export function createTickLoop({ after }: Pick<Surroundings, "after">, onBroken: (error: unknown) => void): TickLoop {
  const waiting = new Set<() => void>();
  let tick: (() => number) | undefined;
  let soon: NodeJS.Immediate | undefined;
  let cancelTimer: () => void = () => undefined;

  const run = (): void => {
    soon = undefined;
    cancelTimer();
    if (tick === undefined) return;
    try {
      const delayMs = tick();
      for (const check of waiting) check();
      cancelTimer = after(delayMs, wake);
    } catch (error) {
      stop();
      onBroken(error);
    }
  };
  const stop = (): void => {
    tick = undefined;
    clearImmediate(soon);
    cancelTimer();
  };
  const wake = (): void => {
    if (tick !== undefined) soon ??= setImmediate(run);
  };

  return {
    wake,
    begin(given) {
      tick = given;
      wake();
    },
    until: (condition) =>
      new Promise((resolve) => {
        const check = (): void => {
          if (!condition()) return;
          waiting.delete(check);
          resolve();
        };
        waiting.add(check);
        wake();
      }),
    stop,
  };
}
