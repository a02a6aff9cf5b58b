import type { TurnCommit } from "../../task/records/turn-message.ts";
import type { ChangedFile, RunChange, RunStart } from "../../task/state/run.ts";

/** A run whose changes are recorded, and where it works. */
export interface ChangingRun extends Omit<TurnCommit, "authorKind" | "task"> {
  readonly task: string;
  /** From the root of the work. */
  readonly workdir: string;
}

/** What is known of a run that has ended. */
export interface EndedRun extends ChangingRun {
  /** Unix ms. */
  readonly startedAtMs: number;
  /** Unix ms; the same whoever reads what the run left, because its commit hangs on it. */
  readonly endedAtMs: number;
  /** The files (absolute) that its patches were to write: whether one did. */
  readonly patches: ReadonlyMap<string, "written" | "refused">;
}

/**
 * Records what runs change in a checkout that they share with its user, as commits on refs of ours. No failure of it fails a run: then
 * the record says why there is none. Done again after a crash, it makes the same commits.
 */
export interface RunChanges {
  /** Records how the tree is before a run that may write; to be journaled before the run begins. */
  before(run: ChangingRun): Promise<RunStart>;
  /** Records what has changed since, file by file. */
  after(
    run: EndedRun,
    start: RunStart,
  ): Promise<{ readonly change: RunChange; readonly files: readonly ChangedFile[] }>;
}
