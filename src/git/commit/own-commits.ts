import type { CommitPlan } from "../../task/records/commit-plan.ts";
import type { BatchParts, BatchWork } from "./commit-batch.ts";
import { buildChain, type CommitChain } from "./commit-chain.ts";
import { stageChain } from "./staging.ts";

/** Returns the work of making one commit for each plan. */
export function ownCommits(parts: BatchParts, plans: readonly CommitPlan[]): BatchWork {
  const { store, trees, memory, view } = parts;
  const { prefix } = parts.repository;
  return {
    paths: plans.flatMap(({ edits, closing = [] }) => [...edits, ...closing].map((edit) => prefix + edit.path)),
    build: (base, signed) => buildChain(store, trees, { plans, base, prefix, ...signed }),
    stage: (chain) => stageChain(parts, chain),
    intend: async (chain) => {
      if (chain.tip !== undefined) await memory.intend(chain.tip, writtenFiles(chain));
    },
    settle({ tip, tree }) {
      if (tip === undefined || tree === undefined) return;
      memory.settle(tip);
      view.moved(tip, tree);
    },
    end: () => undefined,
  };
}

function writtenFiles(chain: CommitChain): ReadonlyMap<string, string> {
  return new Map(chain.changes.flatMap(({ path, after }) => (after === undefined ? [] : [[path, after.id] as const])));
}
