import { readdirSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Log } from "../../base/surroundings.ts";
import { GitError, runGit } from "../process/git-process.ts";
import { isMaintained } from "./own-packs.ts";

/** Loose objects from which on packing them is worth it: git itself begins at about three times as many. */
const LOOSE_MIN = 2_000;
/** The folder of one of 256 first bytes tells how many there are in all, as for git. */
const SAMPLE = "17";
const FOLDERS = 256;
/** So many commits get their list of changed paths at a time; in a long history the others follow. */
const FILTERS_MAX = 10_000;
const TIME_MAX_MS = 600_000;
const MINUTE_MS = 60_000;

export interface GitMaintenanceOptions {
  /** The git directory that all linked worktrees share. */
  readonly commonDir: string;
  /** At most once in so many minutes; 0: never. */
  readonly everyMinutes: () => number;
  /** No run is under way, and nothing is being committed. */
  readonly isQuiet: () => boolean;
  readonly now: () => number;
  readonly log: Log;
}

/**
 * Returns what packs loose objects, which every batch and snapshot leaves, and writes the graph of commits with the paths that each has
 * changed, by which `git log -- <path>` finds its commits. Only at a quiet moment, at the lowest priority, and not while maintenance of the
 * user's is under way; nothing is ever dropped, and no lock is taken that a command of the user's waits for.
 */
export function createGitMaintenance(options: GitMaintenanceOptions): () => Promise<void> {
  const { commonDir, everyMinutes, isQuiet, now, log } = options;
  const objectsDir = join(commonDir, "objects");
  let lastMs = Number.NEGATIVE_INFINITY;
  let graphed: string | undefined;
  const run = async (...args: readonly string[]): Promise<string> => {
    const limits = { isBackground: true, timeMs: TIME_MAX_MS };
    const { status, stdout, stderr } = await runGit({ gitDir: commonDir }, args, limits);
    if (status !== 0) throw new GitError(`git ${args.slice(0, 2).join(" ")}: ${stderr.trim()}`);
    return stdout.toString("utf8");
  };
  return async () => {
    const minutes = everyMinutes();
    const sinceMs = now() - lastMs; // Less than none: the clock was set back.
    if (minutes === 0 || (sinceMs >= 0 && sinceMs < minutes * MINUTE_MS) || !isQuiet()) return;
    if (isMaintained(commonDir, objectsDir)) return;
    lastMs = now();
    const loose = await looseCount(objectsDir);
    if (loose >= LOOSE_MIN) {
      await run("maintenance", "run", "--quiet", "--task=loose-objects");
      if (isQuiet()) await run("maintenance", "run", "--quiet", "--task=loose-objects"); // Removes those that are packed now.
      log("git-packed", { loose });
    }
    const refs = await run("for-each-ref", "--format=%(objectname)");
    if (refs === graphed || !isQuiet()) return;
    await run(
      ...["commit-graph", "write", "--reachable", "--changed-paths", "--split", "--no-progress"],
      `--max-new-filters=${FILTERS_MAX}`,
    );
    graphed = refs;
  };
}

/** An estimate, from one folder; of few objects all folders are counted. */
async function looseCount(objectsDir: string): Promise<number> {
  const sample = await readdir(join(objectsDir, SAMPLE)).catch(() => []);
  if (sample.length * FOLDERS >= LOOSE_MIN * 2) return sample.length * FOLDERS;
  const folders = readdirSync(objectsDir).filter((name) => /^[0-9a-f]{2}$/.test(name));
  let count = 0;
  for (const name of folders) count += (await readdir(join(objectsDir, name)).catch(() => [])).length;
  return count;
}
