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
    if (now() - lastMs < EVERY_MS) return;
    lastMs = now();
    const { keepRunsDays, keepRunsMb } = settings();
    const kept = [];
    for (const name of await namesIn(keptDir)) {
      const path = join(keptDir, name);
      kept.push({ path, keptAtMs: (await lstat(path)).ctimeMs, bytes: await sizeOf(path) });
    }
    let bytes = 0;
    let removed = 0;
    for (const one of kept.sort((a, b) => b.keptAtMs - a.keptAtMs)) {
      bytes += one.bytes;
      if (now() - one.keptAtMs <= keepRunsDays * DAY_MS && bytes <= keepRunsMb * MB) continue;
      await rm(one.path, { recursive: true, force: true });
      removed += 1;
    }
    if (removed > 0) log("runs-removed", { tasks: removed, left: kept.length - removed });
  };
}

/** What the files of a folder hold; no link is followed. */
async function sizeOf(path: string): Promise<number> {
  const stats = await lstat(path);
  if (!stats.isDirectory()) return stats.size;
  let bytes = 0;
  for (const name of await namesIn(path)) bytes += await sizeOf(join(path, name));
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
