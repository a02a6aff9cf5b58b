const ZONED_TIME =
  /^(\d{4})-(\d{2})-(\d{2})[Tt ](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?\s?([Zz]|([+-])(\d{2}):?(\d{2}))$/;

/** Returns the Unix milliseconds of an ISO 8601 time with a zone, or `undefined` for anything else (30 February too). */
export function parseZonedTime(text: string): number | undefined {
  const parts = ZONED_TIME.exec(text);
  if (parts === null) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts
    .slice(1, 7)
    .map((part) => Number(part ?? 0));
  const [offsetHours = 0, offsetMinutes = 0] = parts.slice(10, 12).map((part) => Number(part ?? 0));
  const milliseconds = Number((parts[7] ?? "").slice(0, 3).padEnd(3, "0"));
  const local = new Date(0);
  local.setUTCFullYear(year, month - 1, day);
  local.setUTCHours(hour, minute, second, milliseconds);
  const isReal =
    local.getUTCMonth() === month - 1 && local.getUTCDate() === day && hour < 24 && minute < 60 && second < 60;
  if (!isReal || offsetHours > 23 || offsetMinutes > 59) return undefined;
  const offsetMs = (offsetHours * 60 + offsetMinutes) * 60_000;
  return local.getTime() - (parts[9] === "-" ? -offsetMs : offsetMs);
}
