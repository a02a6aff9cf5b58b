import type { Refreshed } from "../branch.ts";
import type { ObjectStore } from "../objects/object-store.ts";
import { isReachable } from "../repository/history.ts";
import type { Refs } from "../repository/refs.ts";
import type { Repository } from "../repository/repository.ts";
import type { CommittedMemory } from "./committed-memory.ts";

/** The branch as last seen, and what happened to it behind our back. */
export interface BranchView {
  readonly tip: string | undefined;
  readonly tree: string | undefined;
  /** Tells each thing once; what could not be told, because git could not be asked, is told by the next call. */
  refresh(): Promise<Refreshed>;
  /** We are about to build on `tip`; what somebody else did to the branch is kept for the next `refresh`. */
  builtOn(tip: string | undefined): void;
  /** All is done that follows from what `refresh` told of these commits of ours. */
  seenTo(commits: readonly string[]): Promise<void>;
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
  /** Tips of others that we came upon, with the last commit of ours at that time; git is asked about them by `refresh`. */
  const unchecked: { readonly ours: string; readonly tip: string | undefined }[] = [];
  if (memory.unseen().length > 0) {
    const tip = refs.tip();
    unchecked.push(...memory.unseen().map((ours) => ({ ours, tip })));
  }
  let foreign = unchecked.length > 0;
  let answered = { ours: "", tip: view.tip, lost: false };

  function builtOn(tip: string | undefined): void {
    if (tip === lastSeen) return;
    foreign = true;
    const ours = memory.last();
    if (unchecked.at(-1)?.ours === ours) unchecked.pop(); // Of several tips in a row only the last one counts.
    if (ours !== undefined) unchecked.push({ ours, tip });
    memory.noteMoved();
    lastSeen = tip;
  }

  async function isLost(ours: string, tip: string | undefined): Promise<boolean> {
    if (answered.ours !== ours || answered.tip !== tip) {
      answered = { ours, tip, lost: !(await isReachable(repository, ours, tip)) };
    }
    return answered.lost;
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
      builtOn(tip);
      const ours = memory.last();
      const taken = unchecked.splice(0);
      const wasForeign = foreign;
      foreign = false;
      try {
        if (tip !== view.tip) {
          const tree = tip === undefined ? undefined : await store.treeOf(tip);
          if (lastSeen === tip) view = { tip, tree }; // Else a commit of ours came in between, and has set it.
        }
        let lostOurs = false;
        for (const question of taken) lostOurs = (await isLost(question.ours, question.tip)) || lostOurs;
        if (ours !== undefined) lostOurs = (await isLost(ours, tip)) || lostOurs;
        return { tip, foreign: wasForeign, lostOurs, unseen: taken.map((question) => question.ours) };
      } catch (error) {
        // Nobody was told: the next refresh tells it.
        foreign ||= wasForeign;
        unchecked.unshift(...taken.filter((question) => question.ours !== unchecked[0]?.ours));
        throw error;
      }
    },
    builtOn,
    seenTo: (commits) => memory.seenTo(commits),
    moved(tip, tree) {
      view = { tip, tree };
      lastSeen = tip;
    },
  };
}
