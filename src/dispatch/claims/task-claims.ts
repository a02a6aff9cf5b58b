import { CoordinatorError } from "../../base/errors.ts";
import { faultPoint } from "../../base/fault-point.ts";
import type { Log, Surroundings } from "../../base/surroundings.ts";
import type { WorldFaults } from "../../base/world-fault.ts";
import { isClaimed, type OpenTask } from "../../store/tasks/open-task.ts";
import type { Claim } from "../../task/claims/claim.ts";
import { type CloneNames, mayRunOn } from "../../task/claims/runs-on.ts";
import { type ClaimNeed, nextGeneration } from "../../task/claims/standing.ts";
import type { Conditions } from "../../task/schedule/schedule.ts";
import { createActivity } from "../activity.ts";
import type { TaskSchedule } from "../scheduled-tasks.ts";
import { type ClaimViewDeps, createClaimView } from "./claim-view.ts";
import type { ClaimSwap, ClaimsRemote } from "./claims-remote.ts";

/** This many times as many tasks are claimed as can run side by side: the next ones are there when a run ends, and the rest is left to others. */
const CLAIMS_PER_SLOT = 2;
/** Tasks that can never run and have to be recorded so, in one push. */
const UNRUNNABLE_MAX = 50;
const AGAIN_FIRST_MS = 500;
const AGAIN_MAX_MS = 60_000;
/** The end of the coordinator waits no longer for the remote. */
const RELEASE_MS = 10_000;

export interface TaskClaimsDeps extends Omit<ClaimViewDeps, "onChange" | "clone"> {
  /** The remote that other clones share; `undefined`: there is none, and no task needs a claim. */
  readonly remote: () => ClaimsRemote | undefined;
  /** Id of this clone, and what tasks call it; the same object until that changes. */
  readonly clone: string;
  readonly names: () => CloneNames;
  readonly slots: () => { readonly maxWorkers: number; readonly sharedWriters: number };
  readonly schedule: Pick<TaskSchedule, "claimable" | "unrunnable" | "refresh" | "groundOf">;
  readonly faults: WorldFaults;
  readonly surroundings: Pick<Surroundings, "now" | "monotonicMs" | "after">;
  readonly log: Log;
  readonly wake: () => void;
  readonly onBroken: (error: unknown) => void;
}

/** Which tasks this clone may run among those that share its remote: asked for in bulk, beside the loop, for tasks that could start now. */
export interface TaskClaims {
  /** Drops that others may have too are accepted with `needsClaim`. */
  readonly isOn: boolean;
  /** What a task needs before it may start; the same object until that changes. */
  need(task: OpenTask): ClaimNeed | undefined;
  /** Why nothing can be claimed now. */
  problem(): string | undefined;
  /** Open tasks that this clone has claimed, and those that wait for another one; `undefined` without a remote and a claim. */
  counts(): { readonly held: number; readonly elsewhere: number } | undefined;
  /** A task is being taken over: it may start here as soon as the remote says so. */
  readonly isTakingOver: boolean;
  /** Asks for what could start under these conditions, unless it was just in vain. */
  tick(conditions: Conditions): void;
  /** The remote was seen anew. */
  noteRemote(): void;
  /**
   * Makes a task this clone's although another has it. Resolves once the journal says so; without a remote at once.
   *
   * @throws CoordinatorError `NOT_FOUND`, `REFUSED` where the other one is quicker; `TRY_AGAIN`
   */
  takeOver(id: string): Promise<void>;
  /** Removes the claims whose results have reached the remote, before the end: the next coordinator may be long in coming. Gives up where that fails. */
  release(): Promise<void>;
  stop(): Promise<void>;
}

