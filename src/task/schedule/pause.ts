/** Somebody wants nothing new to be started: in one session, or at all. */
export interface Pause {
  /** `undefined`: the whole queue. */
  readonly session: string | undefined;
  /** Unix ms. */
  readonly sinceMs: number;
  /** One line, as whoever paused it gave it. */
  readonly reason: string | undefined;
}

/** What is paused now. */
export interface Pauses {
  readonly queue: Pause | undefined;
  /** In order of their names. */
  readonly sessions: readonly Pause[];
  /** What holds the tasks of a session: the pause of the whole queue, else its own. */
  of(sessionKey: string): Pause | undefined;
}

export const NO_PAUSES: Pauses = { queue: undefined, sessions: [], of: () => undefined };

/** Characters of a reason that are kept. */
export const PAUSE_REASON_MAX = 500;

/** Returns the pause in words, to be read after "queued: ". */
export function describePause({ session, sinceMs, reason }: Pause): string {
  const what = session === undefined ? "paused" : `session ${session} is paused`;
  const since = new Date(sinceMs).toISOString().replace(/\.\d+Z$/, "Z");
  return `${what} since ${since}${reason === undefined ? "" : `: ${reason}`}`;
}
