import { describe, expect, it } from "vitest";
import { namedTime, resetTime } from "../../../../src/run/codex/failure/reset-time.ts";
import type { LimitWindow } from "../../../../src/run/codex/failure/rollout.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** Local time, as codex prints it: 20 November 2026, 13:10:20. */
const FAILED_AT_MS = at(20, 13, 10, 20);

function at(day: number, hour: number, minute: number, second = 0): number {
  return new Date(2026, 10, day, hour, minute, second).getTime();
}

function window(usedPercent: number, resetsAtMs: number): LimitWindow {
  return { usedPercent, resetsAtMs };
}

describe("the time a usage limit is over", () => {
  it.each<{ said: string; untilMs: number; why: string }>([
    { said: "Try again at 3:28 PM.", untilMs: at(20, 15, 28), why: "is later on the same day" },
    { said: "or try again at 3:28 pm", untilMs: at(20, 15, 28), why: "in whatever case" },
    { said: "try again at 3:28 p.m.", untilMs: at(20, 15, 28), why: "with dots" },
    { said: "try again at 11:05 AM.", untilMs: at(21, 11, 5), why: "is tomorrow where it is past today" },
    { said: "try again at 12:00 AM.", untilMs: at(21, 0, 0), why: "at midnight" },
    { said: "try again at 12:30 PM.", untilMs: at(21, 12, 30), why: "half past noon is past" },
    { said: "try again at 1:10 PM.", untilMs: FAILED_AT_MS, why: "in the same minute means now" },
    { said: "try again at 1:06 PM.", untilMs: FAILED_AT_MS, why: "a moment ago means now, not tomorrow" },
    {
      said: "Try again at Nov 22nd, 2026 5:47 PM.",
      untilMs: at(22, 17, 47),
      why: "has a date where it is another day",
    },
    { said: "try again at November 23, 2026 at 9:00 AM", untilMs: at(23, 9, 0), why: "however it is written" },
    { said: "try again at Nov 19th, 2026 5:47 PM.", untilMs: FAILED_AT_MS, why: "is over if it is past" },
    { said: "try again at Dec 31st, 2027 5:47 PM.", untilMs: FAILED_AT_MS + 8 * 24 * HOUR_MS, why: "is bounded" },
    {
      said: "Try again in 1 day 2 hours 3 minutes.",
      untilMs: FAILED_AT_MS + 26 * HOUR_MS + 3 * MINUTE_MS,
      why: "may be a span",
    },
    {
      said: "try again at 25:99 PM",
      untilMs: FAILED_AT_MS + 30 * MINUTE_MS,
      why: "half an hour where it makes no sense",
    },
    { said: "try again at Foo 3rd, 2026 1:00 PM", untilMs: FAILED_AT_MS + 30 * MINUTE_MS, why: "nor does the month" },
    { said: "try again later", untilMs: FAILED_AT_MS + 30 * MINUTE_MS, why: "half an hour where none is named" },
  ])("$why: $said", ({ said, untilMs }) => {
    expect(resetTime(`You’ve hit your usage limit. ${said}`, FAILED_AT_MS, [])).toBe(untilMs);
  });

  it.each<{ said: string; limits: readonly LimitWindow[]; untilMs: number; why: string }>([
    {
      ...{ said: "Try again at 3:28 PM.", untilMs: at(20, 15, 28, 41), why: "to the second" },
      limits: [window(100, at(20, 15, 28, 41)), window(40, at(24, 9, 0))],
    },
    {
      ...{ said: "Try again at 1:10 PM.", untilMs: at(20, 13, 10, 55), why: "in the same minute, but not now" },
      limits: [window(100, at(20, 13, 10, 55))],
    },
    {
      ...{ said: "Try again at 3:28 PM.", untilMs: at(20, 15, 28), why: "as named where no limit ends then" },
      limits: [window(100, at(20, 15, 29)), window(100, at(20, 15, 27, 59))],
    },
    {
      ...{ said: "Try again later.", untilMs: at(24, 9, 0), why: "when the last limit that is used up ends" },
      limits: [window(100, at(20, 15, 28)), window(100, at(24, 9, 0)), window(99, at(25, 9, 0))],
    },
    {
      ...{ said: "Try again later.", untilMs: FAILED_AT_MS + 30 * MINUTE_MS, why: "half an hour where none tells" },
      limits: [window(100, FAILED_AT_MS), window(12, at(20, 15, 28))],
    },
  ])("beside the limits of the account, $why: $said", ({ said, limits, untilMs }) => {
    expect(resetTime(`You’ve hit your usage limit. ${said}`, FAILED_AT_MS, limits)).toBe(untilMs);
  });

  it.each([
    { said: "Please try again in 2.5s.", waitMs: 2_500 },
    { said: "try again in 350ms", waitMs: 350 },
    { said: "slow down", waitMs: undefined },
  ])("a rate limit: $said", ({ said, waitMs }) => {
    expect(namedTime(said, FAILED_AT_MS)).toBe(waitMs === undefined ? undefined : FAILED_AT_MS + waitMs);
  });
});
