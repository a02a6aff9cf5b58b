import { join, relative } from "node:path";
import type { Branch } from "../git/branch.ts";
import type { WorkspacePlace } from "../git/repository/workspace-place.ts";
import { openSyncLink } from "../git/sync/sync-round.ts";
import type { BranchSyncDeps } from "../publish/branch-sync.ts";
import type { StatePaths } from "../store/state-paths.ts";

/** Returns what opens the link between the served branch and a remote of the repository's configuration. */
export function syncOpener(
  place: WorkspacePlace,
  paths: Pick<StatePaths, "merging">,
  { branch, branchName, sessions }: SyncOpenerOptions,
): BranchSyncDeps["open"] {
  const { topDir, gitDir, commonDir, workspaceDir } = place;
  const below = relative(topDir, workspaceDir);
  return (remote, remoteBranch, hooks) =>
    openSyncLink({
      ...{ repository: { topDir, gitDir, commonDir }, branch, localBranch: branchName, remote, remoteBranch },
      ...{ prefix: below === "" ? "" : `${below}/`, mergingDir: join(`${paths.merging}-sync`, "merge") },
      ...{ now: Date.now, random: Math.random, sessions, ...hooks },
    });
}

interface SyncOpenerOptions {
  readonly branch: Pick<Branch, "advance" | "waiting">;
  /** Without `refs/heads/`. */
  readonly branchName: string;
  readonly sessions: () => boolean;
}
