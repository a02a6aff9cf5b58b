/** How long to wait before a task runs again. */
export interface RetryLimits {
  /** Before the second attempt, in milliseconds. */
  readonly delayFirstMs: number;
  /** However many attempts there were, in milliseconds. */
  readonly delayMaxMs: number;
}

export const RETRY_LIMITS: RetryLimits = { delayFirstMs: 10_000, delayMaxMs: 900_000 };

/** From when until when a task is to wait, in Unix ms. */
interface Wait {
  readonly waitsFromMs: number;
  readonly dueAtMs: number;
}

/**
 * Tells whether the wait is not over. A clock that was set back makes it at most twice as long as it was meant: where more than that is
 * left, the time of its end says nothing any more, and it is over.
 */
export function isDelayed({ waitsFromMs, dueAtMs }: Wait, nowMs: number): boolean {
  return dueAtMs > nowMs && dueAtMs - nowMs <= 2 * (dueAtMs - waitsFromMs);
}

/** Beyond this the delay no longer doubles: 2^30 times any delay is above every limit, and still an exact number. */
const DOUBLINGS_MAX = 30;

/**
 * Returns how long to wait after failure number `attempt` (from 1), in milliseconds: doubled with every failure up to the
 * limit, of which the first half is certain and the rest spread, so that tasks that failed together do not come back together.
 *
 * @param random01 in [0, 1)
 */
export function retryDelayMs(attempt: number, limits: RetryLimits, random01: number): number {
  const doublings = Math.min(Math.max(attempt - 1, 0), DOUBLINGS_MAX);
  const fullMs = Math.min(limits.delayFirstMs * 2 ** doublings, limits.delayMaxMs);
  return Math.round(fullMs / 2 + (fullMs / 2) * random01);
}
