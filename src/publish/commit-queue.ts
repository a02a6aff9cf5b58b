import { faultPoint } from "../base/fault-point.ts";
import type { Log } from "../base/surroundings.ts";
import type { Branch } from "../git/branch.ts";
import type { JournalRecord } from "../store/journal-record.ts";
import { awaitsIntakeCommit, ledgerRows, type OpenTask } from "../store/open-task.ts";
import { type RecentTasks, recentFrom } from "../store/recent-tasks.ts";
import type { Sessions } from "../store/session-store.ts";
import type { TaskJournal } from "../store/task-journal.ts";
import type { TaskTable } from "../store/task-table.ts";
import type { ErrorFileChange, StaleDrop } from "../task/file/drop.ts";
import type { CommitPlan } from "../task/records/commit-plan.ts";
import { taskFilePath } from "../task/records/workspace-paths.ts";
import type { KeptText } from "../task/text/kept-text.ts";
import { buildIntakeCommits } from "./intake-commit.ts";
import { buildLedgerEdits } from "./ledger-commit.ts";
import { buildResultCommit } from "./result-commit.ts";

/**
 * Finished tasks in one batch. What is ready when a batch begins is in it, so a finished task waits for at most the batch before
 * it: this bound keeps that short.
 */
const BATCH_TASKS_MAX = 50;

export interface CommitQueueDeps {
  readonly table: TaskTable;
  readonly journal: TaskJournal;
  readonly recent: RecentTasks;
  readonly branch: Branch;
  readonly sessions: Sessions;
  /** The runs of a task are not needed any more; `keep`: one of them failed in an unknown way, and a person may want to see it. */
  readonly forgetRuns: (task: string, options: { readonly keep: boolean }) => void;
  readonly clone: string;
  /** Whether a task may still change: its ledger rows stay where they are. */
  readonly isOpen: (task: string) => boolean;
  readonly log: Log;
  /** The branch has a new tip of ours. */
  readonly onCommitted: () => Promise<void>;
  readonly wake: () => void;
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
  /** Gives up waiting for git and ends. */
  close(): Promise<void>;
}

export function createCommitQueue(deps: CommitQueueDeps): CommitQueue {
  const { table, journal, branch } = deps;
  const aborter = new AbortController();
  let stale: readonly StaleDrop[] = [];
  let errorFiles: readonly ErrorFileChange[] = [];
  let underWay: Promise<void> | undefined;

  const hasWork = (): boolean => {
    const { finished, awaitingIntakeCommit } = table.index.counts();
    return stale.length + errorFiles.length + finished + awaitingIntakeCommit > 0;
  };

  const runBatch = async (): Promise<void> => {
    const done = table.index.finished().slice(0, BATCH_TASKS_MAX);
    const taken = table.index.awaitingIntakeCommit();
    const goneStale = stale;
    const said = errorFiles;
    const plans: CommitPlan[] = [...buildIntakeCommits(branch, journal, taken, goneStale, said)];
    const offset = plans.length;
    const rotated = new Map<string, KeptText>();
    const rows = taken.flatMap((task) => ledgerRows(journal.read(task.id)).slice(0, 1));
    for (const task of done) {
      const records = journal.read(task.id);
      plans.push(await buildResultCommit(branch, task, records, deps.clone, rotated));
      rows.push(...ledgerRows(records));
    }
    const last = plans.pop();
    if (last === undefined) return;
    const ledger = await buildLedgerEdits(branch, rows, deps.isOpen, deps.clone);
    plans.push({ ...last, edits: [...last.edits, ...ledger] });

    const report = await branch.commit(plans, aborter.signal);
    await deps.onCommitted();
    stale = stale.filter((drop) => !goneStale.includes(drop));
    if (errorFiles === said) errorFiles = [];
    const gone = [...taken, ...done.filter(awaitsIntakeCommit)].map(({ id }) => id);
    gone.push(...goneStale.flatMap(({ task }) => task ?? []));
    for (const id of gone) noteDropGone(id, report.tip);
    for (const [index, task] of done.entries()) await retire(task, report.commits[index + offset] ?? report.tip);
    for (const path of report.leftAlone) deps.log("left-alone", { path, reason: "edited in the work tree" });
    const { tip, indexMs, attempts } = report;
    deps.log("committed", { tasks: done.length, tip, indexMs: Math.round(indexMs), attempts });
  };

  const noteDropGone = (id: string, commit: string): void => {
    if (table.get(id)?.dropGone === false) table.note(id, { k: "drop-gone", commit });
    if (deps.recent.get(id)?.dropGone === false) deps.recent.noteDropGone(id, commit);
  };

  const retire = async (task: OpenTask, commit: string): Promise<void> => {
    const blob = await branch.blobAt(taskFilePath(task.sessionKey, task.folder, task.id));
    table.note(task.id, { k: "committed", commit, blob: blob ?? null });
    const records = journal.read(task.id);
    const recent = recentFrom(records);
    table.retire(task.id);
    if (recent !== undefined) deps.recent.add(recent);
    deps.sessions.committed(task.id);
    faultPoint("finish:retired");
    deps.forgetRuns(task.id, { keep: failedUnknown(records) });
  };

  const kick = (): void => {
    if (underWay !== undefined || aborter.signal.aborted || !hasWork()) return;
    underWay = runBatch().then(
      () => {
        underWay = undefined;
        deps.wake();
      },
      (error: unknown) => {
        underWay = undefined;
        if (!aborter.signal.aborted) throw error;
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
    async close() {
      aborter.abort();
      await underWay?.catch(() => undefined); // Whatever was under way is in the journal and comes again at the next start.
    },
  };
}

/** Tells whether a run of the task failed in a way that is not known: then all of it is worth keeping. */
function failedUnknown(records: readonly JournalRecord[]): boolean {
  return records.some((record) => record.k === "run" && record.verdict.failure?.kind === "unknown");
}
