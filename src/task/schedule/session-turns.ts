import { Heap, type HeapItem } from "./heap.ts";
import type { Pauses } from "./pause.ts";

/** Waiting this long makes up for one step of priority. */
const AGE_STEP_MS = 600_000;

/** An open task, as the choice of the next ones sees it. Times are Unix ms. */
export interface ScheduledTask {
  readonly id: string;
  readonly sessionKey: string;
  /** Order of acceptance: within a session the smaller one runs first, whatever happens. */
  readonly order: number;
  /** 0 (first) … 4. */
  readonly priority: number;
  readonly acceptedAtMs: number;
  /** Not before this time after a failure. */
  readonly dueAtMs: number;
  /** Not before this time, as the task file asks. */
  readonly notBeforeMs: number | undefined;
  readonly dependsOn: readonly string[];
  /** "active": its process may live; it keeps its session (and its thread) to itself. */
  readonly kind: "queued" | "active";
  /** The thread it runs or would resume; one thread has one writer, even when two sessions name it. */
  readonly thread: string | undefined;
  /** It runs in codex's sandbox. */
  readonly isSandboxed: boolean;
  /** Where it works, as the task names it. Tasks of different folders take turns: see `createSessionTurns`. */
  readonly folder: string;
  /** Address of the author for whom it waits to be allowed. */
  readonly heldAuthor: string | undefined;
}

/** A task in its session. */
export interface Entry extends HeapItem {
  readonly task: ScheduledTask;
  readonly session: Session;
  /** It waits for itself in a circle: why it can never run. */
  deadlock: string | undefined;
}

/** A session with open tasks. */
export interface Session extends HeapItem {
  readonly key: string;
  /** What may run some time, in order of acceptance. */
  readonly queue: Heap<Entry>;
  /** Entries that name it, in its queue or not. */
  members: number;
  /** By id: tasks whose processes may live. */
  readonly active: Map<string, ScheduledTask>;
  /** How many queued tasks have each priority. */
  readonly priorities: number[];
  /** The greatest order of acceptance in it so far. */
  lastOrder: number;
  /** When a task of it was last started, Unix ms. */
  lastStartMs: number;
  /** Where it stands while it is in a heap: its turn, or when it is due. Smaller comes first. */
  rank: number;
}

export interface SessionTurns {
  of(key: string): Session;
  /** Runs `change` on the session, and puts it where it belongs then. */
  change(session: Session, change: () => void): void;
  /** Returns the head whose turn it is; each head that a pause, its thread or the lack of a sandbox holds back is put aside on the way. */
  next(nowMs: number, pauses: Pauses, hasSandbox: boolean): Entry | undefined;
  /** The active task that has this thread. */
  holderOf(thread: string | undefined): string | undefined;
  /** The task of another folder that is active, or whose turn comes before, for which this one has to wait. */
  otherFolder(task: ScheduledTask): string | undefined;
  /** When the next head becomes due by time alone. */
  dueAtMs(nowMs: number): number | undefined;
  /** Some head is ready, or tries again at a time. */
  goesOn(nowMs: number, pauses: Pauses, hasSandbox: boolean): boolean;
}

/**
 * Tasks that work in different folders never run side by side: an agent can put a link to git's folder in the place of one that lies below
 * its own, and then the sandbox of whoever works there lets it be written. A head of another folder waits until all active tasks
 * have ended, and those after it wait for it, so that its turn comes.
 *
 * @param isUnmet whether a task has to wait for another one
 */
