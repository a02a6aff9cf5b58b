import type { Surroundings } from "../../base/surroundings.ts";
import type { WorldFaults } from "../../base/world-fault.ts";
import type { CircuitBreaker } from "../../dispatch/circuit-breaker.ts";
import type { CodexAvailability } from "../../dispatch/codex-availability.ts";
import type { Dispatcher } from "../../dispatch/dispatcher.ts";
import type { Runs } from "../../dispatch/runs.ts";
import type { SandboxAvailability } from "../../dispatch/sandbox-availability.ts";
import type { Branch } from "../../git/branch.ts";
import { findStoppedGit } from "../../git/process/git-under-way.ts";
import type { InboxReconciler } from "../../intake/inbox-reconciler.ts";
import type { QueueLimit } from "../../intake/queue-limit.ts";
import type { BranchSync } from "../../publish/branch-sync.ts";
import type { CommitQueue } from "../../publish/commit-queue.ts";
import type { SyncState } from "../../publish/sync-state.ts";
import type { TaskJournal } from "../../store/journal/task-journal.ts";
import type { TaskTable } from "../../store/tasks/task-table.ts";
import type { RightsByOrigin } from "../../task/rights/origin-rights.ts";
import { breakerHold, type Outage } from "../../task/schedule/breaker.ts";
import { type PausedView, presentPauses } from "./present-pauses.ts";

/** How the coordinator is doing; what `GET /health` answers. */
export interface Health {
  readonly status: "ok" | "waiting";
  readonly version: string;
  readonly workspace: string;
  readonly branch: string;
  readonly pid: number;
  readonly startedAt: string;
  readonly tasks: { readonly queued: number; readonly running: number; readonly uncommitted: number };
  /** Why results are not being committed now, and since when (UTC). */
  readonly committer: { readonly reason: string; readonly since: string } | null;
  /** Why no task is started although some could be, since when, and until when at least where that is known (UTC). */
  readonly codex: { readonly reason: string; readonly since: string; readonly until: string | null } | null;
  /** Why no task is started that needs codex's sandbox, what helps, and since when (UTC). */
  readonly sandbox: { readonly reason: string; readonly since: string } | null;
  /** What is paused, and since when (UTC); running tasks go on. */
  readonly paused: PausedView;
  /** Why no more tasks are accepted now, and since when (UTC). */
  readonly full: { readonly reason: string; readonly since: string } | null;
  /** What cannot be done because of the machine (a full disk, …), what helps, and since when (UTC); it goes on by itself, but for a git that was stopped. */
  readonly world: { readonly reason: string; readonly since: string } | null;
  /** How the branch and its remote stand; `null` without one. */
  readonly sync: SyncState | null;
  /** Which tasks of those that other clones have too are whose; `null` without a remote. */
  readonly claims: ClaimsView | null;
  /** Journals that were set aside because nothing could be made of them: their tasks are not known any more. */
  readonly damaged: readonly string[];
  /** Files in inbox/ that cannot become tasks. */
  readonly broken: readonly string[];
  /** A configuration that could not be read; the last good one is in force. */
  readonly configProblem: string | null;
  /** Settings in the work tree that count once they are committed. */
  readonly uncommittedSettings: string | null;
  /** Addresses of authors whose tasks wait until they are allowed; the first twenty. */
  readonly newAuthors: readonly string[];
  readonly draining: boolean;
}

export interface ClaimsView {
  /** Open tasks that this clone has claimed. */
  readonly held: number;
  /** Open tasks that wait for another clone: it has claimed them, or they say that they run there. */
  readonly elsewhere: number;
  /** Why nothing can be claimed now. */
  readonly problem: string | null;
}

