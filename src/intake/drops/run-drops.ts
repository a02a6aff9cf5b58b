import type { Log } from "../../base/surroundings.ts";
import type { DroppedBy, TaskSource } from "../../store/journal/journal-record.ts";
import type { RecentTasks } from "../../store/tasks/recent-tasks.ts";
import type { TaskTable } from "../../store/tasks/task-table.ts";
import type { BrokenDrop, Drop } from "../../task/file/drop.ts";
import type { Rights } from "../../task/rights/rights.ts";
import type { Intake } from "../inbox/intake.ts";

/** Tells which run of an agent has left a file in inbox/, by what the runs have said of themselves. */
export interface DropAuthors {
  /** Reads what live runs have said until now; resolves at once where none is live, and after two seconds at the latest. */
  catchUp(): Promise<void>;
  /**
   * Returns the run that has left the file at `path` (relative to the workspace): a patch of it wrote that, or it ran a command that
   * names the inbox at one of `timesMs` (Unix ms), when the file was written or put there. "unknown": a live run may have, and has
   * not had the time to say so.
   */
  authorOf(path: string, timesMs: readonly number[]): DroppedBy | "unknown" | undefined;
}

/** What is to become of a drop, by who left it. */
export type DropJudgement =
  /** It may be taken; `by` is the run that left it. */
  | { readonly kind: "take"; readonly by: DroppedBy | undefined }
  /** Who left it will be known in a moment. */
  | { readonly kind: "later" }
  /** Its run has left more than it may. */
  | { readonly kind: "refused"; readonly broken: BrokenDrop };

type JudgedDrop = Pick<Drop, "path" | "blob" | "modifiedAtMs" | "changedAtMs">;

/** Bounds how many files one run of an agent turns into tasks by leaving them in inbox/. */
export interface RunDrops {
  /** To be awaited before drops are judged. */
  catchUp(): Promise<void>;
  judge(drop: JudgedDrop, source: TaskSource): DropJudgement;
  /** A drop that this run left was accepted. */
  accepted(by: DroppedBy): void;
}

export interface RunDropsDeps {
  readonly authors: DropAuthors;
  readonly table: Pick<TaskTable, "index">;
  readonly recent: Pick<RecentTasks, "droppedBy">;
  readonly intake: Pick<Intake, "refuse">;
  readonly rights: () => Pick<Rights, "maxDropsPerRun">;
  readonly log: Log;
}

/** Runs whose drops are counted in memory; of an older one only the tasks count that are still known. */
const RUNS_MAX = 1_000;

export function createRunDrops({ authors, table, recent, intake, rights, log }: RunDropsDeps): RunDrops {
  /** A run may go on after tasks of its drops were finished and forgotten: they still count. */
  const counts = new Map<string, number>();
  const count = (by: DroppedBy): number =>
    Math.max(counts.get(keyOf(by)) ?? 0, table.index.droppedBy(by) + recent.droppedBy(by));

  return {
    catchUp: authors.catchUp,
    judge(drop, source) {
      // What the branch holds was put there by a commit, which no agent can make.
      if (source.tracked === "head" && source.blob === drop.blob) return { kind: "take", by: undefined };
      const by = authors.authorOf(drop.path, [drop.modifiedAtMs, drop.changedAtMs]);
      if (by === "unknown") return { kind: "later" };
      const { maxDropsPerRun } = rights();
      if (by === undefined || count(by) < maxDropsPerRun) return { kind: "take", by };
      const broken = refused(drop, by, count(by), maxDropsPerRun);
      intake.refuse(broken);
      log("drop-refused", { source: drop.path, parent: by.task, parentRun: by.run });
      return { kind: "refused", broken };
    },
    accepted(by) {
      const before = counts.get(keyOf(by)) ?? 0;
      counts.delete(keyOf(by));
      counts.set(keyOf(by), Math.max(before + 1, count(by))); // The table has its task already.
      const [oldest] = counts.keys();
      if (counts.size > RUNS_MAX && oldest !== undefined) counts.delete(oldest);
    },
  };
}

function refused(
  { path, blob }: Pick<Drop, "path" | "blob">,
  { task, run }: DroppedBy,
  count: number,
  max: number,
): BrokenDrop {
  const message = `run ${run} of task ${task} has left this file; ${count} of its files became tasks, and maxDropsPerRun is ${max}`;
  const more = `"codex-inbox policy set maxDropsPerRun ${Math.max(20, max * 2)}"`;
  const expected = `no more of that run, unless you save the file again when its command has ended, or allow more with ${more}`;
  return { path, blob, problems: [{ line: undefined, column: undefined, message, expected, example: undefined }] };
}

function keyOf({ task, run }: DroppedBy): string {
  return `${task}/${run}`;
}
