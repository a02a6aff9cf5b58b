import { isDelayed } from "../state/retry.ts";
import { deadlockedTasks } from "./deadlock.ts";
import { createDependencies, type DependencyOutcome } from "./dependencies.ts";
import type { Hold } from "./hold.ts";
import type { Pauses } from "./pause.ts";
import type { Entry, Ground, ScheduledTask } from "./scheduled-task.ts";
import { createSessionTurns, type HeldLock, type TurnLimits } from "./session-turns.ts";

/** Why codex cannot be used now, and until when; `untilMs` is `undefined` when nobody can tell. */
export interface CodexHold {
  readonly problem: string;
  readonly untilMs: number | undefined;
}

/** What decides besides the tasks. */
export interface Conditions {
  readonly nowMs: number;
  readonly workersFree: number;
  /** The same object for as long as nothing changes. */
  readonly pauses: Pauses;
  readonly codex: CodexHold | undefined;
  /** Why no run can have a sandbox now. */
  readonly sandbox?: string | undefined;
  /** How many tasks may write to the shared checkout side by side. */
  readonly writersMax: number;
  /** What sessions keep to themselves until their work is landed; the same list until it changes. */
  readonly locks: readonly HeldLock[];
  /** Why no task can be claimed now, for people. */
  readonly claims?: string | undefined;
}

/**
 * The order in which queued tasks start, kept up to date with each change: a change and the choice of the next task cost O(log n) in
 * the number of open tasks, and a task that waits costs nothing.
 *
 * Within a session strictly in order of acceptance: only the head may start, and one that waits holds those behind it. Between
 * sessions the one whose turn comes first: each head has been waiting since its acceptance or its session's last start, and each step
 * of priority puts it back by `AGE_STEP_MS`; the most urgent task of a session lends its priority to the head that it waits for. As
 * every start moves a session's turn to the present, every head's turn comes.
 */
export interface Schedule {
  /** Adds a task, or tells what it is like now. */
  put(task: ScheduledTask): void;
  /** The task is not open any more. */
  remove(id: string): void;
  /** What became of a task that is not in the schedule may be known now, or be another. */
  settle(id: string): void;
  /** Ids that tasks depend on. */
  awaited(): Iterable<string>;
  isAwaited(id: string): boolean;
  /** Queued tasks that can never run, and why; each until it is removed. */
  unrunnable(): readonly { readonly id: string; readonly reason: string }[];
  /** Returns tasks that could start now, or soon, but for their claims: at most `countMax`, in the order of their turns. */
  claimable(conditions: Conditions, countMax: number): readonly ScheduledTask[];
  /** Returns the task to start next, if one may start now. */
  next(conditions: Conditions): string | undefined;
  /** The task is being started: it keeps its session, its thread, and what it needs of the shared checkout from now on. */
  started(id: string, nowMs: number, ground: Exclude<Ground, "either">): void;
  /** What a task was last said to need of the shared checkout. */
  groundOf(id: string): Ground | undefined;
  /** A task that may work anywhere could not write to the shared checkout now. */
  isSharedTaken(id: string, conditions: Conditions): boolean;
  /** Returns, once, tasks that have changed since, or whose turn in their session has come: why they wait may be another reason now. */
  touched(countMax: number): readonly string[];
  /** Why a queued task does not run; `undefined` where nothing holds it, and where it is not queued or can never run. */
  hold(id: string, conditions: Conditions): Hold | undefined;
  /** When a task becomes due by time alone; `undefined`: only an event can change the choice. */
  dueAtMs(conditions: Conditions): number | undefined;
  /** Some task will start without anybody's doing: it is ready, or tries again at a time. */
  goesOn(conditions: Conditions): boolean;
}

/** Of a circle of dependencies this many tasks are named. */
const CIRCLE_NAMED_MAX = 5;