export interface HealthSources {
  readonly table: TaskTable;
  readonly journal: Pick<TaskJournal, "damaged">;
  readonly runs: Runs;
  readonly commits: CommitQueue;
  readonly inbox: InboxReconciler;
  readonly bound: QueueLimit;
  readonly dispatcher: Dispatcher;
  readonly breaker: CircuitBreaker;
  readonly codex: CodexAvailability;
  readonly sandbox: Pick<SandboxAvailability, "problem">;
  readonly faults: WorldFaults;
  readonly sync: Pick<BranchSync, "state">;
  readonly branch: Branch;
  readonly workspaceDir: string;
  readonly branchName: string;
  readonly version: string;
  readonly startedAt: string;
  readonly configProblem: string | undefined;
  readonly uncommittedSettings: () => string | undefined;
  readonly settings: () => { readonly run: { readonly rights: Pick<RightsByOrigin, "heldAuthor"> } };
  readonly surroundings: Pick<Surroundings, "now">;
}

/** Returns how the coordinator is doing now. */
export function presentHealth(sources: HealthSources): Health {
  const problem = sources.codex.problem() ?? problemOfOutage(sources.breaker.outage(), sources.surroundings.now());
  const wait = sources.branch.waiting() ?? sources.commits.waiting();
  const sandbox = sources.sandbox.problem();
  const full = sources.bound.state();
  const world = sources.faults.current() ?? findStoppedGit();
  const pauses = sources.dispatcher.pauses();
  const { queued, finished } = sources.table.index.counts();
  return {
    status: [wait, problem, sandbox, pauses.queue, full, world].every((reason) => reason === undefined)
      ? "ok"
      : "waiting",
    version: sources.version,
    workspace: sources.workspaceDir,
    branch: sources.branchName,
    pid: process.pid,
    startedAt: sources.startedAt,
    tasks: { queued, running: sources.runs.activeCount, uncommitted: finished },
    committer: wait === undefined ? null : { reason: wait.reason, since: new Date(wait.sinceMs).toISOString() },
    codex: problem === undefined ? null : presentProblem(problem),
    sandbox: sandbox === undefined ? null : { reason: sandbox.reason, since: new Date(sandbox.sinceMs).toISOString() },
    paused: presentPauses(pauses),
    full: full === undefined ? null : { reason: full.reason, since: new Date(full.sinceMs).toISOString() },
    world: world === undefined ? null : { reason: world.reason, since: new Date(world.sinceMs).toISOString() },
    sync: sources.sync.state() ?? null,
    claims: presentClaims(sources.dispatcher.claims),
    damaged: sources.journal.damaged(),
    broken: sources.inbox.broken(),
    configProblem: sources.configProblem ?? null,
    uncommittedSettings: sources.uncommittedSettings() ?? null,
    newAuthors: newAuthors(sources),
    draining: sources.dispatcher.isDraining,
  };
}

function presentClaims(claims: Dispatcher["claims"]): ClaimsView | null {
  const counts = claims.counts();
  return counts === undefined ? null : { ...counts, problem: claims.problem() ?? null };
}

const AUTHORS_SHOWN = 20;

function newAuthors({ table, settings }: HealthSources): readonly string[] {
  const { rights } = settings().run;
  const found = new Set<string>();
  for (const { state, origin } of table.all()) {
    const author = state.kind === "queued" ? rights.heldAuthor(origin) : undefined;
    if (author !== undefined) found.add(author);
    if (found.size === AUTHORS_SHOWN) break;
  }
  return [...found];
}

/** Returns why no task is started, as interfaces show it. */
export function presentProblem(problem: CodexProblem): NonNullable<Health["codex"]> {
  const { reason, sinceMs, untilMs } = problem;
  const until = untilMs === undefined ? null : new Date(untilMs).toISOString();
  return { reason, since: new Date(sinceMs).toISOString(), until };
}

/** Returns why an outage lets no task start now; `undefined` where it does. While one task tries whether it is over, nobody knows until when. */
export function problemOfOutage(outage: Outage | undefined, nowMs: number): CodexProblem | undefined {
  const hold = breakerHold(outage, nowMs);
  if (outage === undefined || hold === undefined) return undefined;
  return { reason: hold.problem, sinceMs: outage.sinceMs, untilMs: hold.untilMs };
}

interface CodexProblem {
  readonly reason: string;
  readonly sinceMs: number;
  readonly untilMs?: number | undefined;
}
