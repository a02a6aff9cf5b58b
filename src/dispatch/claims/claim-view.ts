import type { Log } from "../../base/surroundings.ts";
import type { BranchLedger } from "../../store/branch/branch-ledger.ts";
import { isClaimed, type OpenTask } from "../../store/tasks/open-task.ts";
import { cancelIfAsked, type TaskTable } from "../../store/tasks/task-table.ts";
import { type Claim, firstRunOf } from "../../task/claims/claim.ts";
import { mayRelease, type Standing, standingOf } from "../../task/claims/standing.ts";
import { isFinal, type LedgerRow } from "../../task/ledger/ledger.ts";
import type { ClaimSwap, RemoteSeen } from "./claims-remote.ts";

export interface ClaimViewDeps {
  readonly clone: string;
  readonly table: TaskTable;
  readonly ledger: Pick<BranchLedger, "find">;
  /** Ends the run of a task that another clone has taken over. */
  readonly stopRun: (id: string, detail: string) => void;
  /** The need of these tasks may be another one now. */
  readonly onChange: (ids: Iterable<string>) => void;
  readonly log: Log;
}

/** What the remote's claims mean for the tasks that are open here: journaled where they are this clone's, or are its own no more. */
export interface ClaimView {
  /** What the remote was last seen to say of a task. */
  claimOf(id: string): Claim | undefined;
  /** The blob of that. */
  blobOf(id: string): string | undefined;
  standing(task: OpenTask): Standing;
  /** The remote has the task's result, and the branch of this clone does not have it yet. */
  hasEndedThere(id: string): boolean;
  /** Open tasks that this clone has claimed and whose runs are not over. */
  held(): readonly OpenTask[];
  /**
   * Takes in what the remote holds.
   *
   * @param isFresh it was asked just now: only then a claim that the journal does not know of becomes one of this clone
   * @returns what the remote's claims of this clone should be instead
   */
  take(seen: RemoteSeen, isFresh: boolean): Promise<readonly ClaimSwap[]>;
}

export function createClaimView(deps: ClaimViewDeps): ClaimView {
  const { clone, table, ledger, log } = deps;
  let claims: RemoteSeen["claims"] = new Map();
  /** Open tasks with a claim in their journals. */
  const known = new Set<string>();
  /** Open tasks whose results are on the remote. */
  const ended = new Set<string>();
  table.onChange((after, before) => {
    const id = after?.id ?? before?.id ?? "";
    if (after?.claim !== undefined) known.add(id);
    else known.delete(id);
    if (after === undefined) ended.delete(id);
  });
  const standing = (task: OpenTask): Standing => standingOf(clone, task.claim, claims.get(task.id)?.claim);

  const hasEnded = (row: Pick<LedgerRow, "run" | "status"> | undefined, { generation }: Claim): boolean =>
    row !== undefined && isFinal(row.status) && row.run >= firstRunOf(generation);

  /** A claim that this clone has on the remote and the journal does not know. False where its task has ended already. */
  const note = async (task: OpenTask, claim: Claim, seen: RemoteSeen): Promise<boolean> => {
    const isOver = hasEnded(await seen.row(task.id), claim);
    const current = table.get(task.id);
    if (current === undefined) return false;
    if (isOver) {
      ended.add(task.id);
      return false;
    }
    const { generation, atMs } = claim;
    const record = { k: "claim", by: "us", generation, atMs } as const;
    if (current.state.kind === "queued")
      table.step(task.id, { kind: "takenOver", run: firstRunOf(generation) }, [record]);
    else table.note(task.id, record);
    log("claimed", { task: task.id, session: task.sessionKey, generation });
    cancelIfAsked(table, task.id);
    return true;
  };

  const supersede = (task: OpenTask, { name, generation, atMs, clone: by }: Claim): void => {
    if (task.superseded?.generation === generation && task.superseded.name === name) return;
    table.note(task.id, { k: "claim", by: "other", clone: by, name, generation, atMs });
    log("superseded", { task: task.id, session: task.sessionKey, by: name, generation });
    if (task.state.kind !== "queued" && task.state.kind !== "ended")
      deps.stopRun(task.id, `${name} has taken it over (generation ${generation})`);
  };

  const seeToOpen = async (task: OpenTask, seen: RemoteSeen, isFresh: boolean): Promise<ClaimSwap | undefined> => {
    const now = standing(task);
    const expected = claims.get(task.id)?.blob;
    if (now.kind === "unnoted") {
      const isOver = ended.has(task.id) || (isFresh && !(await note(task, now.claim, seen)));
      if (isOver) return { task: task.id, expected, claim: undefined };
    } else if (now.kind === "superseded") supersede(task, now.claim);
    // One that another clone has superseded is that one's to put there again.
    else if (now.kind === "lost" && task.superseded === undefined)
      return { task: task.id, expected, claim: { task: task.id, clone, name: clone, ...now.held } };
    return undefined;
  };

  /** Claims of this clone whose tasks are not open here any more. */
  const seeToClosed = async (seen: RemoteSeen): Promise<readonly ClaimSwap[]> => {
    const swaps: ClaimSwap[] = [];
    for (const [id, { blob, claim }] of seen.claims) {
      if (claim.clone !== clone || table.get(id) !== undefined) continue;
      const isEndedThere = hasEnded(await seen.row(id), claim);
      const isEndedHere = isEndedThere || hasEnded(await ledger.find(id), claim);
      if (table.get(id) === undefined && mayRelease({ isEndedHere, isEndedThere }))
        swaps.push({ task: id, expected: blob, claim: undefined });
    }
    return swaps;
  };

  return {
    claimOf: (id) => claims.get(id)?.claim,
    blobOf: (id) => claims.get(id)?.blob,
    standing,
    hasEndedThere: (id) => ended.has(id),
    held: () =>
      [...known].flatMap((id) => {
        const task = table.get(id);
        return task === undefined || !isClaimed(task) || task.state.kind === "ended" ? [] : [task];
      }),
    async take(seen, isFresh) {
      const touched = new Set([...claims.keys(), ...seen.claims.keys(), ...known]);
      claims = seen.claims;
      const swaps: ClaimSwap[] = [];
      for (const id of touched) {
        const task = table.get(id);
        const swap = task?.needsClaim === true ? await seeToOpen(task, seen, isFresh) : undefined;
        if (swap !== undefined) swaps.push(swap);
      }
      deps.onChange(touched);
      const asked = new Set(swaps.map(({ task }) => task)); // One of them may have ended here meanwhile.
      return [...swaps, ...(await seeToClosed(seen)).filter(({ task }) => !asked.has(task))];
    },
  };
}
