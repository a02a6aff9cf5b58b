/** Those who wait for something to be so after a tick. */
export interface TickWaiters {
  /** A tick is over. */
  check(): void;
  /** Resolves after a tick that makes `condition` true; asks for one. */
  until(condition: () => boolean): Promise<void>;
}

export function createTickWaiters(wake: () => void): TickWaiters {
  const waiting = new Set<() => void>();
  return {
    check() {
      for (const check of waiting) check();
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
  };
}
