import { isDelayed } from "../state/retry.ts";
import { firstMeeting } from "../workplace/paths.ts";
import { Heap } from "./heap.ts";
import type { Pauses } from "./pause.ts";
import type { Entry, ScheduledTask, Session } from "./scheduled-task.ts";

/** Waiting this long makes up for one step of priority. */
const AGE_STEP_MS = 600_000;

/** What the world outside of the schedule lets start now. */
export interface TurnLimits {
  readonly pauses: Pauses;
  /** Sandboxed tasks can have their sandbox. */
  readonly hasSandbox: boolean;
  /** How many tasks may write to the shared checkout side by side. */
  readonly writersMax: number;
  /** Paths that sessions keep to themselves beyond the end of their tasks; the same list until it changes. */
  readonly locks: readonly HeldLock[];
  /** Tasks can be claimed now. */
  readonly canClaim: boolean;
}

/** Of a session whose work is not landed. */
export interface HeldLock {
  readonly session: string;
  readonly path: string;
}

/** Why a task that is due has to wait for the work of others. */
export type GroundHold =
  /** As many write to the shared checkout as may. */
  | { readonly kind: "writer"; readonly holder: string }
  /** A writer of another folder has its turn: `other` works there, or will before this one. */
  | { readonly kind: "folder"; readonly folder: string; readonly other: string }
  /** `holder`: the task that keeps the path to itself; `undefined` where no task of that session is active. */
  | { readonly kind: "lock"; readonly path: string; readonly session: string; readonly holder: string | undefined };

export interface SessionTurns {
  of(key: string): Session;
  /** Runs `change` on the session, and puts it where it belongs then. */
  change(session: Session, change: () => void): void;
  /** Returns heads that need a claim and nothing else, in the order of their turns. */
  claimable(nowMs: number, limits: TurnLimits, countMax: number): readonly ScheduledTask[];
  /** Returns the head whose turn it is; each head that a pause, its thread, a lock or the lack of a sandbox holds back is put aside on the way. */
  next(nowMs: number, limits: TurnLimits): Entry | undefined;
  /** The active task that has this thread. */
  holderOf(thread: string | undefined): string | undefined;
  groundHold(task: ScheduledTask, limits: TurnLimits): GroundHold | undefined;
  /** A task that may work anywhere could not write to the shared checkout now. */
  isSharedTaken(task: ScheduledTask, limits: TurnLimits): boolean;
  /** When the next head becomes due by time alone. */
  dueAtMs(nowMs: number): number | undefined;
  /** Some head is ready, or tries again at a time. */
  goesOn(nowMs: number, limits: TurnLimits): boolean;
}

/**
 * Tasks that write to the shared checkout never meet more of their kind there than `writersMax`, and those that work in different folders
 * never run side by side: an agent can put a link to git's folder in the place of one that lies below its own, and then the sandbox of
 * whoever works there lets it be written. A writer of another folder waits until all active ones have ended, and the writers after it wait
 * for it, so that its turn comes. Who only reads, or has a worktree, waits for none of them.
 *
 * @param isUnmet whether a task has to wait for another one
 */
