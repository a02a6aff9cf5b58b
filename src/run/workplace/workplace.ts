import { relative, resolve } from "node:path";
import type { Log } from "../../base/surroundings.ts";
import { type ChangedPath, createChangedFiles } from "../../git/index/changed-files.ts";
import { type CodeRepositories, openCodeRepositories } from "../../git/repository/code-repositories.ts";
import type { KnownRepositories, KnownRepository } from "../../git/repository/known-repositories.ts";
import type { WorkspacePlace } from "../../git/repository/workspace-place.ts";
import type { StatePaths } from "../../store/state-paths.ts";
import { ARCHIVE, INBOX, LEDGER, ROTATED_LEDGERS, SESSIONS } from "../../task/records/workspace-paths.ts";

/** What the agents work in: the tree, the repositories there, and what changed in it. */
export interface Workplace {
  /** Absolute root that a task's `workdir` is relative to and may not leave. */
  readonly root: string;
  readonly repositories: KnownRepositories;
  /** Uncommitted paths below `workdir` that were touched since `sinceMs` (Unix ms), ours left out; each also as an absolute one, links resolved. */
  changedFiles(workdir: string, sinceMs: number): Promise<readonly ChangedPath[]>;
  /** Returns the variables that keep the git which codex starts in `workdir` (absolute, links resolved) in the repository known there. */
  gitEnvironment(workdir: string): Readonly<Record<string, string>>;
}

export interface WorkplaceOptions {
  readonly place: WorkspacePlace;
  readonly paths: StatePaths;
  /** Absolute paths that the policy allows; the same list until it changes. */
  readonly allowed: () => readonly string[];
  readonly log: Log;
  /** Worktrees of our own that runs may work in; the same list until it changes. */
  readonly linked?: () => readonly KnownRepository[];
}

/** An opened workplace, and how git is run in the repository of the code. */
export interface OpenedWorkplace extends Workplace, Pick<CodeRepositories, "code" | "programs"> {
  /** The coordinator's own paths, from the top of a work tree that holds them. */
  readonly ours: readonly string[];
}

/**
 * Opens the working tree of the agents. It may be the checkout that holds our own files: these are left out of what they changed.
 *
 * @throws CoordinatorError `NOT_FOUND` where the code's checkout is gone; `CONFIG` where its configuration lies where agents may write
 */
export async function openWorkplace(options: WorkplaceOptions): Promise<OpenedWorkplace> {
  const { place, paths, allowed, log, linked } = options;
  const { code, repositories, programs, gitEnvironment } = await openCodeRepositories(place, allowed, linked);
  const prefix = relative(place.topDir, place.workspaceDir);
  const ours = [INBOX, SESSIONS, ARCHIVE, LEDGER, ROTATED_LEDGERS].map((path) =>
    prefix === "" ? path : `${prefix}/${path}`,
  );
  const changed = createChangedFiles({
    ...{ repositories, programs, keepDir: paths.codeIndex },
    home: { topDir: place.topDir, ours },
  });
  return {
    ...{ code, programs },
    // On a branch of its own the workspace is no part of the code.
    ours: code.topDir === place.topDir ? ours : [],
    root: place.workRoot,
    repositories,
    gitEnvironment,
    async changedFiles(workdir, sinceMs) {
      try {
        return await changed.list(resolve(place.workRoot, workdir), sinceMs);
      } catch (error) {
        log("changed-files-unknown", { workdir, reason: String(error) });
        return []; // What the agent answered is worth more than the list of what it touched.
      }
    },
  };
}
