import { normalize } from "node:path/posix";
import type { BranchLedger } from "../store/branch/branch-ledger.ts";
import { isClaimed, type OpenTask } from "../store/tasks/open-task.ts";
import type { TaskTable } from "../store/tasks/task-table.ts";
import type { ClaimNeed } from "../task/claims/standing.ts";
import type { RightsByOrigin } from "../task/rights/origin-rights.ts";
import type { DependencyOutcome } from "../task/schedule/dependencies.ts";
import { type Hold, type HoldView, viewHold } from "../task/schedule/hold.ts";
import { type Conditions, createSchedule, type Schedule } from "../task/schedule/schedule.ts";
import type { Ground, ScheduledTask } from "../task/schedule/scheduled-task.ts";

export type HeldAuthor = RightsByOrigin["heldAuthor"];

export interface TaskScheduleDeps {
  readonly table: Pick<TaskTable, "get" | "all" | "onChange">;
  readonly ledger: Pick<BranchLedger, "find">;
  /** A run of the task is being prepared, lives, or is being taken in: it is not to be started, whatever the table says. */
  readonly isActive: (id: string) => boolean;
  /** By queued task: the thread that its next run was seen to go on in. What is no longer true of a task is taken out. */
  readonly wantedThreads: Map<string, string>;
  /** What tasks may ask for; the same object until something changes. */
  readonly rights: () => RightsByOrigin;
  /** What a task needs of the shared checkout now. */
  readonly ground: (task: OpenTask, isActive: boolean) => Ground;
  /** What it needs of the clones that share its remote; the same object until that changes. */
  readonly claim: (task: OpenTask) => ClaimNeed | undefined;
  /** The task is not open any more. */
  readonly onGone: (id: string) => void;
  /** Asks the branch beside the loop, which has to tick when the answer is there. */
  readonly lookUp: (find: () => Promise<void>) => void;
  /** These queued tasks may wait for another reason than before. */
  readonly onHolds: (ids: readonly string[], hold: (id: string) => Hold | undefined) => void;
}

/** The schedule of a table's tasks. It follows every change of the table by itself. */
export interface TaskSchedule
  extends Pick<
    Schedule,
    "unrunnable" | "next" | "claimable" | "groundOf" | "hold" | "dueAtMs" | "goesOn" | "isSharedTaken"
  > {
  /** The task is being started. */
  started(id: string, nowMs: number): void;
  /** Whether the task's run is active may be another now. */
  refresh(id: string): void;
  /** Whether a task whose turn has come needs the place that it was given its turn for; where it does not, its turn is found anew. */
  isSettled(id: string): boolean;
  /** Looks whether what tasks may ask for has changed: an author may be allowed now, or new again. */
  followRights(): void;
  /** Others have moved the branch: what became of tasks that are not open here is asked again. */
  forgetOutcomes(): void;
  /** Tells `onHolds` of some tasks that have changed, or stand at the head of their session since; of those left the next time. */
  tellHolds(conditions: Conditions): void;
}

/** A few milliseconds' worth. */
const HOLDS_TOLD_MAX = 200;

/** Creates the schedule of a table that is empty still. */
export function createTaskSchedule(deps: TaskScheduleDeps): TaskSchedule {
  const { table, ledger, isActive, wantedThreads, lookUp } = deps;
  let rights = deps.rights();
  let isFirst = true;
  const outcomes = new Map<string, DependencyOutcome>();
  const asked = new Set<string>();

  /** What the branch says of a task is known a little later; until then nobody knows the task. */
  const ask = (id: string): void => {
    if (asked.has(id)) return;
    asked.add(id);
    lookUp(async () => {
      try {
        outcomes.set(id, outcomeOfStatus((await ledger.find(id))?.status));
      } finally {
        asked.delete(id);
      }
      schedule.settle(id);
    });
  };
  const schedule = createSchedule((id) => {
    const task = table.get(id);
    if (task !== undefined) return task.state.kind === "ended" ? task.state.status : "open";
    if (!outcomes.has(id)) ask(id);
    return outcomes.get(id);
  });

  const follow = (id: string, task: OpenTask | undefined, before: OpenTask | undefined): void => {
    if (task?.state.kind !== "queued") wantedThreads.delete(id);
    if (task !== undefined && task.state.kind !== "ended") {
      outcomes.delete(id);
      const kind = task.state.kind === "queued" && !isActive(id) ? "queued" : "active";
      const ground = deps.ground(task, kind === "active");
      const claim = kind === "queued" ? deps.claim(task) : undefined;
      schedule.put(scheduledTask(task, kind, ground, claim, rights.heldAuthor, wantedThreads.get(id)));
      return;
    }
    const ended = task ?? before;
    if (ended?.state.kind === "ended") outcomes.set(id, ended.state.status);
    else outcomes.delete(id);
    schedule.remove(id);
    deps.onGone(id);
    for (const other of [id, ...(ended?.spec.dependsOn ?? [])]) if (!schedule.isAwaited(other)) outcomes.delete(other);
  };

  table.onChange((task, before) => follow(task?.id ?? before?.id ?? "", task, before));

  const refresh = (id: string): void => {
    const task = table.get(id);
    if (task !== undefined) follow(id, task, undefined);
  };

  return {
    ...schedule,
    refresh,
    isSettled(id) {
      const task = table.get(id);
      if (task === undefined || schedule.groundOf(id) === deps.ground(task, false)) return true;
      refresh(id);
      return false;
    },
    started(id, nowMs) {
      const task = table.get(id);
      if (task === undefined) throw new Error(`${id} is started but not open`);
      schedule.started(id, nowMs, deps.ground(task, true) === "writer" ? "writer" : "apart");
    },
    followRights() {
      if (rights === deps.rights()) return;
      rights = deps.rights();
      for (const { id } of table.all()) refresh(id);
    },
    tellHolds(conditions) {
      const ids = schedule.touched(isFirst ? Number.POSITIVE_INFINITY : HOLDS_TOLD_MAX);
      if (!isFirst && ids.length > 0) deps.onHolds(ids, (id) => schedule.hold(id, conditions));
      isFirst = false; // What waited before is no news.
    },
    forgetOutcomes() {
      outcomes.clear();
      for (const id of schedule.awaited()) if (table.get(id) === undefined) ask(id);
    },
  };
}

