import type { LimitWindow } from "./rollout.ts";

/** How long to wait when codex named a time that cannot be read, or none. */
const DEFAULT_WAIT_MS = 30 * 60_000;
/** The longest limits are weekly. */
const WAIT_MAX_MS = 8 * 24 * 3_600_000;
/** A wall clock that is past by no more than this is not tomorrow's: the time had come when the failure was recorded. */
const JUST_PAST_MS = 5 * 60_000;

const MINUTE_MS = 60_000;

const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const CLOCK = String.raw`(\d{1,2}):(\d\d)(?::\d\d)?\s*([ap])\.?m\b`;
const BARE_CLOCK = new RegExp(`again at ${CLOCK}`, "i");
const DATED_CLOCK = new RegExp(
  String.raw`again at ([a-z]{3})[a-z]*\.? (\d{1,2})(?:st|nd|rd|th)?,? (\d{4}),?(?: at)? ${CLOCK}`,
  "i",
);
const SPAN_START = /again in (?=about|\s|\d)/g;
const SPAN_PART =
  /\s?(?:about|and|,)?\s?(\d{1,12}(?:\.\d{1,9})?)\s?(?:(ms|milli)(?:seconds?)?|(s)(?:econds?)?|(m)(?:in(?:utes?)?)?|(h)(?:ours?)?|(d)(?:ays?)?)\b/y;
const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, milli: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * Returns when a usage limit is over, Unix ms: codex names it as a local wall clock ("try again at 3:28 PM"), with a date where that
 * is another day ("Nov 22nd, 2026 5:47 PM"), by the minute (codex 0.169.0). Without a date the next such time after the failure is
 * meant. Where one of the account's limits ends within that minute, it is meant, to the second; where no time is named, the last
 * limit that is used up. What cannot be read counts as half an hour, and nothing is further away than 8 days.
 */
export function resetTime(message: string, failedAtMs: number, limits: readonly LimitWindow[]): number {
  const named = namedTime(message, failedAtMs);
  const meant = limits.filter(({ usedPercent, resetsAtMs }) =>
    named === undefined
      ? usedPercent >= 100 && resetsAtMs > failedAtMs
      : resetsAtMs >= named && resetsAtMs < named + MINUTE_MS,
  );
  const exact = meant.length === 0 ? undefined : Math.max(...meant.map(({ resetsAtMs }) => resetsAtMs));
  const untilMs = exact ?? named ?? failedAtMs + DEFAULT_WAIT_MS;
  return Math.min(Math.max(untilMs, failedAtMs), failedAtMs + WAIT_MAX_MS);
}

/** Returns the time before which codex or its server says that another try is of no use, Unix ms; `undefined` where none is said. */
export function namedTime(message: string, failedAtMs: number): number | undefined {
  return spanTime(message, failedAtMs) ?? datedTime(message) ?? clockTime(message, failedAtMs);
}

/** "Please try again in 2.5s", "in 1 day 3 hours". */
function spanTime(message: string, failedAtMs: number): number | undefined {
  const text = message.toLowerCase();
  for (const { index, 0: start } of text.matchAll(SPAN_START)) {
    const sumMs = spanMs(text, index + start.length);
    if (sumMs !== undefined) return failedAtMs + Math.ceil(sumMs);
  }
  return undefined;
}

function spanMs(text: string, start: number): number | undefined {
  let sumMs: number | undefined;
  SPAN_PART.lastIndex = start;
  for (let part = SPAN_PART.exec(text); part !== null; part = SPAN_PART.exec(text)) {
    const [, count, ...units] = part;
    const unit = units.find((letters) => letters !== undefined) ?? "";
    sumMs = (sumMs ?? 0) + Number(count) * (UNIT_MS[unit] ?? 0);
  }
  return sumMs;
}

function datedTime(message: string): number | undefined {
  const [, month = "", day, year, hour, minute, half] = DATED_CLOCK.exec(message) ?? [];
  const monthIndex = MONTHS.indexOf(month.toLowerCase());
  if (monthIndex === -1) return undefined;
  const clock = hours(hour, half);
  return clock === undefined
    ? undefined
    : valid(new Date(Number(year), monthIndex, Number(day), clock, Number(minute)));
}

function clockTime(message: string, failedAtMs: number): number | undefined {
  const [, hour, minute, half] = BARE_CLOCK.exec(message) ?? [];
  const clock = hours(hour, half);
  if (clock === undefined || Number(minute) > 59) return undefined;
  const failedAt = new Date(failedAtMs);
  const on = (day: number): number =>
    new Date(failedAt.getFullYear(), failedAt.getMonth(), day, clock, Number(minute)).getTime();
  const today = on(failedAt.getDate());
  return today >= failedAtMs - JUST_PAST_MS ? today : on(failedAt.getDate() + 1);
}

/** Hours from 0 of a clock with twelve. */
function hours(hour: string | undefined, half: string | undefined): number | undefined {
  const number = Number(hour);
  if (half === undefined || !(number >= 1 && number <= 12)) return undefined;
  return (number % 12) + (half.toLowerCase() === "p" ? 12 : 0);
}

function valid(date: Date): number | undefined {
  return Number.isNaN(date.getTime()) ? undefined : date.getTime();
}
