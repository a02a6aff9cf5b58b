import { isTaskId } from "../names/task-id.ts";
import { asUsage, isCount, sumUsage } from "../records/task-file/task-account.ts";
import type { Usage } from "../state/run.ts";
import type { SessionFact } from "./session-fact.ts";

/** How many tasks of a session have ended, and what they took. */
export interface SessionAccount {
  readonly tasks: EndedTasks;
  /** Runs of codex. */
  readonly runs: number;
  /** `undefined`: none are known. */
  readonly usage: Usage | undefined;
  readonly durationMs: number;
  readonly commands: number;
  /** When the last of them ended (UTC). */
  readonly lastEndedAt: string | undefined;
}

export interface EndedTasks {
  readonly succeeded: number;
  readonly failed: number;
  readonly cancelled: number;
}

type EndStatus = keyof EndedTasks;

/** What a task that has ended adds to its session; a fact of the kind `account`. */
export interface TaskShare {
  readonly clone: string;
  readonly task: string;
  readonly status: EndStatus;
  readonly runs: number;
  readonly usage: Usage | undefined;
  readonly durationMs: number;
  readonly commands: number;
  /** UTC. */
  readonly endedAt: string;
  /** Its last run vanished, and no attempt was left. */
  readonly died?: boolean;
}

export const NO_ACCOUNT: SessionAccount = {
  tasks: { succeeded: 0, failed: 0, cancelled: 0 },
  ...{ runs: 0, usage: undefined, durationMs: 0, commands: 0, lastEndedAt: undefined },
};

/** Of each clone the newest shares stay apart when session.jsonl is compacted: a commit that is made again may bring one late. */
const SHARES_KEPT = 16;

/** Returns the fact that tells of a task's share. `n` orders it among the facts of its session. */
export function accountFact(share: TaskShare, n: number): SessionFact {
  const { clone, task, status, runs, usage, durationMs, commands, endedAt, died = false } = share;
  const numbers = { status, runs, usage: usage ?? null, durationMs, commands };
  return { v: 1, n, time: endedAt, kind: "account", clone, task, ...numbers, ...(died && { died }) };
}

/** Tells whether the task that ended last has died: its last run vanished, and no attempt was left. */
export function hasDied(facts: Iterable<SessionFact>): boolean {
  let last: SessionFact | undefined;
  for (const fact of facts) if (fact.kind === "account" && fact.time >= (last?.time ?? "")) last = fact;
  return last?.died === true;
}

/** Returns which facts compete for one place: a task's share, per clone that ran it; the sum of a clone. `undefined`: not of ours, or a field is missing. */
export function accountSlot(fact: SessionFact): string | undefined {
  if (fact.kind === "account") {
    const share = shareOf(fact);
    return share === undefined ? undefined : `account ${share.clone} ${share.task}`;
  }
  return sumOf(fact) === undefined ? undefined : sumSlot(fact);
}

/** Tells whether `fact` is a share that its clone's `sum` covers: then it says nothing new. */
export function isCovered(fact: SessionFact, sum: SessionFact | undefined): boolean {
  return fact.kind === "account" && sum !== undefined && fact.time <= sum.time;
}

/** Returns the slot of the sum that may cover a share. */
export function sumSlot(fact: SessionFact): string {
  return `accounts ${String(fact.clone)}`;
}

/**
 * Returns what all tasks come to. `facts`: the greatest of each slot. A share that its clone's sum covers, which is one that ended no later, does not
 * count again: a union merge may bring it back beside the sum.
 */
export function foldAccounts(facts: Iterable<SessionFact>): SessionAccount {
  const { sums, shares } = sorted(facts);
  let total = NO_ACCOUNT;
  for (const sum of sums.values()) total = added(total, sum);
  const counted = new Set<string>();
  // Where two clones ran one task, both have used what they used; but it is one task, that has succeeded if it has anywhere.
  for (const share of shares.toSorted((a, b) => STATUSES.indexOf(a.status) - STATUSES.indexOf(b.status))) {
    const account = accountOfShare(share);
    total = added(total, counted.has(share.task) ? { ...account, tasks: NO_ACCOUNT.tasks } : account);
    counted.add(share.task);
  }
  return total;
}

/**
 * Returns the facts of the kinds `account` and `accounts` that say the same in less: of `clone` all shares but the newest become its sum.
 * A clone sums up its own alone, which it alone writes: so the sums of two clones never overlap, and the later one of one clone holds the earlier.
 */
