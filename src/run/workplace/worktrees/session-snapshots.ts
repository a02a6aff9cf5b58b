import { faultPoint } from "../../../base/fault-point.ts";
import type { Log, Surroundings } from "../../../base/surroundings.ts";
import type { KnownRepository } from "../../../git/repository/known-repositories.ts";
import { type LeftOut, SnapshotRefusedError } from "../../../git/snapshots/candidates.ts";
import type { Snapshot, Snapshots } from "../../../git/snapshots/snapshot.ts";
import { TURNS, type TurnRefs } from "../../../git/snapshots/turn-refs.ts";
import {
  type CommitChange,
  changeBetween,
  commitAt,
  followCommit,
  moveRef,
  refAt,
} from "../../../git/worktrees/session-branch.ts";
import type { WorktreeRecord, WorktreeRecords } from "../../../store/worktrees/worktree-records.ts";
import { type TurnCommit, turnMessage } from "../../../task/records/turn-message.ts";
import type { SessionWorktrees, WorktreeLease } from "./session-worktrees.ts";

export interface SessionSnapshotsDeps {
  readonly code: KnownRepository;
  readonly worktrees: SessionWorktrees;
  readonly records: Pick<WorktreeRecords, "get">;
  readonly snapshots: Snapshots;
  readonly refs: TurnRefs;
  /** Paths from the top that are the coordinator's own. */
  readonly ours: readonly string[];
  /** "Name <address>": of the agent's commits, and who makes them. */
  readonly author: string;
  readonly committer: () => Promise<string>;
  readonly environment: (repository: KnownRepository) => Promise<Readonly<Record<string, string>>>;
  readonly surroundings: Pick<Surroundings, "now">;
  readonly log: Log;
}

/** What one run has changed in the worktree of its session. */
export interface WorktreeChange extends CommitChange {
  /** Without `refs/heads/`. */
  readonly branch: string;
  /** The tip of the branch: what the run left. */
  readonly tip: string;
  /** What it is compared with. */
  readonly parent: string;
  /** The run's own commit; `undefined` where it changed nothing, or what it changed is held. */
  readonly commit: string | undefined;
  readonly leftOut: readonly LeftOut[];
  /** Where the change holds what looks like a secret: it is on this ref alone, which never leaves the machine. */
  readonly held: { readonly ref: string; readonly commit: string; readonly paths: readonly string[] } | undefined;
  /** Why it could not be recorded; then it lies in the worktree, which is kept. */
  readonly problem?: string;
}

/** The commits of a session's branch: one for each run that changed something, made by us, so that an agent needs no way to git. */
export interface SessionSnapshots {
  /** Commits what somebody has edited in a worktree since its last run, marked so. */
  before(lease: WorktreeLease, turn: Omit<TurnCommit, "authorKind">): Promise<void>;
  /** The same for a worktree that nobody may use meanwhile; where it cannot be, `problem` says why. */
  outside(
    record: WorktreeRecord,
    worktree: KnownRepository,
  ): Promise<Pick<WorktreeChange, "leftOut" | "held" | "problem">>;
  /**
   * Commits what a run has changed, on its session's branch; made again after a crash, it finds what was made. `undefined` where the
   * worktree is gone.
   *
   * @param atMs when the run ended, as it is on record: the same input gives the same commit
   */
  after(lease: WorktreeLease, turn: Omit<TurnCommit, "authorKind">, atMs: number): Promise<WorktreeChange | undefined>;
}

/** The named bounds of what a commit takes: what is larger is left out, said, and kept where it lies. */
const SNAPSHOT_LIMITS = {
  fileBytesMax: 10 * 1024 * 1024,
  totalBytesMax: 200 * 1024 * 1024,
  filesMax: 100_000,
} as const;
/** Somebody may commit on the branch by hand at the same moment. */
const TRIES_MAX = 5;
const CHANGED_MAX = 500;
const NO_CHANGE: CommitChange = { files: [], insertions: 0, deletions: 0 };
/** Stands for everything in a worktree. */
const ALL = ".";

function turnRef({ task, run }: Pick<TurnCommit, "task" | "run">): string {
  return `${TURNS}${task}/${run}`;
}

