import type { RunPlaces } from "../../src/run/workplace/run-places.ts";
import { NoRoomError } from "../../src/run/workplace/worktrees/session-worktrees.ts";

const NO_LOCKS: ReturnType<RunPlaces["branches"]["locks"]> = [];
const NO_BRANCHES: RunPlaces["branches"] = {
  ...{ refresh: async () => [], all: () => [], hasBranch: () => false, locks: () => NO_LOCKS, changedBeside: () => [] },
  ...{ openingMs: () => 0, isDirty: () => false, isEmpty: true },
};

/**
 * Workplaces where all work in the checkout at `workRoot` (absolute), also those that were to have a worktree.
 *
 * @param noRoom why there is no room for one
 */
export function sharedPlaces(
  workRoot: string,
  stateDir: string,
  noRoom: () => string | undefined | Promise<string | undefined> = () => undefined,
): RunPlaces {
  const repositories = { groundOf: () => ({ kind: "none" as const }), exposedBy: () => undefined };
  const ground = { workRoot, stateDir, repositories, apart: () => [] };
  return {
    at: () => ({ ground, variables: {} }),
    branches: NO_BRANCHES,
    get landing(): never {
      throw new Error("no session has a branch here");
    },
    async lease(session) {
      const why = await noRoom();
      if (why !== undefined) throw new NoRoomError(why);
      const branch = `codex-inbox/${session}`;
      return { kind: "worktree", slug: session, branch, dir: workRoot, base: "0".repeat(40), slot: 0 };
    },
    commitEdits: async () => ({ edited: null, left: null }),
    reopen: async () => undefined,
    merge: async () => undefined,
    before: async () => undefined,
    after: async () => undefined,
    keepBy: () => () => undefined,
    tidy: async () => [],
  };
}
