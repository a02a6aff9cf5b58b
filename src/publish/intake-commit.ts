import type { Branch } from "../git/branch.ts";
import type { TaskJournal } from "../store/journal/task-journal.ts";
import type { OpenTask } from "../store/tasks/open-task.ts";
import type { ErrorFileChange, StaleDrop } from "../task/file/drop.ts";
import { isFinal } from "../task/ledger/ledger.ts";
import {
  errorFileCommitMessage,
  intakeCommitMessage,
  removedFilesCommitMessage,
} from "../task/records/commit-message.ts";
import type { CommitPlan, FileEdit } from "../task/records/commit-plan.ts";
import { parseTaskFile } from "../task/records/task-file/parsed-task-file.ts";
import { renderTaskFile } from "../task/records/task-file/task-record.ts";
import { asKept, asKeptText, type Keeper } from "../task/text/kept-text.ts";
import { dropEdits, removalEdit, taskRecord } from "./result-commit.ts";

/**
 * Returns the commits that the inbox asks for: one that takes accepted drops out of the branch (their tasks stand there as queued
 * instead, so that no clone loses a prompt), one for error files, and one for what is left over: drops whose task is known, and
 * error files whose cause is gone. The ledger rows of the accepted tasks are not in them.
 */
export function buildIntakeCommits(
  branch: Pick<Branch, "hashBlob">,
  journal: TaskJournal,
  accepted: readonly OpenTask[],
  stale: readonly StaleDrop[],
  errorFiles: readonly ErrorFileChange[],
  keeper: Pick<Keeper, "keepName">,
): readonly CommitPlan[] {
  const broken = errorFiles.filter(({ content }) => content !== undefined);
  const mended = errorFiles.filter(({ content }) => content === undefined);
  const left = [...stale, ...mended].map(({ path }) => keeper.keepName(path));
  const plans: CommitPlan[] = [
    {
      label: "inbox: accepted",
      message: intakeCommitMessage(accepted.map(({ id, spec }) => asKept({ id, title: spec.title }))),
      edits: accepted.flatMap((task) => [queuedFileEdit(task, journal), ...dropEdits(branch, task)]),
    },
    {
      label: "inbox: broken",
      message: errorFileCommitMessage(broken.map(({ subject }) => subject)),
      edits: broken.map(errorFileEdit),
    },
    {
      label: "inbox: left over",
      message: removedFilesCommitMessage(left),
      edits: [...stale.map(({ path, blob }) => removalEdit(branch, path, blob)), ...mended.map(errorFileEdit)],
    },
  ];
  return plans.filter(({ edits }) => edits.length > 0);
}

function errorFileEdit({ path, content }: ErrorFileChange): FileEdit {
  return { path, apply: (current) => content ?? (current === undefined ? "unchanged" : "absent") };
}

/** The task as queued, with its newest text; one that has ended says more. */
function queuedFileEdit(task: OpenTask, journal: TaskJournal): FileEdit {
  const record = taskRecord(task, journal.read(task.id));
  const content = renderTaskFile(record);
  return {
    path: asKeptText(task.path),
    apply(current) {
      const there = current === undefined ? undefined : parseTaskFile(current);
      return there?.id === task.id && isFinal(there.status) ? "unchanged" : content;
    },
  };
}