/**
 * Returns an open task as the schedule sees it.
 *
 * @param thread the thread of its next run, where that was seen; else it is the one of its last run, or that it names
 */
function scheduledTask(
  task: OpenTask,
  kind: ScheduledTask["kind"],
  ground: Ground,
  claim: ClaimNeed | undefined,
  heldAuthor: HeldAuthor,
  thread?: string,
): ScheduledTask {
  const { id, sessionKey, order, acceptedAtMs, spec, state } = task;
  return {
    id,
    sessionKey,
    order,
    priority: spec.priority,
    acceptedAtMs,
    dueAtMs: state.kind === "queued" ? state.dueAtMs : 0,
    waitsFromMs: task.stateSinceMs,
    notBeforeMs: spec.notBeforeMs,
    dependsOn: spec.dependsOn,
    kind,
    ground,
    claim,
    locks: spec.locks,
    heldAuthor: heldAuthor(task.origin),
    isSandboxed: spec.sandbox !== "danger-full-access",
    folder: normalize(`${spec.workdir ?? "."}/`),
    thread: thread ?? task.lastRun?.thread ?? (typeof spec.resume === "string" ? spec.resume : undefined),
  };
}

/** What the journal tells without a look at the remote. */
function journaledNeed(task: OpenTask): ClaimNeed | undefined {
  const { superseded } = task;
  if (superseded !== undefined) return { kind: "theirs", name: superseded.name, sinceMs: superseded.atMs };
  return isClaimed(task) ? undefined : { kind: "wanted" };
}

function outcomeOfStatus(status: string | undefined): DependencyOutcome {
  if (status === undefined) return undefined;
  return status === "succeeded" || status === "failed" || status === "cancelled" ? status : "open";
}

/**
 * Returns why queued tasks wait, as far as the journal and the branch can tell. Whether a worker and the shared checkout are free and codex is there
 * only a coordinator knows; `codex` is what was last noted of it.
 */
export async function findHolds(
  tasks: readonly OpenTask[],
  ledger: Pick<BranchLedger, "find">,
  conditions: Omit<Conditions, "workersFree" | "writersMax" | "locks">,
  heldAuthor: HeldAuthor,
): Promise<ReadonlyMap<string, HoldView>> {
  const ended = new Map<string, string>(
    tasks.flatMap(({ id, state }) => (state.kind === "ended" ? [[id, state.status] as const] : [])),
  );
  const open = new Set(tasks.map(({ id }) => id));
  for (const id of new Set(tasks.flatMap(({ spec }) => spec.dependsOn)))
    if (!open.has(id)) ended.set(id, (await ledger.find(id))?.status ?? "");
  const schedule = createSchedule((id) => outcomeOfStatus(ended.get(id) || undefined));
  for (const task of tasks)
    if (task.state.kind !== "ended")
      schedule.put(
        scheduledTask(
          task,
          task.state.kind === "queued" ? "queued" : "active",
          "apart",
          journaledNeed(task),
          heldAuthor,
        ),
      );
  const holds = new Map<string, HoldView>();
  for (const { id, reason } of schedule.unrunnable())
    holds.set(id, { reason: `will fail: ${reason}`, untilMs: undefined, remedy: undefined });
  const unbounded = { workersFree: Number.POSITIVE_INFINITY, writersMax: Number.POSITIVE_INFINITY, locks: [] };
  for (const { id } of tasks) {
    const hold = schedule.hold(id, { ...conditions, ...unbounded });
    if (hold !== undefined) holds.set(id, viewHold(hold));
  }
  return holds;
}
