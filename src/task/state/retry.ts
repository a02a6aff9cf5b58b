/** How long to wait before a task runs again. */
export interface RetryLimits {
  /** Before the second attempt, in milliseconds. */
  readonly delayFirstMs: number;
  /** However many attempts there were, in milliseconds. */
  readonly delayMaxMs: number;
}

export const RETRY_LIMITS: RetryLimits = { delayFirstMs: 10_000, delayMaxMs: 900_000 };

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
