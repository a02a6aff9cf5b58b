/** Somebody wants nothing new to be started: in one session, or at all. */
export interface Pause {
  /** `undefined`: the whole queue. */
  readonly session: string | undefined;
  /** Unix ms. */
  readonly sinceMs: number;
  /** One line, as whoever paused it gave it. */
  readonly reason: string | undefined;
  /** Who works in the session's worktree meanwhile; absent where nobody has taken it. */
  readonly takenBy?: string | undefined;
}

/** Returns who has taken a session, whatever else holds it; `undefined` where nobody has. */
export function takerOf({ sessions }: Pauses, sessionKey: string): string | undefined {
  return sessions.find(({ session }) => session === sessionKey)?.takenBy;
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
export function describePause({ session, sinceMs, reason, takenBy }: Pause): string {
  const how = takenBy === undefined ? "paused" : `taken by ${takenBy}`;
  const what = session === undefined ? how : `session ${session} is ${how}`;
  const since = new Date(sinceMs).toISOString().replace(/\.\d+Z$/, "Z");
  return `${what} since ${since}${reason === undefined ? "" : `: ${reason}`}`;
}