export function createSessionTurns(isUnmet: (id: string) => boolean): SessionTurns {
  const sessions = new Map<string, Session>();
  const isTurnBefore = (one: Session, other: Session): boolean =>
    one.rank < other.rank || (one.rank === other.rank && isHeadBefore(one, other));
  /** Heads that need not wait for others' work in the shared checkout, and those that would write there. */
  const ready = new Heap<Session>(isTurnBefore);
  const readyWriters = new Heap<Session>(isTurnBefore);
  /** Heads that have to be claimed first. */
  const unclaimed = new Heap<Session>(isTurnBefore);
  const retrying = new Heap<Session>((one, other) => one.rank < other.rank);
  const notBefore = new Heap<Session>((one, other) => one.rank < other.rank);
  /** By thread: the active tasks that have it, and the sessions whose heads wait for it. */
  const holders = new Map<string, Set<string>>();
  const waiting = new Map<string, Set<Session>>();
  /** By folder: the active writers of the shared checkout. */
  const folders = new Map<string, Set<string>>();
  /** By id: active tasks with locks; and sessions whose heads wait for a lock. */
  const lockers = new Map<string, ScheduledTask>();
  const locked = new Set<Session>();
  /** Sessions whose heads wait for the end of a pause, or for a sandbox, and when that was found. */
  const paused = new Set<Session>();
  let foundBy: TurnLimits | undefined;
  /** The time of the last look; 0 before the first one. */
  let seenMs = 0;

  const take = (session: Session): void => {
    for (const heap of [ready, readyWriters, unclaimed, retrying, notBefore]) heap.remove(session);
    paused.delete(session);
    locked.delete(session);
    const thread = session.queue.first?.task.thread;
    if (thread !== undefined && waiting.get(thread)?.delete(session) === true && waiting.get(thread)?.size === 0)
      waiting.delete(thread);
  };

  const place = (session: Session): void => {
    const head = session.queue.first?.task;
    if (head === undefined || session.active.size > 0 || isUnmet(head.id)) return;
    if ((head.notBeforeMs ?? 0) > seenMs) {
      session.rank = head.notBeforeMs ?? 0;
      notBefore.add(session);
    } else if (isDelayed(head, seenMs) || (seenMs === 0 && head.dueAtMs > 0)) {
      session.rank = head.dueAtMs;
      retrying.add(session);
    } else {
      session.rank = turnOf(session, head);
      if (head.claim === undefined) (head.ground === "writer" ? readyWriters : ready).add(session);
      else if (head.claim.kind === "wanted") unclaimed.add(session);
    }
  };

  const replace = (session: Session): void => {
    take(session);
    place(session);
  };

  const look = (nowMs: number): void => {
    const isAnew = nowMs < seenMs || seenMs === 0; // The clock was set back, or nobody has looked yet.
    seenMs = nowMs;
    if (isAnew) for (const session of [...retrying.items]) replace(session);
    for (const heap of [notBefore, retrying])
      for (let first = heap.first; first !== undefined && first.rank <= nowMs; first = heap.first) replace(first);
  };

  /** Who holds a thread or a lock may change with an active task; those who wait for it are looked at again. */
  const noteActive = (before: readonly ScheduledTask[], after: readonly ScheduledTask[]): void => {
    for (const task of before) {
      removeFrom(holders, task.thread, task.id);
      removeFrom(folders, task.folder, task.id);
      lockers.delete(task.id);
    }
    for (const task of after) {
      if (task.thread !== undefined) addTo(holders, task.thread, task.id);
      if (task.ground === "writer") addTo(folders, task.folder, task.id);
      if (task.locks.length > 0) lockers.set(task.id, task);
    }
    for (const { thread } of before)
      if (thread !== undefined) for (const session of [...(waiting.get(thread) ?? [])]) replace(session);
    if (before.some(({ locks }) => locks.length > 0)) for (const session of [...locked]) replace(session);
  };

  const isElsewhere = ({ folder }: ScheduledTask): boolean => folders.size > (folders.has(folder) ? 1 : 0);
  const writers = (): readonly string[] => [...folders.values()].flatMap((ids) => [...ids]).toSorted();
  const isWriterFree = (max: number): boolean => {
    const first = readyWriters.first?.queue.first?.task;
    return first !== undefined && writers().length < max && !isElsewhere(first);
  };

  const lockHold = (task: ScheduledTask, locks: readonly HeldLock[]): GroundHold | undefined => {
    if (task.locks.length === 0) return undefined;
    for (const holder of [...lockers.values()].toSorted((one, other) => (one.id < other.id ? -1 : 1))) {
      const meeting = holder.sessionKey === task.sessionKey ? undefined : firstMeeting(task.locks, holder.locks);
      if (meeting !== undefined)
        return { kind: "lock", path: meeting[0], session: holder.sessionKey, holder: holder.id };
    }
    for (const { session, path } of locks) {
      const meeting = session === task.sessionKey ? undefined : firstMeeting(task.locks, [path]);
      if (meeting !== undefined) return { kind: "lock", path: meeting[0], session, holder: undefined };
    }
    return undefined;
  };

  /** Heads that were put aside for something that is different now are looked at again. */
  const follow = (limits: TurnLimits): void => {
    const isSame = limits.pauses === foundBy?.pauses && limits.hasSandbox === foundBy.hasSandbox;
    if (!isSame) for (const session of [...paused]) replace(session);
    if (limits.locks !== foundBy?.locks) for (const session of [...locked]) replace(session);
    foundBy = limits;
  };

  /** Puts a head aside that something holds back. */
  const putAside = (session: Session, { task }: Entry, { pauses, hasSandbox, locks }: TurnLimits): boolean => {
    const { thread, isSandboxed } = task;
    const isHeld = thread !== undefined && holders.has(thread);
    const isPaused = pauses.of(session.key) !== undefined || (isSandboxed && !hasSandbox);
    const isLocked = lockHold(task, locks) !== undefined;
    if (!isPaused && !isHeld && !isLocked) return false;
    take(session);
    if (isPaused) paused.add(session);
    else if (isHeld) waiting.set(thread, (waiting.get(thread) ?? new Set()).add(session));
    else locked.add(session);
    return true;
  };

  return {
    of(key) {
      const known = sessions.get(key);
      if (known !== undefined) return known;
      const session: Session = {
        ...{ key, queue: new Heap<Entry>(isBefore), active: new Map(), priorities: [], at: -1 },
        ...{ lastOrder: Number.NEGATIVE_INFINITY, lastStartMs: 0, rank: 0, members: 0 },
      };
      sessions.set(key, session);
      return session;
    },
    change(session, change) {
      take(session);
      const before = [...session.active.values()];
      change();
      noteActive(before, [...session.active.values()]);
      if (session.members === 0) sessions.delete(session.key);
      else place(session);
    },
    claimable(nowMs, limits, countMax) {
      look(nowMs);
      follow(limits);
      const found: Session[] = [];
      for (let session = unclaimed.first; session !== undefined && found.length < countMax; session = unclaimed.first) {
        if (session.queue.first !== undefined && putAside(session, session.queue.first, limits)) continue;
        unclaimed.remove(session);
        found.push(session);
      }
      for (const session of found) unclaimed.add(session);
      return found.flatMap(({ queue }) => queue.first?.task ?? []);
    },
    next(nowMs, limits) {
      look(nowMs);
      follow(limits);
      for (let isFull = writers().length >= limits.writersMax; ; ) {
        const candidates = [ready.first, isFull ? undefined : readyWriters.first];
        const [session] = candidates
          .filter((one) => one !== undefined)
          .toSorted((a, b) => (isTurnBefore(a, b) ? -1 : 1));
        if (session === undefined) return undefined;
        const head = session.queue.first;
        if (head === undefined) throw new Error(`session ${session.key} is ready without a task`);
        if ((head.task.notBeforeMs ?? 0) > nowMs || isDelayed(head.task, nowMs))
          replace(session); // The clock was set back.
        else if (!putAside(session, head, limits)) {
          if (head.task.ground !== "writer" || !isElsewhere(head.task)) return head;
          isFull = true; // Its turn has come: the writers after it wait for it.
        }
      }
    },
    holderOf: (thread) => (thread === undefined ? undefined : [...(holders.get(thread) ?? [])].at(-1)),
    groundHold(task, { writersMax, locks }) {
      const lock = lockHold(task, locks);
      if (lock !== undefined || task.ground !== "writer") return lock;
      const active = writers();
      const [holder] = active;
      if (holder !== undefined && active.length >= writersMax) return { kind: "writer", holder };
      const elsewhere = active.filter((id) => folders.get(task.folder)?.has(id) !== true);
      const first = readyWriters.first?.queue.first?.task;
      const before = first !== undefined && first.id !== task.id && isElsewhere(first) ? first.id : undefined;
      const other = elsewhere[0] ?? before;
      return other === undefined ? undefined : { kind: "folder", folder: task.folder, other };
    },
    isSharedTaken: (task, { writersMax }) => writers().length >= writersMax || isElsewhere(task),
    dueAtMs(nowMs) {
      look(nowMs);
      const due = Math.min(notBefore.first?.rank ?? Infinity, retrying.first?.rank ?? Infinity);
      return Number.isFinite(due) ? due : undefined;
    },
    goesOn(nowMs, { pauses, hasSandbox, writersMax, canClaim }) {
      look(nowMs);
      const isFree = ({ key, queue }: Session): boolean =>
        pauses.of(key) === undefined && (hasSandbox || queue.first?.task.isSandboxed === false);
      if (pauses.queue !== undefined) return false;
      const isWriter = isWriterFree(writersMax) && readyWriters.items.some(isFree);
      const isClaimed = canClaim && unclaimed.items.some(isFree);
      return isWriter || isClaimed || ready.items.some(isFree) || retrying.items.some(isFree);
    },
  };
}

function addTo<Key>(map: Map<Key, Set<string>>, key: Key, id: string): void {
  map.set(key, (map.get(key) ?? new Set()).add(id));
}

function removeFrom<Key>(map: Map<Key, Set<string>>, key: Key | undefined, id: string): void {
  if (key !== undefined && map.get(key)?.delete(id) === true && map.get(key)?.size === 0) map.delete(key);
}

function isBefore(one: Entry, other: Entry): boolean {
  const [a, b] = [one.task, other.task];
  return a.order < b.order || (a.order === b.order && a.id < b.id);
}

function isHeadBefore(one: Session, other: Session): boolean {
  const [a, b] = [one.queue.first, other.queue.first];
  return a !== undefined && b !== undefined && isBefore(a, b);
}

/** Smaller comes first. */
function turnOf({ lastStartMs, priorities }: Session, head: ScheduledTask): number {
  const sinceMs = Math.max(head.acceptedAtMs, head.notBeforeMs ?? 0, lastStartMs);
  const urgency = priorities.findIndex((count) => count > 0);
  return sinceMs + (urgency === -1 ? head.priority : urgency) * AGE_STEP_MS;
}
