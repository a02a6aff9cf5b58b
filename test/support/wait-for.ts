import { setTimeout as delay } from "node:timers/promises";

export interface WaitOptions {
  /** What is waited for, in words that complete "waited … for". */
  readonly what: string;
  readonly timeoutMs?: number;
  readonly intervalMs?: number;
}

/**
 * Polls `condition` until it gives something else than `false` or `undefined`, and returns that.
 *
 * @throws Error that names `what` when `timeoutMs` (20 s) has passed. What `condition` throws passes through at once.
 */
export async function waitFor<Value>(
  condition: () => Value | Promise<Value>,
  options: WaitOptions,
): Promise<Exclude<Value, false | undefined>> {
  const { what, timeoutMs = 20_000, intervalMs = 10 } = options;
  const deadlineMs = performance.now() + timeoutMs;
  for (;;) {
    const value = await condition();
    if (isThere(value)) return value;
    if (performance.now() >= deadlineMs) throw new Error(`waited ${timeoutMs} ms for ${what}`);
    await delay(intervalMs);
  }
}

function isThere<Value>(value: Value): value is Exclude<Value, false | undefined> {
  return value !== undefined && value !== false;
}