/** @param outcomeOf what became of a task that is not in the schedule */
export function createSchedule(outcomeOf: (id: string) => DependencyOutcome): Schedule {
  const entries = new Map<string, Entry>();
  const unrunnable = new Map<string, string>();
  /** Tasks that may have closed a circle. */
  const suspects = new Set<Entry>();
  const dependencies = createDependencies((id) => (entries.has(id) ? "open" : outcomeOf(id)));
  const touched = new Set<string>();
  const turns = createSessionTurns((id) => dependencies.isUnmet(id) || entries.get(id)?.task.heldAuthor !== undefined);

  const change = (session: Entry["session"], work: () => void): void => {
    const before = session.queue.first;
    turns.change(session, work);
    const first = session.queue.first;
    if (first !== undefined && first !== before) touched.add(first.task.id);
  };

  /** A queued task that can run is in its session's queue, an active one among its active ones, and any other in neither. */
  const judge = (entry: Entry): void => {
    const { task, session } = entry;
    const reason = task.kind === "queued" ? (dependencies.failure(task) ?? entry.deadlock) : undefined;
    if (reason === undefined) unrunnable.delete(task.id);
    else unrunnable.set(task.id, reason);
    const isQueued = task.kind === "queued" && reason === undefined;
    const isNew = isQueued && !session.queue.has(entry);
    if (isNew && mayCloseCircle(entry)) suspects.add(entry);
    touched.add(task.id);
    change(session, () => {
      if (isNew) enqueue(entry);
      if (!isQueued) dequeue(entry);
      if (task.kind === "active") session.active.set(task.id, task);
    });
  };

  const settle = (id: string): void => {
    for (const waiter of dependencies.settle(id)) {
      const entry = entries.get(waiter);
      if (entry !== undefined) judge(entry);
    }
  };

  const drop = (entry: Entry): void => {
    const { task, session } = entry;
    entries.delete(task.id);
    unrunnable.delete(task.id);
    suspects.delete(entry);
    dependencies.remove(task);
    session.members -= 1;
    touched.delete(task.id);
    change(session, () => {
      dequeue(entry);
      session.active.delete(task.id);
    });
  };

  const put = (task: ScheduledTask): void => {
    const known = entries.get(task.id);
    if (known !== undefined && isSame(known.task, task)) return;
    const lastStartMs = known?.session.key === task.sessionKey ? known.session.lastStartMs : 0;
    if (known !== undefined) drop(known);
    const session = turns.of(task.sessionKey);
    session.lastStartMs = Math.max(session.lastStartMs, lastStartMs);
    session.members += 1;
    const entry: Entry = { task, session, deadlock: undefined, at: -1 };
    entries.set(task.id, entry);
    dependencies.add(task);
    judge(entry);
    settle(task.id);
  };

  /** A circle goes into each of its tasks and out of it, once at least along a dependency. */
  const mayCloseCircle = ({ task, session }: Entry): boolean => {
    const awaited = dependencies.isAwaited(task.id);
    const depends = task.dependsOn.some((id) => entries.has(id));
    if (!awaited && !depends) return false;
    return (awaited || task.order <= session.lastOrder) && (depends || session.queue.size > 0);
  };

  /** Everything that the suspects wait for, directly or not, is in the result; tasks beside them may be. */
  const reachable = (): readonly ScheduledTask[] => {
    const found = new Set<Entry>();
    const sessions = new Set<Entry["session"]>();
    const open = [...suspects];
    for (let entry = open.pop(); entry !== undefined; entry = open.pop()) {
      if (found.has(entry) || !entry.session.queue.has(entry)) continue;
      found.add(entry);
      for (const id of entry.task.dependsOn) {
        const other = entries.get(id);
        if (other !== undefined) open.push(other);
      }
      if (sessions.has(entry.session)) continue;
      sessions.add(entry.session);
      for (const other of entry.session.queue.items) open.push(other);
    }
    return Array.from(found, ({ task }) => task);
  };

  const findDeadlocks = (): void => {
    const deadlocked = deadlockedTasks(reachable());
    suspects.clear();
    for (const [id, circle] of deadlocked) {
      const entry = entries.get(id);
      if (entry === undefined) continue;
      entry.deadlock = deadlockReason(id, circle);
      judge(entry);
    }
  };

  return {
    put,
    remove(id) {
      const entry = entries.get(id);
      if (entry !== undefined) drop(entry);
      settle(id);
    },
    settle,
    awaited: dependencies.awaited,
    isAwaited: dependencies.isAwaited,
    unrunnable() {
      if (suspects.size > 0) findDeadlocks();
      return Array.from(unrunnable, ([id, reason]) => ({ id, reason }));
    },
    next(conditions) {
      const { nowMs, workersFree, pauses, codex } = conditions;
      if (workersFree <= 0 || pauses.queue !== undefined || isInForce(codex, nowMs)) return undefined;
      return turns.next(nowMs, limitsOf(conditions))?.task.id;
    },
    claimable(conditions, countMax) {
      const { nowMs, pauses, codex } = conditions;
      if (pauses.queue !== undefined || isInForce(codex, nowMs)) return [];
      return turns.claimable(nowMs, limitsOf(conditions), countMax);
    },
    groundOf: (id) => entries.get(id)?.task.ground,
    isSharedTaken(id, conditions) {
      const task = entries.get(id)?.task;
      return task === undefined || turns.isSharedTaken(task, limitsOf(conditions));
    },
    started(id, nowMs, ground) {
      const entry = entries.get(id);
      if (entry === undefined) throw new Error(`${id} is started but not in the schedule`);
      entry.session.lastStartMs = nowMs;
      put({ ...entry.task, kind: "active", ground });
    },
    touched(countMax) {
      const ids: string[] = [];
      for (const id of touched) {
        if (ids.length >= countMax) break;
        ids.push(id);
        touched.delete(id);
      }
      return ids;
    },
    hold(id, conditions) {
      const { nowMs, workersFree, pauses, codex, sandbox, claims } = conditions;
      const entry = entries.get(id);
      const head = entry?.session.queue.first;
      if (entry === undefined || head === undefined || !entry.session.queue.has(entry)) return undefined;
      const { task, session } = entry;
      const pause = pauses.of(session.key);
      if (pause !== undefined) return { kind: "paused", pause };
      if (head !== entry) return { kind: "session", session: session.key, behind: head.task.id };
      const behind = [...session.active.keys()].at(-1);
      if (behind !== undefined) return { kind: "session", session: session.key, behind };
      if (task.heldAuthor !== undefined) return { kind: "author", email: task.heldAuthor };
      const { claim } = task;
      if (claim !== undefined && claim.kind !== "wanted") return { kind: "claim", claim, problem: undefined };
      if (dependencies.isUnmet(id)) return dependencies.hold(task);
      if ((task.notBeforeMs ?? 0) > nowMs) return { kind: "notBefore", untilMs: task.notBeforeMs ?? 0 };
      if (codex !== undefined && isInForce(codex, nowMs)) return { kind: "codex", ...codex };
      if (sandbox !== undefined && task.isSandboxed) return { kind: "sandbox", problem: sandbox };
      if (isDelayed(task, nowMs)) return { kind: "retry", untilMs: task.dueAtMs };
      if (claim !== undefined && claims !== undefined) return { kind: "claim", claim, problem: claims };
      if (workersFree <= 0) return { kind: "workers" };
      if (claim !== undefined) return { kind: "claim", claim, problem: undefined };
      const holder = turns.holderOf(task.thread);
      if (holder !== undefined && task.thread !== undefined) return { kind: "thread", thread: task.thread, holder };
      return turns.groundHold(task, limitsOf(conditions));
    },
    dueAtMs({ nowMs, pauses, codex }) {
      const due = pauses.queue === undefined ? turns.dueAtMs(nowMs) : undefined;
      const ends = isInForce(codex, nowMs) ? codex?.untilMs : undefined;
      return due === undefined || ends === undefined ? (due ?? ends) : Math.min(due, ends);
    },
    goesOn: (conditions) =>
      !isInForce(conditions.codex, conditions.nowMs) && turns.goesOn(conditions.nowMs, limitsOf(conditions)),
  };
}

