import { faultPoint } from "../base/fault-point.ts";
import { createSlices } from "../base/slices.ts";
import type { Log, Surroundings } from "../base/surroundings.ts";
import { createWorldFaults, type WorldFault } from "../base/world-fault.ts";
import type { Branch } from "../git/branch.ts";
import type { JournalRecord } from "../store/journal/journal-record.ts";
import type { TaskJournal } from "../store/journal/task-journal.ts";
import type { Sessions } from "../store/sessions/session-store.ts";
import { awaitsIntakeCommit, ledgerRows, type OpenTask } from "../store/tasks/open-task.ts";
import { type RecentTasks, recentOf } from "../store/tasks/recent-tasks.ts";
import type { TaskTable } from "../store/tasks/task-table.ts";
import { firstRunOf } from "../task/claims/claim.ts";
import type { ErrorFileChange, StaleDrop } from "../task/file/drop.ts";
import { isFinal, type LedgerRow } from "../task/ledger/ledger.ts";
import type { CommitPlan } from "../task/records/commit-plan.ts";
import { asKept, type Keeper, type Kept } from "../task/text/kept-text.ts";
import { buildIntakeCommits } from "./intake-commit.ts";
import { buildLedgerEdits } from "./ledger-commit.ts";
import { buildResultCommit, type ResultBatch } from "./result-commit.ts";

/**
 * A finished task waits for the batch under way and its own, unless more wait than fit into one: its files are put into the work tree
 * while git's lock is held, some 3 ms. Most of a batch costs the same for one task as for many, so a slow one is no reason for smaller ones.
 */
const BATCH_TASKS_MAX = 50;
/** Rewriting git's index takes at most this share of the time (one in so many), unless a finished task would wait for too long. */
const INDEX_SHARE = 10;
/** Where nothing else runs that could be in the next batch, an index that is written faster is no reason to wait. */
const CHEAP_INDEX_MS = 20;
const WAIT_MAX_MS = 900;
/** What the queue does apart from the commit itself, in the sentence that says what it cannot do. */
const RECORDING = "record what was committed";

export interface CommitQueueDeps {
  /** The coordinator's own folder; absolute. */
  readonly home: string;
  readonly table: TaskTable;
  readonly journal: TaskJournal;
  readonly recent: RecentTasks;
  readonly branch: Branch;
  readonly keeper: Pick<Keeper, "keepName">;
  readonly sessions: Pick<Sessions, "committed">;
  /** The runs of a task are not needed any more; `keep`: one of them failed in an unknown way, and a person may want to see it. */
  readonly forgetRuns: (task: string, options: { readonly keep: boolean }) => void;
  readonly clone: string;
  /** Whether a task may still change: its ledger rows stay where they are. */
  readonly isOpen: (task: string) => boolean;
  readonly log: Log;
  /** The branch has a new tip of ours. */
  readonly onCommitted: () => Promise<void>;
  readonly wake: () => void;
  readonly surroundings: Pick<Surroundings, "now" | "monotonicMs" | "after">;
  /** A batch failed for another reason than being given up: nothing is lost, but somebody has to know. */
  readonly onFailure: (error: unknown) => void;
}

/** Brings finished tasks, accepted drops and error files into the branch, one batch after the other, beside everything else. */
export interface CommitQueue {
  /** Begins a batch if there is something to commit and none is under way. */
  kick(): void;
  /** Adds copies of drops that the branch has to lose. */
  addStale(drops: readonly StaleDrop[]): void;
  /** Says which error files the branch should change; replaces what was said before. */
  setErrorFiles(changes: readonly ErrorFileChange[]): void;
  /** Finished tasks that are not in the branch yet. */
  pendingCount(): number;
  /** Nothing is to be committed, and nothing is being committed. */
  isQuiet(): boolean;
  /** Why what was committed cannot be recorded now: the machine is short of something. */
  waiting(): WorldFault | undefined;
  /** Gives up waiting for git and ends. */
  close(): Promise<void>;
}

