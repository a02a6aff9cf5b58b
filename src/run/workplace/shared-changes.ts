import { createHash } from "node:crypto";
import { lstatSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { faultPoint } from "../../base/fault-point.ts";
import { realPathOf } from "../../base/files/real-path.ts";
import type { Log } from "../../base/surroundings.ts";
import type { IdentityOf } from "../../git/repository/committer-identity.ts";
import type { KnownRepositories, KnownRepository } from "../../git/repository/known-repositories.ts";
import type { SnapshotLimits } from "../../git/snapshots/candidates.ts";
import type { Snapshot, SnapshotRequest, Snapshots } from "../../git/snapshots/snapshot.ts";
import { createTurnRefs } from "../../git/snapshots/turn-refs.ts";
import { turnMessage } from "../../task/records/turn-message.ts";
import type { ChangedFile, RunChange, RunStart } from "../../task/state/run.ts";
import type { ChangingRun, EndedRun, RunChanges } from "./run-changes.ts";

export interface SharedChangesOptions {
  readonly repositories: KnownRepositories;
  readonly snapshots: Snapshots;
  /** Who signs commits in a repository. */
  readonly identityOf: IdentityOf;
  /** Absolute; what the workdir of a task is from. */
  readonly root: string;
  /** Folder for indexes of our own (absolute; made when missing). */
  readonly indexDir: string;
  /** The work tree that also holds files of ours, and the paths of these from its top. */
  readonly home: { readonly topDir: string; readonly ours: readonly string[] };
  readonly limits: SnapshotLimits;
  readonly now: () => number;
  readonly log: Log;
}

/** Of what is left out before a run, so many files are remembered; and of what is left out after it, so many are named. */
const LEFT_OUT_MAX = 1_000;
const LEFT_OUT_NAMED_MAX = 20;
const NOTHING = {
  ...{ branch: null, commit: null, parent: null, tip: null, insertions: 0, deletions: 0, leftOut: [], held: null },
} as const satisfies RunChange;

export function createSharedChanges(options: SharedChangesOptions): RunChanges {
  const { repositories, snapshots, identityOf, root, indexDir, home, limits, now, log } = options;

  /** What both snapshots of a run have in common. */
  const requestIn = async (repository: KnownRepository): Promise<CommonRequest> => {
    const name = createHash("sha256").update(repository.topDir).digest("hex").slice(0, 16);
    return {
      ...{ repository, indexPath: join(indexDir, `${name}.index`), limits, committer: await identityOf(repository) },
      ours: repository.topDir === home.topDir ? home.ours : [],
    };
  };

  const takeBefore = async (run: ChangingRun): Promise<RunStart> => {
    const repository = repositoryAt(repositories, realPathOf(nearestFolder(resolve(root, run.workdir))));
    const common = await requestIn(repository);
    const head = await snapshots.head(repository);
    const take = (atMs: number): Promise<Snapshot> =>
      snapshots.take({
        ...{ ...common, author: common.committer, atMs, message: turnMessage({ ...run, authorKind: "outside" }) },
        ...{ parents: head === undefined ? [] : [head], rulesFrom: undefined, secrets: "leave-out" },
      });
    let snapshot = await take(now());
    if (snapshot.kind === "taken") {
      const refs = createTurnRefs(repository);
      // A coordinator that was killed had begun this run before: the same edits are the same commit.
      const earlier = await refs.find(run.task, run.run);
      if (earlier !== undefined) snapshot = await take(earlier.atMs);
      if (snapshot.kind === "taken") await refs.keepTurn(run.task, run.run, snapshot.commit, earlier?.commit);
      faultPoint("turn:before-kept");
    }
    const outside = snapshot.kind === "taken" ? snapshot.commit : null;
    const leftOut = snapshot.leftOut.slice(0, LEFT_OUT_MAX).map(({ path, stamp }) => ({ path, stamp }));
    return { topDir: repository.topDir, commit: outside ?? head ?? null, outside, leftOut };
  };

  const takeAfter = async (
    run: EndedRun,
    { topDir, commit: parent, outside, leftOut }: RunStart,
  ): Promise<Recorded> => {
    const repository = repositoryAt(repositories, topDir);
    const common = await requestIn(repository);
    const snapshot = await snapshots.take({
      ...{ ...common, author: agentAt(common.committer), atMs: run.endedAtMs },
      ...{ parents: parent === null ? [] : [parent], rulesFrom: parent ?? undefined, hiddenSinceMs: run.startedAtMs },
      ...{ leftOutBefore: leftOut, message: turnMessage({ ...run, authorKind: "agent" }), secrets: "take" },
    });
    const named = snapshot.leftOut.slice(0, LEFT_OUT_NAMED_MAX).map(({ path, bytes, why }) => ({ path, bytes, why }));
    const change = { ...NOTHING, parent, leftOut: named, ...(outside === null ? {} : { outside }) };
    const refs = createTurnRefs(repository);
    const isUnchanged = snapshot.kind === "unchanged";
    const earlier = isUnchanged && outside === null ? undefined : await refs.find(run.task, run.run);
    const dropEarlier = (): Promise<void> => refs.drop(earlier === undefined ? [] : [earlier]);
    if (isUnchanged) {
      await dropEarlier(); // What was edited before is compared with nothing.
      return { change, files: [] };
    }
    const { commit, files, secrets } = snapshot;
    const lines = {
      insertions: files.reduce((sum, { addedLines = 0 }) => sum + addedLines, 0),
      deletions: files.reduce((sum, { deletedLines = 0 }) => sum + deletedLines, 0),
    };
    const changed = files.map((file) => ({
      ...{ path: file.path, change: file.change },
      ...by(run, topDir, file.path),
    }));
    if (secrets.length === 0) {
      await refs.keepTurn(run.task, run.run, commit, earlier?.commit);
      faultPoint("turn:kept");
      return { change: { ...change, ...lines, commit }, files: changed };
    }
    const ref = await refs.hold(`${run.task}-${run.run}`, commit);
    await dropEarlier();
    log("change-held", { task: run.task, session: run.session, run: run.run, ref, files: secrets.length });
    const paths = secrets.slice(0, LEFT_OUT_NAMED_MAX).map(({ path }) => path);
    return { change: { ...change, ...lines, held: { ref, commit, paths } }, files: changed };
  };

  const problemOf = ({ task, session, run }: ChangingRun, error: unknown): string => {
    const problem = error instanceof Error ? error.message : String(error);
    log("change-not-recorded", { task, session, run, reason: problem });
    return problem;
  };

  return {
    async before(run) {
      try {
        return await takeBefore(run);
      } catch (error) {
        return { topDir: "", commit: null, outside: null, leftOut: [], problem: problemOf(run, error) };
      }
    },
    async after(run, start) {
      let { problem } = start;
      try {
        if (problem === undefined) return await takeAfter(run, start);
      } catch (error) {
        problem = problemOf(run, error);
      }
      return { change: { ...NOTHING, problem }, files: patchedFiles(run, realPathOf(root)) };
    },
  };
}

type CommonRequest = Pick<SnapshotRequest, "repository" | "indexPath" | "limits" | "committer" | "ours">;
type Recorded = Awaited<ReturnType<RunChanges["after"]>>;

/** @throws Error where `dir` (absolute, links resolved) lies in no repository that git may be run in */
function repositoryAt(repositories: KnownRepositories, dir: string): KnownRepository {
  const ground = repositories.groundOf(dir);
  if (ground.kind === "repository") return ground.repository;
  const why = ground.kind === "foreign" ? `${ground.path} makes it a repository that is not known` : "no repository";
  throw new Error(`${dir}: ${why}`);
}

/** An agent signs with the address of the user whose machine it works on: nobody else's may be used. */
function agentAt(identity: string): string {
  return `Codex ${identity.slice(identity.lastIndexOf("<"))}`;
}

function by({ patches }: EndedRun, topDir: string, path: string): Pick<ChangedFile, "by"> {
  return { by: patches.get(join(topDir, path)) === "written" ? "patch" : "other" };
}

/** Where nothing was recorded, the run's own patches say what they wrote. */
function patchedFiles({ patches }: EndedRun, dir: string): readonly ChangedFile[] {
  return Array.from(patches).flatMap(([path, outcome]) =>
    outcome === "written" && path.startsWith(`${dir}/`)
      ? [{ path: path.slice(dir.length + 1), change: "modified", by: "patch" as const }]
      : [],
  );
}

/** The folder may not be there. */
function nearestFolder(dir: string): string {
  for (let place = dir; place !== dirname(place); place = dirname(place)) {
    if (lstatSync(place, { throwIfNoEntry: false })?.isDirectory() === true) return place;
  }
  return "/";
}
