import { CoordinatorError } from "../../../base/errors.ts";
import { findTaskFile } from "../../../store/branch/foreign-tasks.ts";
import { readTaskJournal } from "../../../store/journal/journal-reader.ts";
import { fold } from "../../../store/tasks/open-task.ts";
import { readPrompt } from "../../../store/tasks/task-prompt.ts";
import { isFinal } from "../../../task/ledger/ledger.ts";
import { founderOf } from "../../../task/names/session-key.ts";
import type { Origin } from "../../../task/rights/origin.ts";
import type { TaskView } from "../../views/task-view.ts";
import type { QueriesDeps, RetryText } from "../queries.ts";

/** Keys that belong to the first try alone: who it was, where it ran, and what it had to wait for. */
const OF_THE_FIRST_TRY: ReadonlySet<string> = new Set(["id", "sessionKey", "dependsOn", "notBefore", "cancel"]);

/**
 * Returns the task file that asks for the same as `task` once more: its prompt byte for byte and the user's front matter, in the
 * same session, with `parent`. A session that was made for the task alone and never had a thread is not gone on with.
 *
 * @throws CoordinatorError `REFUSED` unless the task has failed or was cancelled; `NOT_FOUND` where its file is gone
 */
export async function retryText(deps: QueriesDeps, task: TaskView): Promise<RetryText> {
  refuseOthers(task);
  const { id, sessionKey, thread } = task;
  const { frontMatter, prompt, origin } = await asked(deps, task);
  const kept = Object.entries(frontMatter).filter(([key]) => !OF_THE_FIRST_TRY.has(key));
  const isOwn = founderOf(sessionKey) === id;
  const session = isOwn && thread === null ? {} : { sessionKey };
  const values = { ...Object.fromEntries(kept), ...session, parent: id };
  return { parent: id, text: `---\n${JSON.stringify(values)}\n---\n${prompt}`, origin }; // JSON is YAML, on one line.
}

function refuseOthers({ id, status, sessionKey, committed, hold }: TaskView): void {
  if (status === "failed" || status === "cancelled") return;
  const why =
    status === "succeeded"
      ? `it has succeeded; codex-inbox add --session ${sessionKey} "<prompt>" sends a follow-up to its session`
      : committed
        ? `it belongs to another clone: ${hold ?? status}; it can be retried once it has ended there`
        : `it is ${status}; only a task that has failed or was cancelled is tried again`;
  throw new CoordinatorError("REFUSED", `${id} cannot be retried: ${why}`);
}

/**
 * What was asked for, and by whom: the journal tells it for as long as it is kept, the committed file from then on. That may have been
 * written by anybody who can push, so it does not say who asked.
 */
async function asked(
  { open, branch, paths }: QueriesDeps,
  { id, sessionKey, path }: TaskView,
): Promise<{
  readonly frontMatter: Readonly<Record<string, unknown>>;
  readonly prompt: string;
  readonly origin: Origin | undefined;
}> {
  const opened = (await open()).journal(id);
  const records = opened.length > 0 ? opened : readTaskJournal(paths.journal).readDone(id);
  if (records.length > 0) {
    const { spec, origin } = fold(records);
    return { frontMatter: spec.frontMatter, prompt: readPrompt(records), origin };
  }
  const place = await findTaskFile(branch, { task: id, session: sessionKey, path });
  if (place === undefined || !isFinal(place.file.status))
    throw new CoordinatorError("NOT_FOUND", `the file of ${id} is not in the branch any more`);
  return { frontMatter: place.file.asked, prompt: place.file.prompt, origin: undefined };
}
