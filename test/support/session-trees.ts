import { join } from "node:path";
import { createMerger } from "../../src/git/merge/merger.ts";
import type { ConfiguredPrograms } from "../../src/git/repository/configured-programs.ts";
import { createSnapshots } from "../../src/git/snapshots/snapshot.ts";
import { createTurnRefs } from "../../src/git/snapshots/turn-refs.ts";
import { type LinkedWorktrees, openLinkedWorktrees } from "../../src/git/worktrees/linked-worktrees.ts";
import { createSessionMerges } from "../../src/run/workplace/worktrees/session-merges.ts";
import { createSessionSnapshots, type SessionSnapshots } from "../../src/run/workplace/worktrees/session-snapshots.ts";
import { createSessionWorktrees, type SessionWorktrees } from "../../src/run/workplace/worktrees/session-worktrees.ts";
import { createWorktreeKeeping, type WorktreeKeeping } from "../../src/run/workplace/worktrees/worktree-keeping.ts";
import { createWorktreeRemoval, type WorktreeRemoval } from "../../src/run/workplace/worktrees/worktree-removal.ts";
import type { WorktreeSettings } from "../../src/run/workplace/worktrees/worktree-settings.ts";
import { openWorktreeRecords, type WorktreeRecords } from "../../src/store/worktrees/worktree-records.ts";

/** The worktrees of the sessions of one repository, without a coordinator; no setup is run. */
export interface SessionTrees {
  readonly trees: LinkedWorktrees;
  readonly records: WorktreeRecords;
  readonly worktrees: SessionWorktrees;
  readonly snapshots: SessionSnapshots;
  readonly removal: WorktreeRemoval;
  readonly keeping: WorktreeKeeping;
  readonly settings: { -readonly [Key in keyof WorktreeSettings]: WorktreeSettings[Key] };
  /** Unix ms. */
  readonly clock: { now: () => number };
  /** Sessions that have an open task. */
  readonly busy: Set<string>;
  /** What was logged: "event worktree". */
  readonly log: string[];
}

const WHO = "Codex <codex@example.org>";

/**
 * Opens those of the repository at `topDir`; as often as a coordinator would start.
 *
 * @param home of another workspace there
 * @param programs what git may run there; nothing is configured unless given
 */
export function openSessionTrees(
  topDir: string,
  home?: string,
  programs: Pick<ConfiguredPrograms, "forListing"> = { forListing: async () => ({}) },
): SessionTrees {
  const code = { topDir, gitDir: join(topDir, ".git"), commonDir: join(topDir, ".git") };
  const stateDir = join(topDir, ".git/codex-inbox", ...(home === undefined ? [] : ["homes", home]));
  const log: string[] = [];
  const clock = { now: Date.now };
  const busy = new Set<string>();
  const settings: SessionTrees["settings"] = {
    ...{ setup: undefined, copy: [], setupTimeoutMs: 60_000, parkAfterMs: 86_400_000, dir: undefined, sparse: [] },
    ...{ maxCount: 1_000, maxBytes: Number.MAX_SAFE_INTEGER, freeBytes: 0 },
  };
  const records = openWorktreeRecords(join(stateDir, "worktrees"));
  const trees = openLinkedWorktrees({
    ...{ repository: code, trashDir: join(stateDir, "worktree-trash") },
    environment: () => programs.forListing(code),
  });
  const shared = {
    ...{ code, trees, records, settings: () => settings, surroundings: { now: () => clock.now() } },
    environment: programs.forListing,
    log: (event: string) => log.push(event),
  };
  const worktrees = createSessionWorktrees({
    ...{ ...shared, home, setup: { run: async () => undefined }, indexesDir: join(stateDir, "worktree-indexes") },
    makeRoom: () => keeping.makeRoom(),
  });
  const taking = {
    ...{ ...shared, worktrees, ours: ["inbox"], committer: async () => WHO },
    snapshots: createSnapshots({
      programs,
      secretsIn: async (text) => (text.includes("SECRET") ? [{ line: 1, kind: "a secret" }] : []),
    }),
  };
  const merges = createSessionMerges({ ...taking, merger: createMerger(code, join(stateDir, "merging")) });
  const snapshots = createSessionSnapshots({ ...taking, merges, refs: createTurnRefs(code), author: WHO });
  const removal = createWorktreeRemoval({
    ...shared,
    worktrees,
    snapshots,
    ours: ["inbox"],
    committer: async () => WHO,
  });
  const keeping = createWorktreeKeeping({ ...shared, worktrees, removal, isIdle: (session) => !busy.has(session) });
  return { trees, records, worktrees, snapshots, removal, keeping, settings, clock, busy, log };
}
