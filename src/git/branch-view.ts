import type { CommittedMemory } from "./committed-memory.ts";
import { isReachable } from "./history.ts";
import type { ObjectStore } from "./object-store.ts";
import type { Refs } from "./refs.ts";
import type { Repository } from "./repository.ts";

export interface Refreshed {
  readonly tip: string | undefined;
  /** Somebody else moved the branch since the last refresh. */
  readonly foreign: boolean;
  /** Our last commit is not in the branch any more. */
  readonly lostOurs: boolean;
}

/** The branch as last seen, and what happened to it behind our back. */
export interface BranchView {
  readonly tip: string | undefined;
  readonly tree: string | undefined;
  refresh(): Promise<Refreshed>;
  /** We are about to build on `tip`; what somebody else did to the branch is kept for the next `refresh`. */
  builtOn(tip: string | undefined): Promise<void>;
  /** We moved the branch to `tip`. */
  moved(tip: string, tree: string): void;
}

export function createBranchView(
  repository: Repository,
  refs: Refs,
  store: ObjectStore,
  memory: CommittedMemory,
): BranchView {
  let view: { readonly tip: string | undefined; readonly tree: string | undefined } = {
    tip: undefined,
    tree: undefined,
  };
  let lastSeen = memory.last();
  let foreign = false;
  let lost = false;
  let asked = { key: "", reachable: true };

  async function hasOurs(tip: string | undefined): Promise<boolean> {
    const ours = memory.last();
    if (ours === undefined) return true;
    const key = `${ours} ${tip}`;
    if (asked.key !== key) asked = { key, reachable: await isReachable(repository.topDir, ours, tip) };
    return asked.reachable;
  }

  async function builtOn(tip: string | undefined): Promise<void> {
    if (tip === lastSeen) return;
    foreign = true;
    lost = !(await hasOurs(tip)) || lost;
    lastSeen = tip;
  }

  return {
    get tip() {
      return view.tip;
    },
    get tree() {
      return view.tree;
    },
    async refresh() {
      const tip = refs.tip();
      await builtOn(tip);
      if (tip !== view.tip) view = { tip, tree: tip === undefined ? undefined : await store.treeOf(tip) };
      const answer = { tip, foreign, lostOurs: lost || !(await hasOurs(tip)) };
      foreign = false;
      lost = false;
      return answer;
    },
    builtOn,
    moved(tip, tree) {
      view = { tip, tree };
      lastSeen = tip;
    },
  };
}