export function createCommitQueue(deps: CommitQueueDeps): CommitQueue {
  const { table, journal, branch, surroundings } = deps;
  const aborter = new AbortController();
  let stale: readonly StaleDrop[] = [];
  let errorFiles: readonly ErrorFileChange[] = [];
  let underWay: Promise<void> | undefined;
  /** Ends the pause; there is one while this is set. */
  let cancelPause: (() => void) | undefined;
  const faults = createWorldFaults(surroundings, deps.log, deps.home);
  /** Tasks whose result was gone from the branch again when it was to be recorded as committed: each is committed once more. */
  const goneAgain = new Set<string>();

  const hasWork = (): boolean => {
    const { finished, awaitingIntakeCommit } = table.index.counts();
    return stale.length + errorFiles.length + finished + awaitingIntakeCommit > 0;
  };

  const runBatch = async (): Promise<void> => {
    const startedMs = surroundings.monotonicMs();
    const done = table.index.finished().slice(0, BATCH_TASKS_MAX);
    const taken = table.index.awaitingIntakeCommit();
    const goneStale = stale;
    const said = errorFiles;
    const plans: CommitPlan[] = [...buildIntakeCommits(branch, journal, taken, goneStale, said, deps.keeper)];
    const offset = plans.length;
    const batch: ResultBatch = { clone: deps.clone, rotated: new Map(), keeper: deps.keeper };
    const rows = taken.flatMap((task) => ledgerRows(journal.read(task.id)).slice(0, 1));
    const finished: FinishedTask[] = [];
    const slices = createSlices();
    for (const task of done) {
      const records = journal.read(task.id);
      plans.push(await buildResultCommit(branch, task, records, batch));
      const own = ledgerRows(records).map((row) =>
        task.superseded ? supersededRow(row, task) : withResult(row, task),
      );
      rows.push(...own);
      finished.push({ task, lastRow: own.at(-1), keepsRuns: failedUnknown(records) });
      await slices.next();
    }
    const last = plans.pop();
    if (last === undefined) return;
    const ledger = await buildLedgerEdits(branch, rows, deps.isOpen, deps.clone);
    plans.push({ ...last, closing: ledger });

    await table.durable(); // Where the branch is ahead of the journal, a loss of power would let a task run again.
    const report = await branch.commit(plans, aborter.signal);
    await deps.onCommitted();
    stale = stale.filter((drop) => !goneStale.includes(drop));
    if (errorFiles === said) errorFiles = [];
    const gone = [...taken, ...done.filter(awaitsIntakeCommit)].map(({ id }) => id);
    gone.push(...goneStale.flatMap(({ task }) => task ?? []));
    for (const id of gone) await noteDropGone(id, report.tip);
    for (const [index, one] of finished.entries()) {
      await retire(one, report.commits[index + offset] ?? report.tip);
      await slices.next();
    }
    for (const path of report.leftAlone) deps.log("left-alone", { path, reason: "edited in the work tree" });
    const { tip, indexMs, attempts } = report;
    deps.log("committed", { tasks: done.length, tip, indexMs: Math.round(indexMs), attempts });
    rest(surroundings.monotonicMs() - startedMs, indexMs);
  };

  /** The next batch begins so late that rewriting the index takes a tenth of the time, unless it would be a full one. */
  const rest = (tookMs: number, indexMs: number): void => {
    const { finished, running } = table.index.counts();
    if ((running === 0 && indexMs < CHEAP_INDEX_MS) || finished >= BATCH_TASKS_MAX) return;
    pause(Math.max(0, Math.min(indexMs * INDEX_SHARE, WAIT_MAX_MS - tookMs) - tookMs));
  };

  const noteDropGone = async (id: string, commit: string): Promise<void> => {
    const source = (table.get(id) ?? deps.recent.get(id))?.source;
    // Somebody has moved the branch back meanwhile, and that was seen to while the drop counted as there.
    if (source !== undefined && (await branch.blobAt(source.path)) === source.blob) return;
    if (table.get(id)?.dropGone === false) table.note(id, { k: "drop-gone", commit });
    if (deps.recent.get(id)?.dropGone === false) deps.recent.noteDropGone(id, commit);
  };

  const retire = async (
    { task: { id, ...planned }, lastRow, keepsRuns }: FinishedTask,
    commit: string,
  ): Promise<void> => {
    const task = table.get(id);
    if (task === undefined || lastRow === undefined) return; // Another look at the branch has taken it out meanwhile.
    // Its result stands for nothing that could be committed again: another clone's does.
    if (task.superseded !== undefined && planned.superseded !== undefined) {
      table.forget(id);
      deps.sessions.committed(id);
      deps.forgetRuns(id, { keep: keepsRuns });
      return;
    }
    const blob = await branch.blobAt(planned.path);
    // Somebody has moved the branch back meanwhile, and that was seen to while the task was not among those whose results are looked for.
    if (blob === undefined && !goneAgain.has(id)) {
      goneAgain.add(id);
      return;
    }
    goneAgain.delete(id);
    table.retire(id, { k: "committed", commit, blob: blob ?? null });
    deps.recent.add(recentOf(task, lastRow, blob));
    deps.sessions.committed(id);
    faultPoint("finish:retired");
    deps.forgetRuns(id, { keep: keepsRuns });
  };

  /** No batch begins for so long. */
  const pause = (ms: number): void => {
    endPause();
    if (ms <= 0) return;
    cancelPause = surroundings.after(ms, () => {
      cancelPause = undefined; // The timer alone ends the pause: one that ends a moment early would else be the last to wake us.
      deps.wake();
    });
  };
  const endPause = (): void => {
    cancelPause?.();
    cancelPause = undefined;
  };

  const kick = (): void => {
    if (underWay !== undefined || aborter.signal.aborted || cancelPause !== undefined || !hasWork()) return;
    underWay = runBatch().then(
      () => {
        underWay = undefined;
        faults.clear(RECORDING);
        deps.wake();
      },
      (error: unknown) => {
        underWay = undefined;
        if (aborter.signal.aborted) return;
        const retryMs = faults.note(RECORDING, error);
        if (retryMs === undefined) throw error;
        pause(retryMs); // What was committed is found done the next time.
      },
    );
    underWay.catch(deps.onFailure);
  };

  return {
    kick,
    addStale(drops) {
      const known = new Set(stale.map(({ path }) => path));
      stale = [...stale, ...drops.filter(({ path }) => !known.has(path))];
    },
    setErrorFiles: (changes) => {
      errorFiles = changes;
    },
    pendingCount: () => table.index.counts().finished,
    isQuiet: () => underWay === undefined && !hasWork(),
    waiting: faults.current,
    async close() {
      endPause();
      aborter.abort();
      await underWay?.catch(() => undefined); // Whatever was under way is in the journal and comes again at the next start.
    },
  };
}

interface FinishedTask {
  readonly task: OpenTask;
  readonly lastRow: LedgerRow | undefined;
  readonly keepsRuns: boolean;
}

/** A row that ends the task links its file. */
function withResult(row: Kept<LedgerRow>, { spec, path }: OpenTask): Kept<LedgerRow> {
  return isFinal(row.status) ? { ...row, result: asKept({ title: spec.title, path }) } : row;
}

/** The end of a task that another clone has taken over is none: it is queued there, under the numbers of a later generation. */
function supersededRow(row: Kept<LedgerRow>, { superseded }: OpenTask): Kept<LedgerRow> {
  if (!isFinal(row.status) || superseded === undefined) return row;
  const { name, generation } = superseded;
  const detail = `run ${row.run} (${row.status}) is superseded: ${name} had taken it over (generation ${generation})`;
  return asKept<LedgerRow>({ ...row, run: firstRunOf(generation), status: "queued", detail });
}

/** Tells whether a run of the task failed in a way that is not known: then all of it is worth keeping. */
function failedUnknown(records: readonly JournalRecord[]): boolean {
  return records.some((record) => record.k === "run" && record.verdict.failure?.kind === "unknown");
}
