import type { Authorship, Branch } from "../git/branch.ts";
import type { DropReceipts } from "../store/drop-receipts.ts";
import type { DroppedBy, TaskSource } from "../store/journal/journal-record.ts";
import type { Drop } from "../task/file/drop.ts";
import type { Origin } from "../task/rights/origin.ts";
import type { DropJudgement, RunDrops } from "./run-drops.ts";

/** Who asks for a task, as its journal says it. */
export interface Asked {
  readonly origin: Origin;
  /** Where a run of an agent has left its file. */
  readonly droppedBy?: DroppedBy;
}

/** Finds out who asks for what lies in inbox/. */
export interface DropOrigins {
  /** Whether a drop may be taken, by who left it. A file that a command of ours has put there is no agent's, whatever ran meanwhile. */
  judge(id: string, drop: Drop, source: TaskSource): DropJudgement;
  /** Returns who asks. Of what a commit brought git is asked: to be called once, where the drop is about to be taken. */
  of(id: string, drop: Drop, source: TaskSource, by: DroppedBy | undefined): Promise<Asked>;
}

export interface DropOriginsDeps {
  readonly branch: Branch;
  readonly receipts: DropReceipts;
  readonly runDrops: RunDrops;
  /** Name of the user that the coordinator runs as. */
  readonly user: string;
}

/** One push may bring many drops in few commits. */
const COMMITS_KEPT = 50;

export function createDropOrigins({ branch, receipts, runDrops, user }: DropOriginsDeps): DropOrigins {
  const known = new Map<string, Authorship>();
  const authorship = async (commit: string): Promise<Authorship> => {
    const found = known.get(commit) ?? (await branch.authorship(commit));
    known.delete(commit);
    known.set(commit, found);
    for (const oldest of known.keys()) if (known.size > COMMITS_KEPT) known.delete(oldest);
    return found;
  };

  const ofCommit = async (path: string): Promise<Origin> => {
    const brought = await branch.introducedBy(path);
    if (brought === undefined || brought === "beyond-history")
      return { kind: "commit", commit: null, author: "unknown", email: "unknown", signature: null, signer: null };
    return { kind: "commit", commit: brought.commit, ...(await authorship(brought.commit)) };
  };

  return {
    judge: (id, drop, source) =>
      receipts.originOf(id, drop.text) === undefined ? runDrops.judge(drop, source) : { kind: "take", by: undefined },
    async of(id, drop, source, by) {
      const proven = receipts.originOf(id, drop.text);
      if (proven !== undefined) return { origin: proven };
      if (source.tracked === "head" && source.blob === drop.blob) return { origin: await ofCommit(drop.path) };
      if (by === undefined) return { origin: { kind: "file", user } };
      return { origin: { kind: "agent", task: by.task }, droppedBy: by };
    },
  };
}