export function createSessionSnapshots(deps: SessionSnapshotsDeps): SessionSnapshots {
  const { code, worktrees, records, log } = deps;
  const { now } = deps.surroundings;

  /** By worktree: what was left out when its run began. */
  const leftBefore = new Map<string, readonly LeftOut[]>();

  const settle = async (worktree: KnownRepository, commit: string): Promise<void> => {
    const isDone = await followCommit(worktree, commit, await deps.environment(worktree));
    if (!isDone) log("worktree-index-busy", { worktree: worktree.topDir });
  };

  const take = async (
    record: WorktreeRecord,
    worktree: KnownRepository,
    parent: string,
    turn: TurnCommit,
    atMs: number,
  ): Promise<Snapshot> => {
    const committer = await deps.committer();
    const isAgent = turn.authorKind === "agent";
    const taken = await deps.snapshots.take({
      ...{ repository: worktree, indexPath: worktrees.indexPath(record.slug), ours: deps.ours },
      ...{ parents: [parent], rulesFrom: record.base, message: turnMessage(turn), atMs },
      ...{ author: isAgent ? deps.author : committer, committer, limits: SNAPSHOT_LIMITS },
      // What somebody else put there that looks like a secret is left where it lies, by the run's own commit as well.
      ...(isAgent ? { secrets: "take", leftOutBefore: leftBefore.get(record.slug) ?? [] } : { secrets: "leave-out" }),
    });
    if (!isAgent) leftBefore.set(record.slug, taken.leftOut);
    return taken;
  };

  /** The branch alone says what the session's work is: whoever moved it meanwhile is followed. */
  const snapshot = async (
    record: WorktreeRecord,
    worktree: KnownRepository,
    turn: TurnCommit,
    atMs: number,
  ): Promise<WorktreeChange> => {
    const { slug, branch } = record;
    for (let attempt = 1; ; attempt += 1) {
      const parent = await worktrees.tip(record);
      const taken = await take(record, worktree, parent, turn, atMs);
      const { leftOut } = taken;
      await note(record, leftOut, undefined);
      const none = { ...NO_CHANGE, branch, tip: parent, parent, commit: undefined, leftOut, held: undefined };
      if (taken.kind === "unchanged") return none;
      if (taken.secrets.length > 0) {
        const ref = await deps.refs.hold(slug, taken.commit);
        const paths = taken.secrets.map(({ path }) => path);
        log("worktree-held", { session: record.session, ref, commit: taken.commit });
        const change = await changeBetween(code, parent, taken.commit);
        return { ...none, ...change, held: { ref, commit: taken.commit, paths } };
      }
      faultPoint("worktree:snapshot-made");
      if (turn.authorKind === "agent" && turn.task !== undefined)
        await deps.refs.keepTurn(turn.task, turn.run, taken.commit, await refAt(code, turnRef(turn)));
      faultPoint("worktree:turn-kept");
      if (await moveRef(code, `refs/heads/${branch}`, taken.commit, parent)) {
        faultPoint("worktree:branch-moved");
        await settle(worktree, taken.commit);
        const change = await changeBetween(code, parent, taken.commit);
        await note(record, leftOut, { head: taken.commit, change });
        return { ...change, branch, tip: taken.commit, parent, commit: taken.commit, leftOut, held: undefined };
      }
      if (attempt >= TRIES_MAX) throw new Error(`${branch} was moved by somebody else again and again`);
    }
  };

  const note = async (
    { slug }: WorktreeRecord,
    leftOut: readonly LeftOut[] | undefined,
    moved: { readonly head: string; readonly change: CommitChange } | undefined,
  ): Promise<void> => {
    const record = records.get(slug);
    if (record === undefined) return;
    const pinned = leftOut?.map(({ path }) => path) ?? record.pinned;
    const paths = moved?.change.files.map(({ path }) => path) ?? [];
    const changed = [...new Set([...paths, ...record.changed])].slice(0, CHANGED_MAX);
    await worktrees.save({ ...record, pinned, changed, head: moved?.head ?? record.head, usedAtMs: now() });
  };

  /** What a coordinator that was killed has made of this run, finished; `undefined` where it has made nothing. */
  const finish = async (
    record: WorktreeRecord,
    worktree: KnownRepository,
    turn: TurnCommit,
  ): Promise<WorktreeChange | undefined> => {
    const commit = await refAt(code, turnRef(turn));
    const parent = commit === undefined ? undefined : await commitAt(code, `${commit}^`);
    if (commit === undefined || parent === undefined) return undefined;
    const branch = `refs/heads/${record.branch}`;
    const tip = await worktrees.tip(record);
    // Where somebody has moved the branch meanwhile, the run's change is taken anew, on top of that.
    if (tip !== commit && (tip !== parent || !(await moveRef(code, branch, commit, parent)))) return undefined;
    await settle(worktree, commit);
    const change = await changeBetween(code, parent, commit);
    await note(record, undefined, { head: commit, change });
    return { ...change, branch: record.branch, tip: commit, parent, commit, leftOut: [], held: undefined };
  };

  const withWorktree = async <Result>(
    { slug }: WorktreeLease,
    work: (record: WorktreeRecord, worktree: KnownRepository) => Promise<Result>,
  ): Promise<Result | undefined> =>
    worktrees.alone(slug, async () => {
      const record = records.get(slug);
      const worktree = record === undefined ? undefined : worktrees.repository(record);
      if (record !== undefined && worktree !== undefined) return work(record, worktree);
      log("worktree-gone", { worktree: slug });
      return undefined;
    });

  return {
    async outside(record, worktree) {
      const { session } = record;
      const turn = { session, title: "", task: undefined, run: 0, thread: undefined, authorKind: "outside" } as const;
      try {
        return await snapshot(record, worktree, turn, now());
      } catch (error) {
        if (!(error instanceof SnapshotRefusedError)) throw error;
        return { leftOut: [], held: undefined, problem: error.message };
      }
    },
    async before(lease, turn) {
      await withWorktree(lease, async (record, worktree) => {
        const commit: TurnCommit = { ...turn, authorKind: "outside" };
        const { commit: made } = await snapshot(record, worktree, commit, now());
        if (made !== undefined) log("worktree-edited", { session: turn.session, task: turn.task, commit: made });
      });
    },
    after: (lease, turn, atMs) =>
      withWorktree(lease, async (record, worktree) => {
        const commit: TurnCommit = { ...turn, authorKind: "agent" };
        try {
          return (await finish(record, worktree, commit)) ?? (await snapshot(record, worktree, commit, atMs));
        } catch (error) {
          if (!(error instanceof SnapshotRefusedError)) throw error;
          await worktrees.save({ ...record, pinned: [ALL], usedAtMs: now() });
          const tip = await worktrees.tip(record);
          const none = { ...NO_CHANGE, branch: record.branch, tip, parent: tip, commit: undefined, held: undefined };
          return { ...none, leftOut: [], problem: error.message };
        }
      }),
  };
}
