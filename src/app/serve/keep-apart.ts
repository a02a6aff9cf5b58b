import type { Log } from "../../base/surroundings.ts";
import type { WorkspacePlace } from "../../git/repository/workspace-place.ts";
import type { Environment } from "../../run/sandbox/environment.ts";
import { rightsByOrigin } from "../../task/rights/origin-rights.ts";
import type { Policy } from "../../task/rights/policy.ts";
import type { Confinement } from "../../task/spec/sandbox-profile.ts";
import { COPIES, confinementOf, ownPlaces, requireApart } from "./own-places.ts";

/** Keeps agents out of what we run, for one workspace. */
export interface OwnPlaces {
  /** @throws CoordinatorError `CONFIG` where agents could write to it, whatever their profile says; what to move */
  requireApart(policy: Policy, codexPath: string): void;
  /** What holds for every run now, as it was seen at most a second ago. */
  confinement(codexPath: string): Confinement;
}

/** Some hundred places are looked at; of what a run might have moved, each run makes sure itself (permission-profile.ts). */
const FRESH_MS = 1_000;

/** @param log is told once where a program may be written to under another name that was not found */
export function watchOwnPlaces(place: WorkspacePlace, environment: Environment, log: Log = () => undefined): OwnPlaces {
  let isTold = false;
  let hooks: Pick<Policy, "hook" | "webhookSecret"> | undefined;
  let seen: { readonly codexPath: string; readonly atMs: number; readonly confinement: Confinement } | undefined;
  return {
    requireApart(policy, codexPath) {
      const around = { place, environment, codexPath, hooks: policy };
      const { workdirs } = rightsByOrigin(policy, []).widest;
      const trees = policy.worktreesDir === undefined ? [] : [policy.worktreesDir];
      const [linked, ...more] = requireApart(ownPlaces(around), [place.workRoot, ...workdirs, ...trees], around);
      [hooks, seen] = [policy, undefined];
      if (isTold) return;
      isTold = true;
      const reason = "another name of these files may lie where agents write";
      if (linked !== undefined) log("hard-links", { path: linked.path, more: more.length, reason, hint: COPIES });
    },
    confinement(codexPath) {
      const nowMs = performance.now();
      if (seen?.codexPath === codexPath && nowMs - seen.atMs < FRESH_MS) return seen.confinement;
      const around = { place, environment, codexPath, ...(hooks && { hooks }) };
      seen = { codexPath, atMs: nowMs, confinement: confinementOf(ownPlaces(around), around) };
      return seen.confinement;
    },
  };
}
