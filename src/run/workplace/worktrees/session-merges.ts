import { faultPoint } from "../../../base/fault-point.ts";
import type { Log, Surroundings } from "../../../base/surroundings.ts";
import { checkOutTree, filesWithMarks } from "../../../git/merge/checked-out-merge.ts";
import type { Merger } from "../../../git/merge/merger.ts";
import type { KnownRepository } from "../../../git/repository/known-repositories.ts";
import type { Snapshots } from "../../../git/snapshots/snapshot.ts";
import {
  changeBetween,
  checkedOutBranch,
  commitAt,
  followCommit,
  isAncestor,
  keepSalvage,
} from "../../../git/worktrees/session-branch.ts";
import type { MergeUnderWay, WorktreeRecord } from "../../../store/worktrees/worktree-records.ts";
import { isBelow } from "../../../task/rights/rights.ts";
import { oneLine } from "../../../task/text/one-line.ts";
import type { MergeToSettle } from "../../../task/workplace/merge-note.ts";
import type { SessionWorktrees } from "./session-worktrees.ts";
import { SNAPSHOT_LIMITS } from "./worktree-settings.ts";

export interface SessionMergesDeps {
  readonly code: KnownRepository;
  readonly merger: Pick<Merger, "merge">;
  readonly worktrees: Pick<SessionWorktrees, "tip" | "save" | "indexPath">;
  readonly snapshots: Snapshots;
  /** Paths from the top that are the coordinator's own. */
  readonly ours: readonly string[];
  readonly committer: () => Promise<string>;
  readonly environment: (repository: KnownRepository) => Promise<Readonly<Record<string, string>>>;
  readonly surroundings: Pick<Surroundings, "now">;
  readonly log: Log;
}

/**
 * What is checked out, merged into the worktree of a session for one of its tasks to settle. The agent edits files and nothing else: the
 * merge is made in memory and put into the worktree, marks of conflicts included, and the commit of the run has two parents. Until then
 * the branch stays, and the merge is on record. To be called while nothing else happens to the worktree.
 */
export interface SessionMerges {
  /** Begins the merge, or goes on with the one of the same task; `undefined` where the branch holds all of it. @throws GitError */
  begin(record: WorktreeRecord, worktree: KnownRepository, task: string): Promise<MergeToSettle | undefined>;
  /**
   * Returns why the commit of a run does not settle the merge that is under way, or `undefined`.
   *
   * @param parent its first
   * @param isDone whether the run has done its work
   */
  unsettled(record: WorktreeRecord, commit: string, parent: string, isDone: boolean): Promise<string | undefined>;
  /** Returns which of `paths` a commit has otherwise than the commit that it merges: what that has was committed by its own author. */
  ownOf(paths: readonly string[], commit: string, merged: string): Promise<readonly string[]>;
  /** Puts the worktree back to its branch, where a merge is under way; what lies there is kept on a ref first. @throws GitError */
  takeBack(record: WorktreeRecord, worktree: KnownRepository): Promise<WorktreeRecord>;
}

const NAMED_MAX = 5;
const ID_SHOWN = 12;
const SUBJECT_KEY_MAX = 40;

export function createSessionMerges(deps: SessionMergesDeps): SessionMerges {
  const { code, merger, worktrees, log } = deps;

  const view = async ({ name, target, tree, conflicts }: MergeUnderWay): Promise<MergeToSettle> => {
    const marked = new Set(await filesWithMarks(code, tree, conflicts, []));
    return { name, target, marked: [...marked], unmarked: conflicts.filter((path) => !marked.has(path)) };
  };

  return {
    async begin(record, worktree, task) {
      if (record.merging?.task === task && record.merging.isReady) return view(record.merging);
      const target = await commitAt(code, "HEAD");
      const tip = await worktrees.tip(record);
      if (target === undefined || (await isAncestor(code, target, tip))) return undefined;
      const { tree, conflicts } = await merger.merge(tip, target, target);
      const name = checkedOutBranch(code) ?? target.slice(0, ID_SHOWN);
      const merging: MergeUnderWay = { task, target, name, tree, conflicts, isReady: false };
      await worktrees.save({ ...record, merging });
      faultPoint("worktree:merge-wanted");
      await checkOutTree(worktree, tip, tree, await deps.environment(worktree));
      faultPoint("worktree:merged");
      await worktrees.save({ ...record, merging: { ...merging, isReady: true } });
      log("merge-begun", { task, session: record.session, target, conflicts: conflicts.length });
      return view(merging);
    },
    async ownOf(paths, commit, merged) {
      if (paths.length === 0) return [];
      const own = new Set((await changeBetween(code, merged, commit)).files.map(({ path }) => path));
      return paths.filter((path) => own.has(path));
    },
    async unsettled({ merging }, commit, parent, isDone) {
      if (merging === undefined) return undefined;
      const { conflicts, target } = merging;
      const left = await filesWithMarks(code, commit, conflicts, [parent, target]);
      const more = left.length > NAMED_MAX ? ` and ${left.length - NAMED_MAX} more` : "";
      if (left.length > 0) return `marks of conflicts are left in ${left.slice(0, NAMED_MAX).join(", ")}${more}`;
      return isDone ? undefined : "the turn has not come to its end";
    },
    async takeBack(record, worktree) {
      const { merging, slug, session } = record;
      if (merging === undefined) return record;
      const tip = await worktrees.tip(record);
      const identity = await deps.committer();
      const subject = `${oneLine(session, SUBJECT_KEY_MAX)}: a merge that was not settled`;
      const taken = await deps.snapshots.take({
        ...{ repository: worktree, indexPath: worktrees.indexPath(slug), ours: deps.ours, limits: SNAPSHOT_LIMITS },
        ...{ parents: [tip, merging.target], oursFrom: merging.target, rulesFrom: record.base },
        ...{ secrets: "take", atMs: deps.surroundings.now() },
        ...{ author: identity, committer: identity, message: `${subject}\n\nSession-Key: ${oneLine(session, 400)}\n` },
      });
      if (taken.kind === "unchanged") throw new Error("a commit with two parents was to be made");
      // Where nobody has done anything there, the merge can be made again from its two sides.
      const isOurs = (path: string): boolean => deps.ours.some((own) => isBelow(own, path));
      const isBare = taken.tree === merging.tree || taken.files.every(({ path }) => isOurs(path));
      const kept = isBare ? undefined : await keepSalvage(code, slug, taken.commit);
      const environment = await deps.environment(worktree);
      if (!(await followCommit(worktree, taken.commit, environment)))
        throw new Error(`the index of ${worktree.topDir} is in use by another git`);
      await checkOutTree(worktree, taken.commit, tip, environment);
      log("merge-taken-back", { session, task: merging.task, ref: kept });
      return worktrees.save({ ...record, merging: undefined });
    },
  };
}
