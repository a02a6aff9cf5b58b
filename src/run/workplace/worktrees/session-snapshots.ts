import { CoordinatorError } from "../../../base/errors.ts";
import { faultPoint } from "../../../base/fault-point.ts";
import type { Log, Surroundings } from "../../../base/surroundings.ts";
import type { KnownRepository } from "../../../git/repository/known-repositories.ts";
import { type LeftOut, SnapshotRefusedError } from "../../../git/snapshots/candidates.ts";
import type { Snapshot, Snapshots } from "../../../git/snapshots/snapshot.ts";
import type { FileChange } from "../../../git/snapshots/tree-changes.ts";
import { TURNS, type TurnRefs } from "../../../git/snapshots/turn-refs.ts";
import {
  type CommitChange,
  changeBetween,
  commitAt,
  followCommit,
  moveRef,
  refAt,
} from "../../../git/worktrees/session-branch.ts";
import { describeOperation } from "../../../git/worktrees/worktree-list.ts";
import type { WorktreeRecord, WorktreeRecords } from "../../../store/worktrees/worktree-records.ts";
import { type TurnCommit, turnMessage } from "../../../task/records/turn-message.ts";
import type { MergeToSettle } from "../../../task/workplace/merge-note.ts";
import { followMovedBranch } from "./moved-branch.ts";
import type { SessionMerges } from "./session-merges.ts";
import type { SessionWorktrees, WorktreeLease } from "./session-worktrees.ts";
import { keepStaged } from "./staged-content.ts";
import type { WorktreeChange } from "./worktree-change.ts";
import { SNAPSHOT_LIMITS } from "./worktree-settings.ts";

export interface SessionSnapshotsDeps {
  readonly code: KnownRepository;
  readonly worktrees: SessionWorktrees;
  readonly records: Pick<WorktreeRecords, "get">;
  readonly snapshots: Snapshots;
  readonly refs: TurnRefs;
  readonly merges: SessionMerges;
  /** Paths from the top that are the coordinator's own. */
  readonly ours: readonly string[];
  /** "Name <address>": of the agent's commits, and who makes them. */
  readonly author: string;
  readonly committer: () => Promise<string>;
  readonly environment: (repository: KnownRepository) => Promise<Readonly<Record<string, string>>>;
  readonly surroundings: Pick<Surroundings, "now">;
  readonly log: Log;
}

