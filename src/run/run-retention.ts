import { lstat, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { systemErrorCode } from "../base/errors.ts";
import type { Log } from "../base/surroundings.ts";

const DAY_MS = 86_400_000;
const MB = 1024 * 1024;
const EVERY_MS = 3_600_000;

export interface RunRetentionOptions {
  /** Where runs that failed in an unknown way are kept, a folder for each task; absolute. */
  readonly keptDir: string;
  readonly settings: () => { readonly keepRunsDays: number; readonly keepRunsMb: number };
  readonly now: () => number;
  readonly log: Log;
}

/**
 * Returns what removes runs that were kept for long enough, and the oldest where all together take too much room: at most once an hour,
 * however often it is called. The runs of open tasks are no part of it.
 */
export function createRunRetention({ keptDir, settings, now, log }: RunRetentionOptions): () => Promise<void> {
  let lastMs = Number.NEGATIVE_INFINITY;
  return async () => {
    const sinceMs = now() - lastMs;
    if (sinceMs >= 0 && sinceMs < EVERY_MS) return; // Less than none: the clock was set back.
    lastMs = now();
    const { keepRunsDays, keepRunsMb } = settings();
    const kept: Kept[] = [];
    /** What cannot be read or removed is told, and keeps nothing else. */
    const attempt = async <Value>(path: string, work: () => Promise<Value>): Promise<Value | undefined> => {
      try {
        return await work();
      } catch (error) {
        if (systemErrorCode(error) !== "ENOENT") log("run-not-removed", { path, reason: String(error) });
        return undefined;
      }
    };
    for (const name of await namesIn(keptDir)) {
      const path = join(keptDir, name);
      const stats = await attempt(path, () => lstat(path));
      if (stats !== undefined) kept.push({ path, keptAtMs: stats.ctimeMs, bytes: await sizeOf(path) });
    }
    let bytes = 0;
    let removed = 0;
    for (const one of kept.sort((a, b) => b.keptAtMs - a.keptAtMs)) {
      const isTooLarge = one.bytes > keepRunsMb * MB; // By itself: the others need not go for it.
      if (!isTooLarge) bytes += one.bytes;
      if (!isTooLarge && now() - one.keptAtMs <= keepRunsDays * DAY_MS && bytes <= keepRunsMb * MB) continue;
      const isGone = await attempt(one.path, () => rm(one.path, { recursive: true, force: true }).then(() => true));
      if (isGone === true) removed += 1;
    }
    if (removed > 0) log("runs-removed", { tasks: removed, left: kept.length - removed });
  };
}

interface Kept {
  readonly path: string;
  readonly keptAtMs: number;
  readonly bytes: number;
}

/** What the files of a folder hold, as far as that can be found out; no link is followed. */
async function sizeOf(path: string): Promise<number> {
  const stats = await lstat(path).catch(() => undefined);
  if (stats?.isDirectory() !== true) return stats?.size ?? 0;
  let bytes = 0;
  for (const name of await readdir(path).catch(() => [])) bytes += await sizeOf(join(path, name));
  return bytes;
}

async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return [];
    throw error;
  }
}
