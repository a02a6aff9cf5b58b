import { NO_PROGRAMS, placeEnvironment, settingsEnvironment } from "../process/git-environment.ts";
import { type ConfiguredPrograms, createConfiguredPrograms } from "./configured-programs.ts";
import { findWorkTree } from "./find-work-tree.ts";
import { createKnownRepositories, type KnownRepositories, type KnownRepository } from "./known-repositories.ts";
import type { WorkspacePlace } from "./workspace-place.ts";

/** The repositories that agents work in, and how git is run there. */
export interface CodeRepositories {
  readonly repositories: KnownRepositories;
  readonly programs: ConfiguredPrograms;
  /** That of the code. */
  readonly code: KnownRepository;
  /**
   * Returns the variables with which codex is started in `dir` (absolute, links resolved): they keep the git that it starts itself,
   * outside its sandbox, in the repository that is known there, whatever lies in `dir` by then, and switch off what could run a
   * program. Where none is known, its git finds none.
   */
  gitEnvironment(dir: string): Readonly<Record<string, string>>;
}

/**
 * Finds the repository of the code once, for as long as the workspace is served.
 *
 * @param allowed absolute paths that the policy allows; the same list until it changes
 * @param linked worktrees of our own; the same list until it changes
 * @throws CoordinatorError `NOT_FOUND`, `CONFIG` where the checkout is gone, or its configuration lies where agents may write
 */
export async function openCodeRepositories(
  place: WorkspacePlace,
  allowed: () => readonly string[],
  linked?: () => readonly KnownRepository[],
): Promise<CodeRepositories> {
  const isElsewhere = place.workRoot !== place.workspaceDir;
  const code = isElsewhere ? await findWorkTree(place.workRoot) : place;
  const repositories = createKnownRepositories(code, allowed, linked);
  const programs = createConfiguredPrograms();
  await programs.forListing(code);
  return {
    repositories,
    programs,
    code,
    gitEnvironment(dir) {
      const ground = repositories.groundOf(dir);
      const known = ground.kind === "repository" ? ground.repository : undefined;
      const settings = known === undefined ? undefined : programs.forOthers(known);
      return known === undefined || settings === undefined ? NOWHERE : { ...placeEnvironment(known), ...settings };
    },
  };
}

/** Git takes it for no repository, and looks for no other. */
const NOWHERE = { GIT_DIR: "/dev/null", ...settingsEnvironment(NO_PROGRAMS) } as const;
