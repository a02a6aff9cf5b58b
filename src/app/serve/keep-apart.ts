import type { WorkspacePlace } from "../../git/repository/workspace-place.ts";
import type { Environment } from "../../run/sandbox/environment.ts";
import { rightsByOrigin } from "../../task/rights/origin-rights.ts";
import type { Policy } from "../../task/rights/policy.ts";
import type { Confinement } from "../../task/spec/sandbox-profile.ts";
import { confinementOf, ownPlaces, requireApart } from "./own-places.ts";

/** Keeps agents out of what we run, for one workspace. */
export interface OwnPlaces {
  /** @throws CoordinatorError `CONFIG` where agents could write to it, whatever their profile says; what to move */
  requireApart(policy: Policy, codexPath: string): void;
  /** What holds for every run now. */
  confinement(codexPath: string): Confinement;
}

/** What lies where is looked at anew each time. */
export function watchOwnPlaces(place: WorkspacePlace, environment: Environment): OwnPlaces {
  return {
    requireApart(policy, codexPath) {
      const around = { place, environment, codexPath };
      const { workdirs } = rightsByOrigin(policy, []).widest;
      requireApart(ownPlaces(around), [place.workRoot, ...workdirs], around);
    },
    confinement(codexPath) {
      const around = { place, environment, codexPath };
      return confinementOf(ownPlaces(around), around);
    },
  };
}
