import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { KnownRepository } from "../../git/repository/known-repositories.ts";
import { TURNS, type TurnRefs } from "../../git/snapshots/turn-refs.ts";

const DAY_MS = 86_400_000;
/** Each lies in a folder of its own until all are packed into one file; git reads every such file to list refs. */
const SINGLE_MAX = 200;
const EVERY_MS = 3_600_000;

export interface TurnRetentionOptions {
  readonly repository: KnownRepository;
  readonly refs: TurnRefs;
  /** For how many days the change of a run is kept. */
  readonly keepDays: () => number;
  readonly now: () => number;
}

/**
 * Returns what drops the refs of turns that are older than they are kept, and packs them where there are many: at most once an hour,
 * however often it is called. What a branch holds stays, and what looks as if it held a secret is for a person to remove.
 */
export function createTurnRetention({ repository, refs, keepDays, now }: TurnRetentionOptions): () => Promise<void> {
  let lastMs = Number.NEGATIVE_INFINITY;
  return async () => {
    const sinceMs = now() - lastMs;
    if (sinceMs >= 0 && sinceMs < EVERY_MS) return; // Less than none: the clock was set back.
    lastMs = now();
    const oldest = now() - keepDays() * DAY_MS;
    await refs.drop((await refs.list()).filter(({ atMs }) => atMs < oldest));
    if (singleCount(repository) > SINGLE_MAX) await refs.pack();
  };
}

function singleCount({ commonDir }: KnownRepository): number {
  try {
    return readdirSync(join(commonDir, TURNS)).length;
  } catch {
    return 0; // None was ever kept.
  }
}
