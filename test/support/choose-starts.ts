import { deadlockedTasks } from "../../src/task/schedule/deadlock.ts";
import type { DependencyOutcome } from "../../src/task/schedule/dependencies.ts";
import type { Hold } from "../../src/task/schedule/hold.ts";
import type { Pause, Pauses } from "../../src/task/schedule/pause.ts";
import type { ScheduledTask } from "../../src/task/schedule/scheduled-task.ts";
import type { HeldLock } from "../../src/task/schedule/session-turns.ts";
import { firstMeeting } from "../../src/task/workplace/paths.ts";

/** One step of priority counts as much as this wait */
export const AGE_STEP_MS = 600_000;

/** A task, and when a task of its session was last started (Unix ms); `undefined` when none was. */
export type ChosenTask = ScheduledTask & { readonly lastStartOfSessionMs: number | undefined };

export interface ScheduleInput {
  readonly tasks: Iterable<ChosenTask>;
  readonly workersFree: number;
  readonly nowMs: number;
  readonly outcomeOf: (id: string) => DependencyOutcome;
  readonly pauses: Pauses;
  /** Why codex cannot be used now, and until when; `untilMs` is `undefined` when nobody can tell. */
  readonly codex: { readonly problem: string; readonly untilMs: number | undefined } | undefined;
  /** Why no run can have a sandbox now. */
  readonly sandbox?: string | undefined;
  readonly writersMax: number;
  readonly locks: readonly HeldLock[];
}

export interface Choice {
  /** Ids to start now, in this order; never two of one session, never more than `workersFree`. */
  readonly start: readonly string[];
  /** Why each of the other queued tasks has to wait. */
  readonly held: ReadonlyMap<string, Hold>;
  /** Queued tasks that can never run. */
  readonly unrunnable: readonly { readonly id: string; readonly reason: string }[];
  /** When a task next becomes due by time alone; `undefined`: only an event can change the choice. */
  readonly nextDueMs: number | undefined;
}

/** Of a circle of dependencies this many tasks are named. */
const CIRCLE_NAMED_MAX = 5;

/**
 * What the schedule of the product must do, by a look at every task: its oracle. Chooses the tasks to start. Within a session strictly in order of acceptance: only the head may start, and one that waits
 * holds those behind it. Between sessions the one whose turn comes first: each head has been waiting since its acceptance or
 * its session's last start, and each step of priority puts it back by `AGE_STEP_MS`; the most urgent task of a session lends its
 * priority to the head that it waits for. As every start moves a session's turn to the present, every head's turn comes.
 *
 * Time: O(n log n) in the number of open tasks, and O(n) while no worker is free.
 */
export function chooseStarts(input: ScheduleInput): Choice {
  const queued: ChosenTask[] = [];
  const busy = new Map<string, string>();
  const threads = new Map<string, string>();
  const active: ChosenTask[] = [];
  for (const task of input.tasks) {
    if (task.kind === "queued") {
      queued.push(task);
    } else {
      busy.set(task.sessionKey, task.id);
      active.push(task);
      if (task.thread !== undefined) threads.set(task.thread, task.id);
    }
  }
  const unrunnable = findUnrunnable(queued, input.outcomeOf);
  const heads = headsOf(queued, unrunnable);
  const held = new Map<string, Hold>();
  const ready: ChosenTask[] = [];
  const general = generalHold(input);
  let nextDueMs = Number.POSITIVE_INFINITY;
  const pausedHold = holdOfPauses(input.pauses);
  for (const head of heads.values()) {
    const paused = pausedHold(head.sessionKey);
    if (paused !== undefined) {
      held.set(head.id, paused);
      continue;
    }
    const behind = busy.get(head.sessionKey);
    const hold: Hold | undefined =
      behind === undefined ? ownHold(head, input) : { kind: "session", session: head.sessionKey, behind };
    const isDue = hold === undefined || hold.kind === "retry";
    if (isDue && general === undefined && input.sandbox !== undefined && head.isSandboxed)
      held.set(head.id, { kind: "sandbox", problem: input.sandbox });
    else if (hold === undefined) ready.push(head);
    else held.set(head.id, hold.kind === "retry" && general !== undefined ? general : hold);
    if (hold?.kind === "notBefore" || hold?.kind === "retry") nextDueMs = Math.min(nextDueMs, hold.untilMs);
  }
  holdFollowers(queued, heads, unrunnable, pausedHold, held);
  if (general?.untilMs !== undefined) nextDueMs = Math.min(nextDueMs, general.untilMs);
  const start =
    general === undefined
      ? pick(bySessionTurn(ready, queued, unrunnable, input.workersFree), threads, active, input, held)
      : holdAll(ready, general, held);
  return {
    start,
    held,
    unrunnable: Array.from(unrunnable, ([id, reason]) => ({ id, reason })),
    nextDueMs: Number.isFinite(nextDueMs) ? nextDueMs : undefined,
  };
}