/** The commits of a session's branch: one for each run that changed something, made by us, so that an agent needs no way to git. */
export interface SessionSnapshots {
  /**
   * Commits what somebody has edited in a worktree since its last run, marked so. A merge of another task is taken back first.
   *
   * @throws CoordinatorError `TASK_FILE` where somebody is in the middle of a merge, rebase, … there, or has moved its branch to what does
   * not go together with what is edited
   */
  before(lease: WorktreeLease, turn: Omit<TurnCommit, "authorKind">): Promise<void>;
  /** The same for a worktree that nobody may use meanwhile; where it cannot be, `problem` says why. */
  outside(
    record: WorktreeRecord,
    worktree: KnownRepository,
  ): Promise<Pick<WorktreeChange, "commit" | "leftOut" | "held" | "problem">>;
  /**
   * Commits what a run has changed, on its session's branch; made again after a crash, it finds what was made. `undefined` where the
   * worktree is gone.
   *
   * @param atMs when the run ended, as it is on record: the same input gives the same commit
   * @param isDone whether it has done its work (unless given: it has): only then a merge is settled by it
   */
  after(
    lease: WorktreeLease,
    turn: Omit<TurnCommit, "authorKind">,
    atMs: number,
    isDone?: boolean,
  ): Promise<WorktreeChange | undefined>;
  /** Merges what is checked out into the worktree for a task to settle. As `SessionMerges.begin`. */
  merge(lease: WorktreeLease, task: string): Promise<MergeToSettle | undefined>;
}

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
  const { code, worktrees, records, merges, log } = deps;
  const { now } = deps.surroundings;

  /** By worktree: what was left out when its run began. */
  const leftBefore = new Map<string, readonly LeftOut[]>();

  const settle = async (worktree: KnownRepository, commit: string, files?: readonly FileChange[]): Promise<void> => {
    const changed = files?.flatMap(({ path, change }) => (change === "deleted" ? [] : [path]));
    const isDone = await followCommit(worktree, commit, await deps.environment(worktree), changed);
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
      ...{ parents: turn.merges === undefined ? [parent] : [parent, turn.merges], rulesFrom: record.base },
      oursFrom: turn.merges, // No agent has changed them: they are as the merged commit has them.
      ...{ message: turnMessage(turn), atMs },
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
    isDone: boolean,
  ): Promise<WorktreeChange> => {
    const { slug, branch } = record;
    for (let attempt = 1; ; attempt += 1) {
      const parent = await worktrees.tip(record);
      const apart = await followMovedBranch(record, worktree, parent, await deps.environment(worktree));
      const taken = await take(record, worktree, parent, turn, atMs);
      const { leftOut } = taken;
      const own = taken.kind === "taken" ? taken.commit : undefined;
      await note(record, leftOut, undefined, own);
      const none = { ...NO_CHANGE, branch, tip: parent, parent, commit: undefined, leftOut, held: undefined };
      if (taken.kind === "unchanged") return none; // Also where the branch is at what a kill has kept the index from following.
      if (apart !== undefined) throw apart;
      const { commit } = taken;
      const paths = taken.secrets.map(({ path }) => path);
      const secrets = turn.merges === undefined ? paths : await merges.ownOf(paths, commit, turn.merges);
      if (secrets.length > 0) {
        const ref = await deps.refs.hold(slug, commit);
        log("worktree-held", { session: record.session, ref, commit });
        const change = await changeOf(turn, parent, commit, taken.files);
        const unsettled =
          turn.merges === undefined ? {} : { unsettled: `what looks like a secret is in ${secrets[0]}` };
        return { ...none, ...change, ...unsettled, held: { ref, commit, paths: secrets } };
      }
      faultPoint("worktree:snapshot-made");
      if (turn.authorKind === "agent" && turn.task !== undefined) await keepTurn(turn, turn.task, commit);
      faultPoint("worktree:turn-kept");
      const unsettled = turn.merges === undefined ? undefined : await merges.unsettled(record, commit, parent, isDone);
      if (unsettled !== undefined)
        return { ...none, ...(await changeOf(turn, parent, commit, taken.files)), commit, unsettled };
      if (turn.authorKind === "outside") await keepStaged(deps, record, worktree, { parent, kept: taken.tree, atMs });
      if (await moveRef(code, `refs/heads/${branch}`, commit, parent)) {
        faultPoint("worktree:branch-moved");
        return { ...(await moved(record, worktree, turn, commit, parent, taken.files)), leftOut };
      }
      if (attempt >= TRIES_MAX) throw new Error(`${branch} was moved by somebody else again and again`);
    }
  };

  /** Nothing is there, but where a run is recorded once more: on top of what somebody has committed meanwhile. */
  const keepTurn = async (turn: TurnCommit, task: string, commit: string): Promise<unknown> => {
    const { refs } = deps;
    return refs.keepTurn(task, turn.run, commit).catch(async (error: unknown) => {
      const before = await refAt(code, turnRef(turn));
      if (before === undefined) throw error;
      return refs.keepTurn(task, turn.run, commit, before);
    });
  };

  /** The branch is at a run's commit: the rest follows. @param files what it changes, where that was read already */
  const moved = async (
    record: WorktreeRecord,
    worktree: KnownRepository,
    turn: TurnCommit,
    commit: string,
    parent: string,
    files?: readonly FileChange[],
  ): Promise<WorktreeChange> => {
    await settle(worktree, commit, turn.merges === undefined ? files : undefined);
    const change = await changeOf(turn, parent, commit, files);
    await note(record, undefined, { head: commit, change });
    return { ...change, branch: record.branch, tip: commit, parent, commit, leftOut: [], held: undefined };
  };

  const changeOf = async (
    { merges: merged }: TurnCommit,
    parent: string,
    commit: string,
    files?: readonly FileChange[],
  ): Promise<CommitChange & Pick<WorktreeChange, "merged">> => {
    const change = await changeBetween(code, parent, commit, merged, files);
    return merged === undefined ? change : { ...change, merged };
  };

  /**
   * @param made a commit for the branch, which is not there yet
   * @param moved the branch is there now: a merge, where one was under way, is settled
   */
  const note = async (
    { slug }: WorktreeRecord,
    leftOut: readonly LeftOut[] | undefined,
    moved: { readonly head: string; readonly change: CommitChange } | undefined,
    made?: string,
  ): Promise<void> => {
    const record = records.get(slug);
    if (record === undefined) return;
    const pinned = leftOut?.map(({ path }) => path) ?? record.pinned;
    const paths = moved?.change.files.map(({ path }) => path) ?? [];
    const changed = [...new Set([...paths, ...record.changed])].slice(0, CHANGED_MAX);
    const merging = moved === undefined ? record.merging : undefined;
    const head = moved?.head ?? record.head;
    const last = made ?? record.made;
    await worktrees.save({ ...record, pinned, changed, head, merging, made: last, usedAtMs: now() });
  };

  /** What a coordinator that was killed has made of this run, finished; `undefined` where it has made nothing. */
  const finish = async (
    record: WorktreeRecord,
    worktree: KnownRepository,
    turn: TurnCommit,
    isDone: boolean,
  ): Promise<WorktreeChange | undefined> => {
    const commit = await refAt(code, turnRef(turn));
    const parent = commit === undefined ? undefined : await commitAt(code, `${commit}^`);
    if (commit === undefined || parent === undefined) return undefined;
    const branch = `refs/heads/${record.branch}`;
    const tip = await worktrees.tip(record);
    const isOver = tip === commit || (await merges.unsettled(record, commit, parent, isDone)) === undefined;
    // Where somebody has moved the branch meanwhile, the run's change is taken anew, on top of that.
    if (!isOver || (tip !== commit && (tip !== parent || !(await moveRef(code, branch, commit, parent)))))
      return undefined;
    const merged = await commitAt(code, `${commit}^2`);
    return moved(record, worktree, { ...turn, merges: merged }, commit, parent);
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
    async outside({ slug, session }, worktree) {
      const turn = { session, title: "", task: undefined, run: 0, thread: undefined, authorKind: "outside" } as const;
      const record = records.get(slug);
      if (record === undefined) return { commit: undefined, leftOut: [], held: undefined };
      try {
        return await snapshot(await merges.takeBack(record, worktree), worktree, turn, now(), true);
      } catch (error) {
        if (!(error instanceof SnapshotRefusedError)) throw error;
        return { commit: undefined, leftOut: [], held: undefined, problem: error.message };
      }
    },
    async before(lease, turn) {
      await withWorktree(lease, async (found, worktree) => {
        const operation = describeOperation(worktree.gitDir);
        // A commit of ours would be half of somebody's merge, with marks of conflicts in it.
        if (operation !== undefined)
          throw new CoordinatorError("TASK_FILE", `in the worktree ${found.dir} ${operation}: finish it, or abort it`);
        if (found.merging?.isReady === true && found.merging.task === turn.task) return; // It goes on with what lies there.
        const record = await merges.takeBack(found, worktree);
        const commit: TurnCommit = { ...turn, authorKind: "outside" };
        const { commit: made } = await snapshot(record, worktree, commit, now(), true);
        if (made !== undefined) log("worktree-edited", { session: turn.session, task: turn.task, commit: made });
      });
    },
    merge: (lease, task) => withWorktree(lease, (record, worktree) => merges.begin(record, worktree, task)),
    after: (lease, turn, atMs, isDone = true) =>
      withWorktree(lease, async (record, worktree) => {
        const { merging } = record;
        const isMerge = merging?.isReady === true && merging.task === turn.task;
        const commit: TurnCommit = { ...turn, authorKind: "agent", ...(isMerge ? { merges: merging.target } : {}) };
        try {
          const found = await finish(record, worktree, commit, isDone);
          return found ?? (await snapshot(record, worktree, commit, atMs, isDone));
        } catch (error) {
          if (!(error instanceof SnapshotRefusedError)) throw error;
          await worktrees.save({ ...record, pinned: [ALL], usedAtMs: now() });
          const tip = await worktrees.tip(record);
          const none = { ...NO_CHANGE, branch: record.branch, tip, parent: tip, commit: undefined, held: undefined };
          const unsettled = isMerge ? { unsettled: error.message } : {};
          return { ...none, ...unsettled, leftOut: [], problem: error.message };
        }
      }),
  };
}
