import { CoordinatorError } from "../../../base/errors.ts";
import { findWorkTree } from "../../../git/repository/find-work-tree.ts";
import type { KnownRepository } from "../../../git/repository/known-repositories.ts";
import { readDiff } from "../../../git/snapshots/read-diff.ts";
import type { TaskChange } from "../../../task/records/task-file/change-section.ts";
import type { DiffOptions, RunDiff, TaskDiff } from "../../views/diff-view.ts";
import type { TaskView } from "../../views/task-view.ts";

/**
 * Returns what the runs of a task have changed, as the repository of the code at `workRoot` (absolute) has it.
 *
 * @throws CoordinatorError `NOT_FOUND` where nothing is recorded of it, or of that run
 */
export async function taskDiff(workRoot: string, task: TaskView, options: DiffOptions): Promise<TaskDiff> {
  const { run, stat = false } = options;
  const changes = task.changes.filter((change) => run === undefined || change.run === run);
  if (changes.length === 0) {
    const which = run === undefined ? task.id : `run ${run} of ${task.id}`;
    throw new CoordinatorError("NOT_FOUND", `no change is recorded of ${which}: ${nothingWords(task, run)}`);
  }
  const repository = await findWorkTree(workRoot);
  const shown: RunDiff[] = [];
  for (const change of changes) shown.push(await runDiff(repository, change, stat));
  return { task: task.id, title: task.title, status: task.status, changes: shown };
}

async function runDiff(repository: KnownRepository, change: TaskChange, stat: boolean): Promise<RunDiff> {
  const { commit, parent, held, problem } = change;
  const without = (missing: string): RunDiff => ({ ...change, diff: null, isCut: false, missing });
  if (held !== null)
    return without(`it holds what looks like a secret, and is shown by git alone: git show ${held.ref}`);
  if (commit === null) return without(problem === null ? "nothing of it is in a commit" : `not recorded: ${problem}`);
  const diff = await readDiff(repository, parent ?? undefined, commit, { stat, merged: change.merged ?? undefined });
  if (diff === undefined) return without(`the repository at ${repository.topDir} does not have commit ${commit}`);
  return { ...change, diff: diff.text, isCut: diff.isCut, missing: null };
}

function nothingWords({ status, changes }: TaskView, run: number | undefined): string {
  if (run !== undefined && changes.length > 0)
    return `runs with a change are ${changes.map((change) => change.run).join(", ")}`;
  return status === "running" || status === "queued" ? `it is ${status}` : "its runs have changed nothing";
}