/** Returns the queued tasks that can never run, and why. */
function findUnrunnable(
  queued: readonly ChosenTask[],
  outcomeOf: (id: string) => DependencyOutcome,
): ReadonlyMap<string, string> {
  const unrunnable = new Map<string, string>();
  let waiting = false;
  for (const task of queued) {
    for (const id of task.dependsOn) {
      const outcome = outcomeOf(id);
      if (outcome === "open") waiting = true;
      if (outcome !== "failed" && outcome !== "cancelled") continue;
      const word = outcome === "failed" ? "failed" : "was cancelled";
      unrunnable.set(task.id, `it depends on ${id}, which ${word}`);
      break;
    }
  }
  if (!waiting) return unrunnable;
  for (const [id, circle] of deadlockedTasks(queued.filter((task) => !unrunnable.has(task.id)))) {
    unrunnable.set(id, deadlockReason(id, circle));
  }
  return unrunnable;
}

function deadlockReason(id: string, circle: readonly string[]): string {
  if (circle.length === 1) return "it depends on itself";
  const others = circle.slice(0, CIRCLE_NAMED_MAX + 1).filter((other) => other !== id);
  const more = circle.length - 1 - others.length;
  return `it would wait for ever: for ${others.join(", ")}${more > 0 ? ` and ${more} more` : ""}, which ${others.length + more === 1 ? "waits" : "wait"} for it`;
}

/** Returns the first task of each session. */
function headsOf(
  queued: readonly ChosenTask[],
  unrunnable: ReadonlyMap<string, string>,
): ReadonlyMap<string, ChosenTask> {
  const heads = new Map<string, ChosenTask>();
  for (const task of queued) {
    if (unrunnable.has(task.id)) continue;
    const head = heads.get(task.sessionKey);
    if (head === undefined || isBefore(task, head)) heads.set(task.sessionKey, task);
  }
  return heads;
}

function isBefore(task: ChosenTask, other: ChosenTask): boolean {
  return task.order < other.order || (task.order === other.order && task.id < other.id);
}

/** Returns what holds this task back, whatever else is going on. */
function ownHold(task: ChosenTask, { nowMs, outcomeOf }: ScheduleInput): Hold | undefined {
  const outcomes = task.dependsOn.map((id) => ({ id, outcome: outcomeOf(id) }));
  const waitsFor = outcomes.filter(({ outcome }) => outcome === "open").map(({ id }) => id);
  const unknown = outcomes.filter(({ outcome }) => outcome === undefined).map(({ id }) => id);
  if (waitsFor.length + unknown.length > 0) return { kind: "dependency", waitsFor, unknown };
  if (task.notBeforeMs !== undefined && task.notBeforeMs > nowMs)
    return { kind: "notBefore", untilMs: task.notBeforeMs };
  const { waitsFromMs, dueAtMs } = task;
  // A clock that was set back behind as long before its wait as that was to last has made its end meaningless.
  if (dueAtMs > nowMs && nowMs >= waitsFromMs - (dueAtMs - waitsFromMs))
    return { kind: "retry", untilMs: task.dueAtMs };
  return undefined;
}

/** Holds everything behind the heads; one object per session, since this runs often and over every open task. */
function holdFollowers(
  queued: readonly ChosenTask[],
  heads: ReadonlyMap<string, ChosenTask>,
  unrunnable: ReadonlyMap<string, string>,
  pausedHold: (sessionKey: string) => Hold | undefined,
  held: Map<string, Hold>,
): void {
  const holds = new Map<string, Hold>();
  for (const task of queued) {
    const head = heads.get(task.sessionKey);
    if (head === undefined || head === task || unrunnable.has(task.id)) continue;
    let hold = holds.get(task.sessionKey);
    if (hold === undefined) {
      hold = pausedHold(task.sessionKey) ?? { kind: "session", session: task.sessionKey, behind: head.id };
      holds.set(task.sessionKey, hold);
    }
    held.set(task.id, hold);
  }
}

/** A pause outdoes every other reason: whoever looks at a paused queue wants to see that it is. One object for each. */
function holdOfPauses(pauses: Pauses): (sessionKey: string) => Hold | undefined {
  const holds = new Map<Pause, Hold>();
  return (sessionKey) => {
    const pause = pauses.of(sessionKey);
    if (pause === undefined) return undefined;
    const hold = holds.get(pause) ?? { kind: "paused", pause };
    holds.set(pause, hold);
    return hold;
  };
}

