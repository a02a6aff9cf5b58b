import { join } from "node:path";
import type { Log, Surroundings } from "../../base/surroundings.ts";
import type { LiveConfig } from "../../config/live-config.ts";
import type { LivePolicy } from "../../config/live-policy.ts";
import { keptApart } from "../../dispatch/run/run-request.ts";
import { createMerger, type Merger } from "../../git/merge/merger.ts";
import { createGitMaintenance } from "../../git/objects/git-maintenance.ts";
import { authorFor, type IdentityOf, readIdentity } from "../../git/repository/committer-identity.ts";
import type { WorkspacePlace } from "../../git/repository/workspace-place.ts";
import { createTurnRefs } from "../../git/snapshots/turn-refs.ts";
import { type LinkedWorktrees, openLinkedWorktrees } from "../../git/worktrees/linked-worktrees.ts";
import type { SecretFinder } from "../../redact/keeper.ts";
import { createRunRetention } from "../../run/run-retention.ts";
import { createVerifyDriver, type VerifyDriverOptions } from "../../run/verify/verify-driver.ts";
import { createRunPlaces, type RunPlaces } from "../../run/workplace/run-places.ts";
import { createTurnRetention } from "../../run/workplace/turn-retention.ts";
import { type OpenedWorkplace, openWorkplace, type Workplace } from "../../run/workplace/workplace.ts";
import { createSessionBranches } from "../../run/workplace/worktrees/session-branches.ts";
import { type CommitEdits, createCommitEdits } from "../../run/workplace/worktrees/session-edits.ts";
import { createSessionMerges } from "../../run/workplace/worktrees/session-merges.ts";
import { createSessionSnapshots, type SessionSnapshots } from "../../run/workplace/worktrees/session-snapshots.ts";
import { createSessionWorktrees, type SessionWorktrees } from "../../run/workplace/worktrees/session-worktrees.ts";
import {
  createWorktreeKeeping,
  type WorktreeKeeping,
  type WorktreeKeepingDeps,
} from "../../run/workplace/worktrees/worktree-keeping.ts";
import { createWorktreeRemoval, type WorktreeRemovalDeps } from "../../run/workplace/worktrees/worktree-removal.ts";
import { createWorktreeSetup, type WorktreeSetup } from "../../run/workplace/worktrees/worktree-setup.ts";
import { homeName, type StatePaths } from "../../store/state-paths.ts";
import { openWorktreeRecords, type WorktreeRecords } from "../../store/worktrees/worktree-records.ts";
import type { Confinement } from "../../task/spec/sandbox-profile.ts";
import type { WorkplaceSetting } from "../../task/workplace/choose-workplace.ts";

export interface PlacesOptions {
  readonly place: WorkspacePlace;
  readonly paths: StatePaths;
  readonly config: Pick<LiveConfig, "current">;
  readonly policy: Pick<LivePolicy, "current">;
  /** How commands are run. */
  readonly commands: Omit<VerifyDriverOptions, "runsDir"> & { readonly keeper: SecretFinder };
  /** What holds for every run. */
  readonly confinement: () => Confinement;
  readonly surroundings: Surroundings;
  readonly log: Log;
  /** Who signs commits in a repository. */
  readonly identityOf: IdentityOf;
}

/** Whose work the commits of agents are, unless somebody says otherwise. */
const AGENT = "Codex";

/** What the worktrees of a workspace are kept with; of `setup`, what makes a new one ready. */
export interface WorktreeParts {
  readonly workTree: OpenedWorkplace;
  readonly records: WorktreeRecords;
  readonly trees: LinkedWorktrees;
  readonly worktrees: SessionWorktrees;
  readonly snapshots: SessionSnapshots;
  readonly keeping: WorktreeKeeping;
  readonly merger: Merger;
  readonly commitEdits: CommitEdits;
}

export interface WorktreePartsOptions
  extends Pick<WorktreeKeepingDeps, "settings" | "isIdle" | "surroundings" | "log"> {
  readonly place: WorkspacePlace;
  readonly paths: StatePaths;
  readonly allowed: () => readonly string[];
  readonly secretsIn: SecretFinder["placesIn"];
  readonly setup: WorktreeSetup;
  /** `readIdentity` unless given. */
  readonly identityOf?: IdentityOf;
}

