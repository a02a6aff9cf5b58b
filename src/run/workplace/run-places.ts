import { join, relative } from "node:path";
import { realPathOf } from "../../base/files/real-path.ts";
import type { LandingDeps } from "../../git/merge/landing.ts";
import type { KnownRepository } from "../../git/repository/known-repositories.ts";
import { listLinkedWorktrees } from "../../git/worktrees/worktree-list.ts";
import { isBelow } from "../../task/rights/rights.ts";
import type { RunChange } from "../../task/state/run.ts";
import type { WorkplaceLease } from "../../task/workplace/workplace-lease.ts";
import type { RunGround } from "./run-paths.ts";
import type { SessionBranches } from "./worktrees/session-branches.ts";
import type { CommitEdits } from "./worktrees/session-edits.ts";
import type { SessionSnapshots } from "./worktrees/session-snapshots.ts";
import { leaseOfRecord, type SessionWorktrees, type WorktreeLease } from "./worktrees/session-worktrees.ts";
import type { WorktreeChange } from "./worktrees/worktree-change.ts";
import type { WorktreeKeeping } from "./worktrees/worktree-keeping.ts";
import { slotVariables } from "./worktrees/worktree-settings.ts";

/** Where a run works, once its lease is known. */
export interface RunPlace {
  readonly ground: Omit<RunGround, "rights" | "confinement">;
  /** What tells its programs from those of its neighbours. */
  readonly variables: Readonly<Record<string, string>>;
}

/** How branches are landed, and whose: as `SessionWorktreesDeps` has it. */
export interface SessionLanding extends LandingDeps {
  readonly home: string | undefined;
}

/** The workplaces of runs: the shared checkout, and the worktrees of sessions. */
export interface RunPlaces extends Pick<SessionSnapshots, "before" | "merge"> {
  /** As `SessionSnapshots.after`; says besides what the session's branch does not merge with now, as `RunChange.overlaps`. */
  after(
    ...turn: Parameters<SessionSnapshots["after"]>
  ): Promise<(WorktreeChange & Pick<RunChange, "overlaps">) | undefined>;
  /**
   * Opens the worktree of a session, and leases it. As `SessionWorktrees.open`.
   *
   * @param locks paths that the session keeps to itself from now on, until its work is landed
   */
  lease(session: string, locks: readonly string[], isWanted: () => boolean): Promise<WorktreeLease>;
  /** Returns the worktree of a session, made again where it was removed; `undefined` where it never had one. As `SessionWorktrees.open`. */
  reopen(session: string): Promise<WorktreeLease | undefined>;
  /** Commits what somebody has edited in the worktree of a session since its last run. */
  readonly commitEdits: CommitEdits;
  /** The sessions whose work is not landed. */
  readonly branches: SessionBranches;
  /** How their branches are landed. */
  readonly landing: SessionLanding;
  /**
   * Says which sessions are idle (`undefined`: nothing runs and nothing is being committed), and has worktrees and runs removed from now on
   * that are not needed, and the repository maintained. What it returns ends that.
   */
  keepBy(isIdle: (session: string | undefined) => boolean): () => void;
  readonly tidy: WorktreeKeeping["tidy"];
  /** @param lease `undefined`: the shared checkout */
  at(lease: WorkplaceLease | undefined): RunPlace;
}

export interface RunPlacesDeps extends Pick<RunGround, "workRoot" | "stateDir" | "repositories"> {
  /** Absolute: where the coordinator's files lie. */
  readonly homeDir: string;
  readonly code: KnownRepository;
  readonly worktrees: Pick<SessionWorktrees, "open" | "save" | "isKnown">;
  readonly snapshots: SessionSnapshots;
  readonly branches: SessionBranches;
  readonly landing: SessionLanding;
  readonly commitEdits: CommitEdits;
  readonly keepBy: RunPlaces["keepBy"];
  readonly tidy: RunPlaces["tidy"];
}

export function createRunPlaces(deps: RunPlacesDeps): RunPlaces {
  const { code, workRoot, stateDir, repositories, homeDir, worktrees, snapshots, branches, landing } = deps;

  /** Also below a folder for temporary files, which codex's sandbox lets commands write to. */
  const apart = (workdir: string): readonly string[] =>
    [homeDir, code.topDir, ...listLinkedWorktrees(code.commonDir).flatMap(({ topDir }) => topDir ?? [])]
      .map(realPathOf)
      .filter((path) => !isBelow(path, workdir));

  return {
    ...{ branches, landing, before: snapshots.before, merge: snapshots.merge },
    ...{ keepBy: deps.keepBy, tidy: deps.tidy, commitEdits: deps.commitEdits },
    async after(lease, ...turn) {
      const change = await snapshots.after(lease, ...turn);
      await branches.refresh(); // Whoever takes in the run is to know what it stands against.
      const found = branches.all().find(({ slug }) => slug === lease.slug);
      if (change === undefined || found === undefined) return change;
      const { conflicts, overlaps } = found;
      const all = [...(conflicts.length === 0 ? [] : [{ session: null, paths: conflicts }]), ...overlaps];
      return all.length === 0 ? change : { ...change, overlaps: all };
    },
    async lease(session, locks, isWanted) {
      const record = await worktrees.open(session, isWanted);
      const more = locks.filter((path) => !record.locks.includes(path));
      if (more.length > 0) await worktrees.save({ ...record, locks: [...record.locks, ...more] });
      return leaseOfRecord(record);
    },
    async reopen(session) {
      if (!worktrees.isKnown(session)) return undefined;
      return leaseOfRecord(await worktrees.open(session, () => true));
    },
    at(lease = { kind: "shared" }) {
      const inside = relative(code.topDir, workRoot);
      const root = lease.kind === "shared" ? workRoot : join(lease.dir, inside);
      // What a task names may be in no commit yet, or be ignored by git: a worktree does not have it then.
      const files = lease.kind === "shared" ? {} : { filesRoot: workRoot };
      return { ground: { workRoot: root, ...files, stateDir, repositories, apart }, variables: slotVariables(lease) };
    },
  };
}
