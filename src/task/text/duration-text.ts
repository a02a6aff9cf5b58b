/** Returns a duration for people: "0.4 s", "42 s", "3 min 5 s", "1 h 2 min". */
export function durationText(durationMs: number): string {
  if (durationMs < 1_000) return `${(Math.floor(Math.max(0, durationMs) / 100) / 10).toFixed(1)} s`;
  const seconds = Math.floor(durationMs / 1_000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return joined(minutes, "min", seconds % 60, "s");
  return joined(Math.floor(minutes / 60), "h", minutes % 60, "min");
}

function joined(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`;
}
