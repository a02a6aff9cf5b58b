import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isDelayed, RETRY_LIMITS, retryDelayMs } from "../../../src/task/state/retry.ts";

describe("retryDelayMs", () => {
  it.each([
    { attempt: 1, random: 0, delayMs: 5000 },
    { attempt: 1, random: 0.5, delayMs: 7500 },
    { attempt: 2, random: 0, delayMs: 10_000 },
    { attempt: 4, random: 0, delayMs: 40_000 },
    { attempt: 8, random: 0, delayMs: 450_000 },
    { attempt: 1_000_000, random: 0, delayMs: 450_000 },
    { attempt: 0, random: 0, delayMs: 5000 },
  ])("is $delayMs ms after failure $attempt with chance $random", ({ attempt, random, delayMs }) => {
    expect(retryDelayMs(attempt, RETRY_LIMITS, random)).toBe(delayMs);
  });

  it("lies between half of the full delay and the full delay, and grows with the attempts", () => {
    const limits = fc.record({
      delayFirstMs: fc.integer({ min: 1, max: 1e7 }),
      delayMaxMs: fc.integer({ min: 1, max: 1e9 }),
    });
    const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100 }), limits, random, (attempt, given, random01) => {
        const fullMs = Math.min(given.delayFirstMs * 2 ** (attempt - 1), given.delayMaxMs);
        const delayMs = retryDelayMs(attempt, given, random01);
        expect(Number.isInteger(delayMs)).toBe(true);
        expect(delayMs).toBeGreaterThanOrEqual(Math.floor(fullMs / 2));
        expect(delayMs).toBeLessThanOrEqual(fullMs);
        expect(retryDelayMs(attempt + 1, given, random01)).toBeGreaterThanOrEqual(delayMs);
      }),
    );
  });
});

describe("isDelayed", () => {
  it.each([
    { name: "before its time", nowMs: 1_300, is: true },
    { name: "at its time", nowMs: 1_500, is: false },
    { name: "as long before its beginning as it was to last, the clock set back", nowMs: 500, is: true },
    { name: "earlier than that", nowMs: 499, is: false },
  ])("$name: $is", ({ nowMs, is }) => {
    expect(isDelayed({ waitsFromMs: 1_000, dueAtMs: 1_500 }, nowMs)).toBe(is);
  });

  it("what was to go on at once goes on at once, whatever the clock says", () => {
    for (const nowMs of [0, 999, 1_000, 1_001])
      expect(isDelayed({ waitsFromMs: 1_000, dueAtMs: 1_000 }, nowMs)).toBe(false);
  });
});
