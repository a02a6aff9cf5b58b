/** Time and chance, so that tests can hold them still. */
export interface Surroundings {
  readonly now: () => number;
  /** Milliseconds that only grow, at one pace, while the machine is awake: for what may take so long and no longer. */
  readonly monotonicMs: () => number;
  /** In [0, 1). */
  readonly random: () => number;
  /** Calls back once that much time has passed; what it returns takes that back. */
  readonly after: (ms: number, callback: () => void) => () => void;
}

/** Calls `callback` back after `ms`; what is returned takes that back. */
export function after(ms: number, callback: () => void): () => void {
  const timer = setTimeout(callback, ms);
  return () => clearTimeout(timer);
}

/** One line per event, `key=value`; the wording is stable. */
export type Log = (event: string, fields: Readonly<Record<string, string | number | boolean | undefined>>) => void;