export function compactAccounts(facts: readonly SessionFact[], clone: string): readonly SessionFact[] {
  const { sums, shares } = sorted(facts);
  const own = shares.filter((share) => share.clone === clone).sort((a, b) => compare(a.endedAt, b.endedAt));
  const kept = facts.filter(({ kind }) => kind === "account" || kind === "accounts");
  const keptFrom = own.at(-SHARES_KEPT)?.endedAt ?? "";
  const folded = own.filter(({ endedAt }) => endedAt < keptFrom); // What ended in one moment stays together: more of it may come.
  const last = folded.at(-1);
  if (last === undefined) return kept;
  let sum = sums.get(clone) ?? NO_ACCOUNT;
  for (const share of folded) sum = added(sum, accountOfShare(share));
  const isFolded = (fact: SessionFact): boolean =>
    fact.clone === clone && (fact.kind === "accounts" || fact.time <= last.endedAt);
  const n = Math.max(...kept.filter(isFolded).map((fact) => fact.n));
  const { tasks, runs, usage, durationMs, commands } = sum;
  const numbers = { tasks, runs, usage: usage ?? null, durationMs, commands };
  const fact: SessionFact = { v: 1, n, time: last.endedAt, kind: "accounts", clone, ...numbers };
  return [...kept.filter((other) => !isFolded(other)), fact];
}

/** Adds two accounts. */
export function added(a: SessionAccount, b: SessionAccount): SessionAccount {
  return {
    tasks: {
      succeeded: a.tasks.succeeded + b.tasks.succeeded,
      failed: a.tasks.failed + b.tasks.failed,
      cancelled: a.tasks.cancelled + b.tasks.cancelled,
    },
    runs: a.runs + b.runs,
    usage: sumUsage([a.usage, b.usage]),
    durationMs: a.durationMs + b.durationMs,
    commands: a.commands + b.commands,
    lastEndedAt: [a.lastEndedAt, b.lastEndedAt]
      .filter((time) => time !== undefined)
      .sort()
      .at(-1),
  };
}

function accountOfShare({ status, endedAt, ...share }: TaskShare): SessionAccount {
  const { runs, usage, durationMs, commands } = share;
  return { tasks: { ...NO_ACCOUNT.tasks, [status]: 1 }, runs, usage, durationMs, commands, lastEndedAt: endedAt };
}

interface Sorted {
  readonly sums: ReadonlyMap<string, SessionAccount>;
  /** Those that no sum covers. */
  readonly shares: readonly TaskShare[];
}

function sorted(facts: Iterable<SessionFact>): Sorted {
  const sums = new Map<string, SessionAccount>();
  const shares: TaskShare[] = [];
  for (const fact of facts) {
    const [share, sum] = [shareOf(fact), sumOf(fact)];
    if (share !== undefined) shares.push(share);
    if (sum !== undefined) sums.set(String(fact.clone), sum);
  }
  const counts = ({ clone, endedAt }: TaskShare): boolean => endedAt > (sums.get(clone)?.lastEndedAt ?? "");
  return { sums, shares: shares.filter(counts) };
}

function shareOf(fact: SessionFact): TaskShare | undefined {
  if (fact.kind !== "account") return undefined;
  const { clone, task, status, runs, usage, durationMs, commands, time } = fact;
  if (typeof clone !== "string" || typeof task !== "string" || !isTaskId(task) || !isEndStatus(status))
    return undefined;
  if (!isCount(runs) || !isCount(durationMs) || !isCount(commands)) return undefined;
  return { clone, task, status, runs, usage: asUsage(usage), durationMs, commands, endedAt: time };
}

function sumOf(fact: SessionFact): SessionAccount | undefined {
  if (fact.kind !== "accounts" || typeof fact.clone !== "string") return undefined;
  const { tasks, runs, usage, durationMs, commands, time } = fact;
  if (typeof tasks !== "object" || tasks === null) return undefined;
  const counts = new Map<string, unknown>(Object.entries(tasks));
  const [succeeded, failed, cancelled] = STATUSES.map((status) => counts.get(status));
  if (!isCount(succeeded) || !isCount(failed) || !isCount(cancelled)) return undefined;
  if (!isCount(runs) || !isCount(durationMs) || !isCount(commands)) return undefined;
  const ended = { succeeded, failed, cancelled };
  return { tasks: ended, runs, usage: asUsage(usage), durationMs, commands, lastEndedAt: time };
}

const STATUSES = ["succeeded", "failed", "cancelled"] as const satisfies readonly EndStatus[];

function isEndStatus(value: unknown): value is EndStatus {
  return STATUSES.some((status) => status === value);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