/** Opens the worktrees of a workspace: one process at a time may, the one that holds its lock. @throws as `openWorkplace` */
export async function openWorktreeParts(options: WorktreePartsOptions): Promise<WorktreeParts> {
  const { place, paths, allowed, settings, surroundings, log, identityOf = readIdentity } = options;
  const home = homeName(paths.root);
  const records = openWorktreeRecords(paths.worktrees);
  const workTree = await openWorkplace({
    ...{ place, paths, log, allowed, secretsIn: options.secretsIn, identityOf, linked: () => worktrees.known() },
  });
  const { code, programs, ours } = workTree;
  const environment: WorktreeRemovalDeps["environment"] = (repository) => programs.forListing(repository);
  const trees = openLinkedWorktrees({
    ...{ repository: code, trashDir: paths.worktreeTrash, environment: () => environment(code) },
  });
  const shared = { code, trees, records, settings, surroundings, log, environment, isIdle: options.isIdle };
  const worktrees = createSessionWorktrees({
    ...{ ...shared, setup: options.setup, indexesDir: paths.worktreeIndexes, home },
    makeRoom: () => keeping.makeRoom(),
  });
  const committer = (): Promise<string> => identityOf(code);
  const merger = createMerger(code, join(paths.merging, "coordinator"));
  const taking = { ...shared, worktrees, ours, committer, snapshots: workTree.snapshots };
  const snapshots = createSessionSnapshots({
    ...{ ...taking, merges: createSessionMerges({ ...taking, merger }), refs: createTurnRefs(code) },
    author: authorFor(await committer()).replace(/^codex-inbox/, AGENT),
  });
  const removal = createWorktreeRemoval({ ...shared, worktrees, snapshots, ours, committer });
  const keeping = createWorktreeKeeping({ ...shared, worktrees, removal });
  const commitEdits = createCommitEdits({ home, trees, worktrees, records, snapshots });
  return { workTree, records, trees, worktrees, snapshots, keeping, merger, commitEdits };
}

/** Opens where runs work: the checkout, and the worktrees of sessions. @throws as `openWorkplace` */
export async function openPlaces(options: PlacesOptions): Promise<{
  readonly workTree: Workplace;
  readonly places: RunPlaces;
}> {
  const { place, paths, config, policy, commands, surroundings, log, identityOf } = options;
  let isIdle = (_session: string | undefined): boolean => false;
  const setup = createWorktreeSetup({
    driver: createVerifyDriver({ ...commands, runsDir: paths.worktreeSetups }),
    ...{ runsDir: paths.worktreeSetups, surroundings, log },
    confinement: (dir) => ({
      ...keptApart(options.confinement(), places.at(undefined).ground.apart(dir)),
      network: policy.current().network,
    }),
  });
  const { workTree, records, worktrees, snapshots, keeping, merger, commitEdits } = await openWorktreeParts({
    ...{ place, paths, surroundings, log, setup, identityOf, allowed: () => policy.current().workdirs },
    settings: () => ({ setup: undefined, ...config.current().worktree, dir: policy.current().worktreesDir }),
    ...{ isIdle: (session) => isIdle(session), secretsIn: commands.keeper.placesIn },
  });
  const { code, programs, root: workRoot, repositories } = workTree;
  const retention = createTurnRetention({
    ...{ repository: code, refs: createTurnRefs(code), now: surroundings.now },
    keepDays: () => config.current().keepChangesDays,
  });
  const { now } = surroundings;
  const runRetention = createRunRetention({ keptDir: paths.unknownRuns, settings: config.current, now, log });
  const maintenance = createGitMaintenance({
    ...{ commonDir: code.commonDir, now, log },
    ...{ everyMinutes: () => config.current().maintenanceMinutes, isQuiet: () => isIdle(undefined) },
  });
  const places = createRunPlaces({
    ...{ code, worktrees, snapshots, workRoot, repositories, commitEdits, tidy: keeping.tidy },
    ...{ homeDir: place.workspaceDir, stateDir: paths.root },
    branches: createSessionBranches({ code, records, merger, log, environment: () => programs.forListing(code) }),
    landing: { checkout: code, merger, programs, now: surroundings.now, home: homeName(paths.root) },
    keepBy(given) {
      isIdle = given;
      return tidyNowAndThen([keeping.tidy, retention, runRetention, maintenance], surroundings, log);
    },
  });
  if (!places.branches.isEmpty) await places.branches.refresh();
  return { workTree, places };
}

/** Returns where tasks work where neither they nor the settings say: beside code that lies elsewhere, each session for itself. */
export function defaultWorkplace(place: Pick<WorkspacePlace, "workRoot" | "workspaceDir">): WorkplaceSetting {
  return place.workRoot === place.workspaceDir ? "shared" : "session";
}

const TIDY_FIRST_MS = 5_000;
const TIDY_EVERY_MS = 60_000;

/** Beside everything else, and one at a time. */
function tidyNowAndThen(
  works: readonly (() => Promise<unknown>)[],
  { after }: Pick<Surroundings, "after">,
  log: Log,
): () => void {
  let isOver = false;
  const tidy = async (): Promise<void> => {
    for (const work of works)
      await work().catch((error: unknown) => log("worktrees-not-tidied", { reason: String(error) }));
  };
  const later = (ms: number): (() => void) =>
    after(ms, () => {
      void tidy().finally(() => {
        if (!isOver) cancel = later(TIDY_EVERY_MS);
      });
    });
  let cancel = later(TIDY_FIRST_MS);
  return () => {
    isOver = true;
    cancel();
  };
}
