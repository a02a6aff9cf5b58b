import { readdirSync, readFileSync } from "node:fs";

/** Returns the ids of the living processes whose run marker begins with `prefix`. */
export function findMarkedRuns(prefix: string): readonly number[] {
  return readdirSync("/proc")
    .map(Number)
    .filter((pid) => Number.isInteger(pid) && environmentOf(pid).includes(`\0CODEX_INBOX_RUN=${prefix}`));
}

function environmentOf(pid: number): string {
  try {
    return `\0${readFileSync(`/proc/${pid}/environ`, "utf8")}`;
  } catch {
    return ""; // Ended meanwhile, or another user's.
  }
}