function generalHold({ codex, nowMs }: ScheduleInput): (Hold & { readonly kind: "codex" }) | undefined {
  if (codex === undefined || (codex.untilMs !== undefined && codex.untilMs <= nowMs)) return undefined;
  return { kind: "codex", ...codex };
}

function holdAll(ready: readonly ChosenTask[], hold: Hold, held: Map<string, Hold>): readonly string[] {
  for (const task of ready) held.set(task.id, hold);
  return [];
}

/** Puts the heads of sessions into the order in which their turns come. */
function bySessionTurn(
  heads: readonly ChosenTask[],
  queued: readonly ChosenTask[],
  unrunnable: ReadonlyMap<string, string>,
  workersFree: number,
): readonly ChosenTask[] {
  if (heads.length < 2 || workersFree <= 0) return heads;
  const urgency = new Map<string, number>();
  for (const { id, sessionKey, priority } of queued)
    if (!unrunnable.has(id)) urgency.set(sessionKey, Math.min(priority, urgency.get(sessionKey) ?? priority));
  const turns = new Map(heads.map((head) => [head, turnOf(head, urgency.get(head.sessionKey) ?? head.priority)]));
  return heads.toSorted((a, b) => (turns.get(a) ?? 0) - (turns.get(b) ?? 0) || (isBefore(a, b) ? -1 : 1));
}

/** Picks from `ready` (one task per session) the first ones. */
function pick(
  ready: readonly ChosenTask[],
  threads: Map<string, string>,
  active: ChosenTask[],
  { workersFree, writersMax, locks }: ScheduleInput,
  held: Map<string, Hold>,
): readonly string[] {
  const noWorker: Hold = { kind: "workers" };
  if (workersFree <= 0) return holdAll(ready, noWorker, held);
  const start: string[] = [];
  const writers = (): readonly ChosenTask[] => active.filter(({ ground }) => ground === "writer").toSorted(byId);
  const elsewhere = (folder: string): readonly ChosenTask[] => writers().filter((other) => other.folder !== folder);
  /** The first writer that waits for another folder; all writers after it wait, too. */
  let blocked: string | undefined;
  const groundHold = (task: ChosenTask): Hold | undefined => {
    const lock = lockHold(task, active, locks);
    if (lock !== undefined || task.ground !== "writer") return lock;
    const [holder] = writers();
    if (holder !== undefined && writers().length >= writersMax) return { kind: "writer", holder: holder.id };
    const other = elsewhere(task.folder)[0]?.id ?? blocked;
    if (other === undefined) return undefined;
    blocked ??= task.id;
    return { kind: "folder", folder: task.folder, other };
  };
  for (const task of ready) {
    const holder = task.thread === undefined ? undefined : threads.get(task.thread);
    if (task.thread !== undefined && holder !== undefined) {
      held.set(task.id, { kind: "thread", thread: task.thread, holder });
      continue;
    }
    if (start.length >= workersFree) {
      held.set(task.id, noWorker);
      continue;
    }
    const hold = groundHold(task);
    if (hold !== undefined) {
      held.set(task.id, hold);
      continue;
    }
    start.push(task.id);
    const isTaken = writers().length >= writersMax || elsewhere(task.folder).length > 0;
    active.push({ ...task, ground: task.ground === "either" ? (isTaken ? "apart" : "writer") : task.ground });
    if (task.thread !== undefined) threads.set(task.thread, task.id);
  }
  return start;
}

function lockHold(task: ChosenTask, active: readonly ChosenTask[], locks: readonly HeldLock[]): Hold | undefined {
  const held = [
    ...active
      .toSorted(byId)
      .flatMap((holder) => holder.locks.map((path) => ({ path, session: holder.sessionKey, holder: holder.id }))),
    ...locks.map((lock) => ({ ...lock, holder: undefined })),
  ];
  const others = held.filter(({ session }) => session !== task.sessionKey);
  for (const group of new Set(others.map(({ holder, session, path }) => holder ?? `${session} ${path}`)))
    for (const own of task.locks)
      for (const { path, session, holder } of others)
        if ((holder ?? `${session} ${path}`) === group && firstMeeting([own], [path]) !== undefined)
          return { kind: "lock", path: own, session, holder };
  return undefined;
}

function byId(one: ChosenTask, other: ChosenTask): number {
  return one.id < other.id ? -1 : 1;
}

/** Smaller comes first. */
function turnOf(task: ChosenTask, priority: number): number {
  const sinceMs = Math.max(task.acceptedAtMs, task.notBeforeMs ?? 0, task.lastStartOfSessionMs ?? 0);
  return sinceMs + priority * AGE_STEP_MS;
}