export function createSessionTurns(isUnmet: (id: string) => boolean): SessionTurns {
  const sessions = new Map<string, Session>();
  const ready = new Heap<Session>(
    (one, other) => one.rank < other.rank || (one.rank === other.rank && isHeadBefore(one, other)),
  );
  const retrying = new Heap<Session>((one, other) => one.rank < other.rank);
  const notBefore = new Heap<Session>((one, other) => one.rank < other.rank);
  /** By thread: the active tasks that have it, and the sessions whose heads wait for it. */
  const holders = new Map<string, Set<string>>();
  const waiting = new Map<string, Set<Session>>();
  /** By folder: the active tasks that work there. */
  const folders = new Map<string, Set<string>>();
  /** Sessions whose heads wait for the end of a pause, or for a sandbox, and when that was found. */
  const paused = new Set<Session>();
  let pausedBy: Pauses | undefined;
  let hadSandbox = true;
  let seenMs = 0;

  const take = (session: Session): void => {
    for (const heap of [ready, retrying, notBefore]) heap.remove(session);
    paused.delete(session);
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
    } else if (head.dueAtMs > seenMs) {
      session.rank = head.dueAtMs;
      retrying.add(session);
    } else {
      session.rank = turnOf(session, head);
      ready.add(session);
    }
  };

  const replace = (session: Session): void => {
    take(session);
    place(session);
  };

  const look = (nowMs: number): void => {
    seenMs = nowMs;
    for (const heap of [notBefore, retrying])
      for (let first = heap.first; first !== undefined && first.rank <= nowMs; first = heap.first) replace(first);
  };

  /** Who holds a thread may change with an active task; those who wait for it are looked at again. */
  const noteThreads = (before: readonly ScheduledTask[], after: readonly ScheduledTask[]): void => {
    for (const { id, thread } of before) {
      if (thread === undefined || holders.get(thread)?.delete(id) !== true) continue;
      if (holders.get(thread)?.size === 0) holders.delete(thread);
    }
    for (const { id, thread } of after) {
      if (thread === undefined) continue;
      const ids = holders.get(thread) ?? new Set();
      holders.set(thread, ids.add(id));
    }
    for (const { thread } of before)
      if (thread !== undefined) for (const session of [...(waiting.get(thread) ?? [])]) replace(session);
  };

  const noteFolders = (before: readonly ScheduledTask[], after: readonly ScheduledTask[]): void => {
    for (const { id, folder } of before)
      if (folders.get(folder)?.delete(id) && folders.get(folder)?.size === 0) folders.delete(folder);
    for (const { id, folder } of after) folders.set(folder, (folders.get(folder) ?? new Set()).add(id));
  };
  const isElsewhere = ({ folder }: ScheduledTask): boolean => folders.size > (folders.has(folder) ? 1 : 0);

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
      noteThreads(before, [...session.active.values()]);
      noteFolders(before, [...session.active.values()]);
      if (session.members === 0) sessions.delete(session.key);
      else place(session);
    },
    next(nowMs, pauses, hasSandbox) {
      look(nowMs);
      if (pauses !== pausedBy || hasSandbox !== hadSandbox) {
        pausedBy = pauses;
        hadSandbox = hasSandbox;
        for (const session of [...paused]) replace(session);
      }
      for (let session = ready.first; session !== undefined; session = ready.first) {
        const head = session.queue.first;
        if (head === undefined) throw new Error(`session ${session.key} is ready without a task`);
        const { notBeforeMs = 0, dueAtMs, thread, isSandboxed } = head.task;
        if (Math.max(notBeforeMs, dueAtMs) > nowMs) {
          replace(session); // The clock was set back.
          continue;
        }
        const isHeld = thread !== undefined && holders.has(thread);
        const isPaused = pauses.of(session.key) !== undefined || (isSandboxed && !hasSandbox);
        if (!isPaused && !isHeld) return isElsewhere(head.task) ? undefined : head;
        ready.remove(session);
        if (isPaused) paused.add(session);
        else if (thread !== undefined) waiting.set(thread, (waiting.get(thread) ?? new Set()).add(session));
      }
      return undefined;
    },
    holderOf: (thread) => (thread === undefined ? undefined : [...(holders.get(thread) ?? [])].at(-1)),
    otherFolder(task) {
      const active = [...folders].flatMap(([folder, ids]) => (folder === task.folder ? [] : [...ids]));
      if (active.length > 0) return active.toSorted()[0];
      const first = ready.first?.queue.first?.task;
      return first !== undefined && first.id !== task.id && isElsewhere(first) ? first.id : undefined;
    },
    dueAtMs(nowMs) {
      look(nowMs);
      const due = Math.min(notBefore.first?.rank ?? Infinity, retrying.first?.rank ?? Infinity);
      return Number.isFinite(due) ? due : undefined;
    },
    goesOn(nowMs, pauses, hasSandbox) {
      look(nowMs);
      const isFree = ({ key, queue }: Session): boolean =>
        pauses.of(key) === undefined && (hasSandbox || queue.first?.task.isSandboxed === false);
      const first = ready.first?.queue.first?.task;
      const isTurn = first !== undefined && !isElsewhere(first);
      return pauses.queue === undefined && ((isTurn && ready.items.some(isFree)) || retrying.items.some(isFree));
    },
  };
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
