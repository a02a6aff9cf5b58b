import { findTaskFile } from "../../../store/branch/foreign-tasks.ts";
import { readTaskJournal } from "../../../store/journal/journal-reader.ts";
import type { JournalRecord } from "../../../store/journal/journal-record.ts";
import { readPlainFrontMatter } from "../../../task/file/plain-front-matter.ts";
import type { TaskDetails, TaskView, WorkplaceView } from "../../views/task-view.ts";
import type { QueriesDeps } from "../queries.ts";

/** Returns what its journal tells of a task for as long as that is kept, and its committed file from then on. */
export async function showTask(deps: QueriesDeps, task: TaskView): Promise<TaskDetails> {
  const journal = readTaskJournal(deps.paths.journal);
  const opened = task.committed ? [] : journal.read(task.id);
  const records = opened.length > 0 ? opened : journal.readDone(task.id);
  if (records.length > 0) {
    const verify = records.findLast((record) => record.k === "verify");
    const commit = records.findLast((record) => record.k === "committed");
    return {
      ...task,
      prompt: await promptOf(records),
      verificationOutput: verify?.verification.output ?? null,
      commit: commit?.commit ?? null,
      workplace: workplaceOf(records),
    };
  }
  const file = (await findTaskFile(deps.branch, { task: task.id, session: task.sessionKey, path: task.path }))?.file;
  const verificationOutput = file?.result?.verificationOutput ?? null;
  return { ...task, prompt: file?.prompt ?? null, verificationOutput, commit: null, workplace: null };
}

/** What was decided when its last run began. */
function workplaceOf(records: readonly JournalRecord[]): WorkplaceView | null {
  const started = records.findLast((record) => record.k === "started");
  const choice = started?.k === "started" ? started.choice : undefined;
  if (choice === undefined) return null;
  const lease = started?.k === "started" ? started.workplace : undefined;
  const [branch, dir] = lease?.kind === "worktree" ? [lease.branch, lease.dir] : [null, null];
  return { kind: choice.kind, branch, dir, score: choice.score, terms: choice.terms };
}

/** Most are read without the parser of YAML, which takes longer to load than all else here. */
async function promptOf(records: readonly JournalRecord[]): Promise<string> {
  const text = records.findLast((record) => record.k === "accepted" || record.k === "replaced")?.text;
  const plain = text === undefined ? undefined : readPlainFrontMatter(text)?.body;
  return plain ?? (await import("../../../store/tasks/task-prompt.ts")).readPrompt(records);
}
