import type { Log, Surroundings } from "../../base/surroundings.ts";
import type { LiveConfig } from "../../config/live-config.ts";
import type { LivePolicy } from "../../config/live-policy.ts";
import { keptApart } from "../../dispatch/run/run-request.ts";
import { createMerger } from "../../git/merge/merger.ts";
import { authorFor, readIdentity } from "../../git/repository/committer-identity.ts";
import type { WorkspacePlace } from "../../git/repository/workspace-place.ts";
import { createTurnRefs } from "../../git/snapshots/turn-refs.ts";
import { openLinkedWorktrees } from "../../git/worktrees/linked-worktrees.ts";
import type { SecretFinder } from "../../redact/keeper.ts";
import { createVerifyDriver, type VerifyDriverOptions } from "../../run/verify/verify-driver.ts";
import { createRunPlaces, type RunPlaces } from "../../run/workplace/run-places.ts";
import { openWorkplace, type Workplace } from "../../run/workplace/workplace.ts";
import { createSessionBranches } from "../../run/workplace/worktrees/session-branches.ts";
import { createSessionSnapshots } from "../../run/workplace/worktrees/session-snapshots.ts";
import { createSessionWorktrees } from "../../run/workplace/worktrees/session-worktrees.ts";
import { createWorktreeKeeping, type WorktreeKeeping } from "../../run/workplace/worktrees/worktree-keeping.ts";
import { createWorktreeRemoval } from "../../run/workplace/worktrees/worktree-removal.ts";
import type { WorktreeSettings } from "../../run/workplace/worktrees/worktree-settings.ts";
import { createWorktreeSetup } from "../../run/workplace/worktrees/worktree-setup.ts";
import type { StatePaths } from "../../store/state-paths.ts";
import { openWorktreeRecords } from "../../store/worktrees/worktree-records.ts";
import type { Confinement } from "../../task/spec/sandbox-profile.ts";

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
}

/** Whose work the commits of agents are, unless somebody says otherwise. */
const AGENT = "Codex";

/** Opens where runs work: the checkout, and the worktrees of sessions. @throws as `openWorkplace` */
export async function openPlaces(options: PlacesOptions): Promise<{
  readonly workTree: Workplace;
  readonly places: RunPlaces;
}> {
  const { place, paths, config, policy, commands, surroundings, log } = options;
  const settings = (): WorktreeSettings => ({ setup: undefined, ...config.current().worktree, dir: undefined });
  const records = openWorktreeRecords(paths.worktrees);
  const workTree = await openWorkplace({
    ...{ place, paths, log, allowed: () => policy.current().workdirs, linked: () => worktrees.known() },
    secretsIn: commands.keeper.placesIn,
  });
  const { code, programs, root: workRoot, repositories, ours } = workTree;
  const trees = openLinkedWorktrees({
    ...{ repository: code, trashDir: paths.worktreeTrash },
    environment: () => programs.forListing(code),
  });
  const setup = createWorktreeSetup({
    driver: createVerifyDriver({ ...commands, runsDir: paths.worktreeSetups }),
    ...{ runsDir: paths.worktreeSetups, surroundings, log },
    confinement: (dir) => ({
      ...keptApart(options.confinement(), places.at(undefined).ground.apart(dir)),
      network: policy.current().network,
    }),
  });
  const worktrees = createSessionWorktrees({
    ...{ code, trees, records, setup, settings, surroundings, log, indexesDir: paths.worktreeIndexes },
    makeRoom: () => keeping.makeRoom(),
  });
  const committer = await readIdentity(code);
  const snapshots = createSessionSnapshots({
    ...{ code, worktrees, records, ours, surroundings, log, refs: createTurnRefs(code) },
    snapshots: workTree.snapshots,
    author: authorFor(committer).replace(/^codex-inbox/, AGENT),
    committer: () => readIdentity(code),
    environment: (repository) => programs.forListing(repository),
  });
  const merger = createMerger(code, paths.merging);
  const shared = { code, trees, worktrees, records, surroundings, log };
  const removal = createWorktreeRemoval({
    ...{ ...shared, snapshots, committer: () => readIdentity(code) },
    environment: (repository) => programs.forListing(repository),
  });
  let isIdle = (_session: string): boolean => false;
  const keeping = createWorktreeKeeping({ ...shared, removal, settings, isIdle: (session) => isIdle(session) });
  const places = createRunPlaces({
    ...{ code, worktrees, snapshots, workRoot, repositories, tidy: keeping.tidy },
    branches: createSessionBranches({ code, records, merger, log, environment: () => programs.forListing(code) }),
    landing: { checkout: code, merger, programs, now: surroundings.now },
    keepBy(given) {
      isIdle = given;
      return tidyNowAndThen(keeping, surroundings, log);
    },
    ...{ homeDir: place.workspaceDir, stateDir: paths.root },
  });
  await places.branches.refresh();
  return { workTree, places };
}

const TIDY_FIRST_MS = 5_000;
const TIDY_EVERY_MS = 60_000;

/** Beside everything else, and one at a time. */
function tidyNowAndThen(keeping: WorktreeKeeping, { after }: Pick<Surroundings, "after">, log: Log): () => void {
  let isOver = false;
  const later = (ms: number): (() => void) =>
    after(ms, () => {
      keeping
        .tidy()
        .catch((error: unknown) => log("worktrees-not-tidied", { reason: String(error) }))
        .finally(() => {
          if (!isOver) cancel = later(TIDY_EVERY_MS);
        });
    });
  let cancel = later(TIDY_FIRST_MS);
  return () => {
    isOver = true;
    cancel();
  };
}
