const UNITS = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["min", 60_000],
  ["s", 1_000],
] as const;

/** Returns how long ago something was, or how long it took, in one unit: "3 min". */
export function ageText(ms: number): string {
  const [unit, size] = UNITS.find(([, least]) => ms >= least) ?? ["s", 1_000];
  return `${Math.max(0, Math.floor(ms / size))} ${unit}`;
}

/** Returns a time (UTC, ISO 8601) as the clock on the wall shows it, with its zone: "2026-11-21 23:05:10 +01:00". */
function localTime(iso: string): string {
  const date = new Date(iso);
  const eastMin = -date.getTimezoneOffset();
  const shown = new Date(date.getTime() + eastMin * 60_000).toISOString();
  const two = (number: number): string => String(Math.floor(Math.abs(number))).padStart(2, "0");
  const zone = eastMin === 0 ? "UTC" : `${eastMin < 0 ? "-" : "+"}${two(eastMin / 60)}:${two(eastMin % 60)}`;
  return `${shown.slice(0, 10)} ${shown.slice(11, 19)} ${zone}`;
}

/** Returns a time for whom the output is for: people read local time, programs UTC. */
export function shownTime(iso: string, columns: number | undefined): string {
  return columns === undefined ? iso : localTime(iso);
}