interface TakeOver {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

export function createTaskClaims(deps: TaskClaimsDeps): TaskClaims {
  const { table, schedule, surroundings, names, clone, log } = deps;
  const aborter = new AbortController();
  const view = createClaimView({ ...deps, onChange: (ids) => refresh(ids) });
  const needs = new Map<string, ClaimNeed>();
  const takeOvers = new Map<string, TakeOver>();
  let named = names();
  let conditions: Conditions | undefined;
  let problem: string | undefined;
  let isUnseen = true;
  let waits: { readonly ms: number; readonly untilMs: number } | undefined;

  const needNow = (task: OpenTask): ClaimNeed | undefined => {
    const { runsOn } = task.spec;
    if (!mayRunOn(runsOn, named) && task.state.run === 1 && !(task.needsClaim && task.claim !== undefined))
      return otherIfClaimed(task) ?? { kind: "elsewhere", runsOn: runsOn ?? "" };
    return otherIfClaimed(task) ?? (isClaimed(task) ? undefined : WANTED);
  };

  const otherIfClaimed = (task: OpenTask): ClaimNeed | undefined => {
    if (!task.needsClaim) return undefined;
    const standing = view.standing(task);
    if (standing.kind === "theirs" || standing.kind === "superseded")
      return { kind: "theirs", name: standing.claim.name, sinceMs: standing.claim.atMs };
    if (view.hasEndedThere(task.id)) return ENDED_THERE;
    const { superseded } = task;
    return superseded && { kind: "theirs", name: superseded.name, sinceMs: superseded.atMs };
  };

  const need = (task: OpenTask): ClaimNeed | undefined => {
    const now = needNow(task);
    const before = needs.get(task.id);
    if (now === undefined || now === WANTED) {
      needs.delete(task.id);
      return now;
    }
    if (before !== undefined && JSON.stringify(before) === JSON.stringify(now)) return before;
    needs.set(task.id, now);
    return now;
  };

  const refresh = (ids: Iterable<string>): void => {
    for (const id of ids) schedule.refresh(id);
  };
  table.onChange((after, before) => {
    if (after === undefined && before !== undefined) needs.delete(before.id);
  });

  const ours = (task: string, generation: number): Claim => ({
    ...{ task, clone, name: named.name, generation, atMs: surroundings.now() },
  });

  /** Tasks to ask for now, the first whose turn comes first, as many as could begin soon. */
  const wanted = (): readonly string[] => {
    if (conditions === undefined) return [];
    const { maxWorkers, sharedWriters } = deps.slots();
    const held = view.held();
    const free = maxWorkers * CLAIMS_PER_SLOT - held.length;
    let writers = sharedWriters * CLAIMS_PER_SLOT - held.filter(({ id }) => schedule.groundOf(id) === "writer").length;
    const heads = free <= 0 ? [] : schedule.claimable(conditions, maxWorkers * CLAIMS_PER_SLOT);
    const chosen = heads.filter(({ ground }) => ground !== "writer" || writers-- > 0).slice(0, free);
    const unrunnable = schedule.unrunnable().filter(({ id }) => isWanted(table.get(id)));
    return [...chosen, ...unrunnable.slice(0, UNRUNNABLE_MAX)].map(({ id }) => id);
  };
  const isWanted = (task: OpenTask | undefined): boolean => task !== undefined && need(task) === WANTED;

  const takeOverSwaps = (tasks: readonly string[]): readonly ClaimSwap[] =>
    tasks.map((task) => ({
      ...{ task, expected: view.blobOf(task) },
      claim: ours(task, Math.max(nextGeneration(view.claimOf(task)), nextOf(table.get(task)))),
    }));

  const settleTakeOvers = (tasks: readonly string[], moved: ReadonlySet<string>): void => {
    for (const id of tasks) {
      const task = table.get(id);
      const { resolve, reject } = takeOvers.get(id) ?? {};
      if (resolve === undefined || reject === undefined) continue;
      takeOvers.delete(id);
      if (task !== undefined && isClaimed(task)) resolve();
      else
        reject(
          task === undefined || moved.has(id)
            ? new CoordinatorError("REFUSED", `${id} has ended in another clone meanwhile`)
            : new CoordinatorError(
                "REFUSED",
                `${id}: ${view.claimOf(id)?.name ?? "another clone"} has claimed it meanwhile`,
              ),
        );
    }
  };

  const round = async (remote: ClaimsRemote): Promise<void> => {
    const { signal } = aborter;
    const wasUnseen = isUnseen;
    const takenOver = [...takeOvers.keys()]; // Others are asked for meanwhile: the next round sees to them.
    isUnseen = false;
    const mended: ClaimSwap[] = [];
    // What is to be taken over is taken from who has it now.
    if (takenOver.length > 0) mended.push(...(await view.take(await remote.look(signal), true)));
    else if (wasUnseen) mended.push(...(await view.take(await remote.seen(), false)));
    const free = wanted().filter((id) => !takenOver.includes(id));
    const asked = free.map((task) => ({ task, expected: undefined, claim: ours(task, 1) }));
    const swaps = [...mended.filter(({ task }) => !takenOver.includes(task)), ...takeOverSwaps(takenOver), ...asked];
    if (swaps.length === 0) return;
    const moved = await remote.swap(swaps.map(withName), signal);
    faultPoint("claim:pushed");
    // Not what was seen before: a claim may be free because its result has come to the remote just now.
    const after = await view.take(await remote.look(signal), true);
    faultPoint("claim:journaled");
    settleTakeOvers(takenOver, moved);
    const inVain = new Set(swaps.filter(({ task }) => !moved.has(task)).map(({ task }) => task));
    if (wanted().some((id) => inVain.has(id))) waitMore();
    else waits = undefined;
    if (after.some(({ task }) => !inVain.has(task))) isUnseen = true; // Another round sees to it.
  };
  const withName = (swap: ClaimSwap): ClaimSwap =>
    swap.claim === undefined ? swap : { ...swap, claim: { ...swap.claim, name: named.name } };

  const waitMore = (): void => {
    const ms = Math.min(AGAIN_MAX_MS, waits === undefined ? AGAIN_FIRST_MS : waits.ms * 2);
    waits = { ms, untilMs: surroundings.monotonicMs() + ms };
    surroundings.after(ms, deps.wake);
  };

  const activity = createActivity({
    ...{ name: "ask the remote for claims", faults: deps.faults, surroundings, onBroken: deps.onBroken },
    onEnd: deps.wake,
    async work() {
      const remote = deps.remote();
      if (remote === undefined || aborter.signal.aborted) return;
      try {
        await round(remote);
        if (problem !== undefined) log("claims-back", {});
        problem = undefined;
      } catch (error) {
        if (aborter.signal.aborted) return;
        for (const { reject } of takeOvers.values())
          reject(error instanceof CoordinatorError ? error : new CoordinatorError("TRY_AGAIN", String(error)));
        takeOvers.clear();
        if (!(error instanceof CoordinatorError)) throw error;
        if (problem === undefined) log("claims-wait", { reason: error.message });
        problem = error.message;
        waitMore();
      }
    },
  });

  return {
    get isOn() {
      return deps.remote() !== undefined;
    },
    need,
    counts() {
      const held = view.held().length;
      return deps.remote() === undefined && held === 0 ? undefined : { held, elsewhere: needs.size };
    },
    get isTakingOver() {
      return takeOvers.size > 0;
    },
    problem: () => (deps.remote() === undefined ? "no remote is configured (sync.remote)" : problem),
    tick(now) {
      conditions = now;
      if (named !== names()) {
        named = names();
        refresh(Array.from(table.all(), ({ id }) => id));
      }
      if (activity.isBusy || deps.remote() === undefined) return;
      const isWaiting = waits !== undefined && surroundings.monotonicMs() < waits.untilMs;
      if (takeOvers.size > 0 || isUnseen || (!isWaiting && wanted().length > 0)) activity.start();
    },
    noteRemote() {
      isUnseen = true;
      waits = undefined;
      deps.wake();
    },
    takeOver(id) {
      const task = table.get(id);
      if (task === undefined) return Promise.reject(new CoordinatorError("NOT_FOUND", `there is no open task ${id}`));
      if (isClaimed(task)) return Promise.resolve();
      if (deps.remote() === undefined) {
        table.note(id, { k: "claim", by: "nobody" });
        schedule.refresh(id);
        return table.durable();
      }
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      takeOvers.get(id)?.reject(new CoordinatorError("TRY_AGAIN", `${id} is being taken over by another command`));
      takeOvers.set(id, { resolve, reject });
      deps.wake();
      return promise;
    },
    async release() {
      const remote = deps.remote();
      if (remote === undefined || activity.isBusy) return;
      const signal = AbortSignal.any([aborter.signal, AbortSignal.timeout(RELEASE_MS)]);
      try {
        const done = (await view.take(await remote.seen(), false)).filter(({ claim }) => claim === undefined);
        if (done.length > 0) await remote.swap(done, signal);
      } catch (error) {
        // The next coordinator removes them.
        if (!(error instanceof CoordinatorError) && !signal.aborted) throw error;
      }
    },
    async stop() {
      aborter.abort();
      for (const { reject } of takeOvers.values()) reject(new CoordinatorError("TRY_AGAIN", "the coordinator ends"));
      takeOvers.clear();
      await activity.stop();
    },
  };
}

const WANTED: ClaimNeed = Object.freeze({ kind: "wanted" });
const ENDED_THERE: ClaimNeed = Object.freeze({ kind: "ended" });

/** Also where the remote has lost its claim: another clone had this generation. */
function nextOf(task: OpenTask | undefined): number {
  return Math.max(task?.claim?.generation ?? 0, task?.superseded?.generation ?? 0) + 1;
}
