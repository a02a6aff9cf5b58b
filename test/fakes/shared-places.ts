import type { RunPlaces } from "../../src/run/workplace/run-places.ts";

const NO_LOCKS: ReturnType<RunPlaces["branches"]["locks"]> = [];
const NO_BRANCHES: RunPlaces["branches"] = {
  ...{ refresh: async () => [], all: () => [], hasBranch: () => false, locks: () => NO_LOCKS, changedBeside: () => [] },
  ...{ openingMs: () => 0, isDirty: () => false, isEmpty: true },
};

/** Workplaces where nobody has a worktree: all work in the checkout at `workRoot` (absolute). */
export function sharedPlaces(workRoot: string, stateDir: string): RunPlaces {
  const repositories = { groundOf: () => ({ kind: "none" as const }), exposedBy: () => undefined };
  const ground = { workRoot, stateDir, repositories, apart: () => [] };
  return {
    at: () => ({ ground, variables: {} }),
    branches: NO_BRANCHES,
    get landing(): never {
      throw new Error("no session has a branch here");
    },
    lease: () => Promise.reject(new Error("no session has a worktree here")),
    reopen: async () => undefined,
    merge: async () => undefined,
    before: async () => undefined,
    after: async () => undefined,
    keepBy: () => () => undefined,
    tidy: async () => [],
  };
}
