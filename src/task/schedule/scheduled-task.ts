import type { ClaimNeed } from "../claims/standing.ts";
import type { Heap, HeapItem } from "./heap.ts";

/**
 * What a task needs of the checkout that all share: it writes there, or it leaves it as it is, because it only reads or because it works in a
 * worktree of its own; or that is decided when its turn comes, by what the checkout is like then.
 */
export type Ground = "writer" | "apart" | "either";

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
  /** When it came to wait for that time, by the clock of then. */
  readonly waitsFromMs: number;
  /** Not before this time, as the task file asks. */
  readonly notBeforeMs: number | undefined;
  readonly dependsOn: readonly string[];
  /** "active": its process may live; it keeps its session (and its thread) to itself. */
  readonly kind: "queued" | "active";
  /** The thread it runs or would resume; one thread has one writer, even when two sessions name it. */
  readonly thread: string | undefined;
  /** It runs in codex's sandbox. */
  readonly isSandboxed: boolean;
  readonly ground: Ground;
  /** Where it works, as the task names it. Writers of different folders take turns: see `createSessionTurns`. */
  readonly folder: string;
  /** Paths that it keeps to itself while it is active. */
  readonly locks: readonly string[];
  /** What it needs of the clones that share its remote before it may start; the same object until that changes. */
  readonly claim: ClaimNeed | undefined;
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
