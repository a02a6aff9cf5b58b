import type { InTheWay, SyncOutcome } from "../git/sync/sync-round.ts";

/** How the branch and its remote stand, as far as is known. Times are UTC, ISO 8601. */
export interface SyncState {
  readonly remote: string;
  readonly branch: string;
  /** The end of the last round that reached the remote. */
  readonly lastSync: string | null;
  /** Commits that the remote has not, and that the branch here has not; `null` until it is known. */
  readonly ahead: number | null;
  readonly behind: number | null;
  /** A round is under way. */
  readonly running: boolean;
  /** Why the remote cannot be used, or does not take what is here; it is tried again by itself. */
  readonly problem: { readonly reason: string; readonly since: string } | null;
  /** What keeps the branch here from following, and the command that helps where one does. */
  readonly inTheWay: {
    readonly reason: string;
    readonly paths: readonly string[];
    readonly command: string | null;
    readonly since: string;
  } | null;
}

/** What rounds with one remote have found. Times are Unix ms. */
export interface Findings {
  outcome?: SyncOutcome;
  lastSyncMs?: number;
  problem?: { readonly reason: string; readonly sinceMs: number };
  inTheWay?: InTheWay & { readonly sinceMs: number };
  /** Rounds in vain, one after the other. */
  failures: number;
}

/** Returns what people are told. */
export function presentSync(
  asked: Pick<SyncState, "remote" | "branch">,
  { outcome, lastSyncMs, problem, inTheWay }: Findings,
  running: boolean,
): SyncState {
  return {
    ...asked,
    lastSync: lastSyncMs === undefined ? null : isoOf(lastSyncMs),
    ahead: outcome?.ahead ?? null,
    behind: outcome?.behind ?? null,
    running,
    problem: problem === undefined ? null : { reason: problem.reason, since: isoOf(problem.sinceMs) },
    inTheWay:
      inTheWay === undefined
        ? null
        : {
            ...{ reason: inTheWay.why, paths: inTheWay.paths, command: inTheWay.command ?? null },
            since: isoOf(inTheWay.sinceMs),
          },
  };
}

function isoOf(ms: number): string {
  return new Date(ms).toISOString();
}