function limitsOf({ pauses, sandbox, writersMax, locks, claims }: Conditions): TurnLimits {
  return { pauses, hasSandbox: sandbox === undefined, writersMax, locks, canClaim: claims === undefined };
}

function enqueue(entry: Entry): void {
  const { priorities, queue } = entry.session;
  const { priority, order } = entry.task;
  entry.session.lastOrder = Math.max(entry.session.lastOrder, order);
  while (priorities.length <= priority) priorities.push(0);
  priorities[priority] = (priorities[priority] ?? 0) + 1;
  queue.add(entry);
}

function dequeue(entry: Entry): void {
  const { priorities, queue } = entry.session;
  if (!queue.has(entry)) return;
  queue.remove(entry);
  priorities[entry.task.priority] = (priorities[entry.task.priority] ?? 0) - 1;
}

function isInForce(codex: CodexHold | undefined, nowMs: number): boolean {
  return codex !== undefined && (codex.untilMs === undefined || codex.untilMs > nowMs);
}

function isSame(one: ScheduledTask, other: ScheduledTask): boolean {
  return (Object.keys(one) as (keyof ScheduledTask)[]).every((key) => one[key] === other[key]);
}

function deadlockReason(id: string, circle: readonly string[]): string {
  if (circle.length === 1) return "it depends on itself";
  const others = circle.slice(0, CIRCLE_NAMED_MAX + 1).filter((other) => other !== id);
  const more = circle.length - 1 - others.length;
  return `it would wait for ever: for ${others.join(", ")}${more > 0 ? ` and ${more} more` : ""}, which ${others.length + more === 1 ? "waits" : "wait"} for it`;
}
