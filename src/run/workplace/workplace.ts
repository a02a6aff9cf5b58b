import { relative } from "node:path";
import type { Log } from "../../base/surroundings.ts";
import { type CodeRepositories, openCodeRepositories } from "../../git/repository/code-repositories.ts";
import type { IdentityOf } from "../../git/repository/committer-identity.ts";
import type { KnownRepositories, KnownRepository } from "../../git/repository/known-repositories.ts";
import type { WorkspacePlace } from "../../git/repository/workspace-place.ts";
import type { SecretsIn } from "../../git/snapshots/new-secrets.ts";
import { createSnapshots, type Snapshots } from "../../git/snapshots/snapshot.ts";
import type { StatePaths } from "../../store/state-paths.ts";
import { ARCHIVE, INBOX, LEDGER, ROTATED_LEDGERS, SESSIONS } from "../../task/records/workspace-paths.ts";
import type { RunChanges } from "./run-changes.ts";
import { createSharedChanges } from "./shared-changes.ts";

/** What the agents work in: the tree, the repositories there, and what changed in it. */
export interface Workplace {
  /** Absolute root that a task's `workdir` is relative to and may not leave. */
  readonly root: string;
  readonly repositories: KnownRepositories;
  /** Records what runs change in the checkout. */
  readonly changes: RunChanges;
  /** Returns the variables that keep the git which codex starts in `workdir` (absolute, links resolved) in the repository known there. */
  gitEnvironment(workdir: string): Readonly<Record<string, string>>;
}

export interface WorkplaceOptions {
  readonly place: WorkspacePlace;
  readonly paths: StatePaths;
  /** Absolute paths that the policy allows; the same list until it changes. */
  readonly allowed: () => readonly string[];
  readonly secretsIn: SecretsIn;
  readonly identityOf: IdentityOf;
  readonly log: Log;
  /** Worktrees of our own that runs may work in; the same list until it changes. */
  readonly linked?: () => readonly KnownRepository[];
}

/** An opened workplace, and how git is run in the repository of the code. */
export interface OpenedWorkplace extends Workplace, Pick<CodeRepositories, "code" | "programs"> {
  /** The coordinator's own paths, from the top of a work tree that holds them. */
  readonly ours: readonly string[];
  readonly snapshots: Snapshots;
}

/** The bounds of what is recorded of one run's changes. */
const LIMITS = { fileBytesMax: 10 * 1024 * 1024, totalBytesMax: 200 * 1024 * 1024, filesMax: 20_000 } as const;

/**
 * Opens the working tree of the agents. It may be the checkout that holds our own files: these are left out of what they changed.
 *
 * @throws CoordinatorError `NOT_FOUND` where the code's checkout is gone; `CONFIG` where its configuration lies where agents may write
 */
export async function openWorkplace(options: WorkplaceOptions): Promise<OpenedWorkplace> {
  const { place, paths, allowed, secretsIn, identityOf, log, linked } = options;
  const { code, repositories, programs, gitEnvironment } = await openCodeRepositories(place, allowed, linked);
  const prefix = relative(place.topDir, place.workspaceDir);
  const ours = [INBOX, SESSIONS, ARCHIVE, LEDGER, ROTATED_LEDGERS].map((path) =>
    prefix === "" ? path : `${prefix}/${path}`,
  );
  const snapshots = createSnapshots({ programs, secretsIn });
  return {
    ...{ code, programs, snapshots },
    // On a branch of its own the workspace is no part of the code.
    ours: code.topDir === place.topDir ? ours : [],
    root: place.workRoot,
    repositories,
    gitEnvironment,
    changes: createSharedChanges({
      ...{
        repositories,
        snapshots,
        identityOf,
        log,
        limits: LIMITS,
        now: Date.now,
        root: place.workRoot,
        indexDir: paths.codeIndex,
      },
      home: { topDir: place.topDir, ours },
    }),
  };
}
