import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { CoordinatorError } from "../../../base/errors.ts";
import { readBoundedText } from "../../../base/files/read-bounded.ts";
import { writeFileAtomic } from "../../../base/files/write-file-atomic.ts";
import { localUserName } from "../../../base/local-user.ts";
import type { WorkspacePlace } from "../../../git/repository/workspace-place.ts";
import { readSubmission, refuseMisspeltUnset } from "../../../intake/submission.ts";
import { MARKER_VARIABLE } from "../../../run/worker/processes/marker-scan.ts";
import { openDropReceipts, writeDropReceipt } from "../../../store/drop-receipts.ts";
import { readTaskJournal } from "../../../store/journal/journal-reader.ts";
import { statePaths } from "../../../store/state-paths.ts";
import { changeBetween, changedText, type TaskChange } from "../../../task/file/task-text.ts";
import { isTaskId } from "../../../task/names/task-id.ts";
import { INBOX } from "../../../task/records/workspace-paths.ts";
import type { Queries } from "../../queries/queries.ts";
import { addressOf, readServer } from "../../queries/server-record.ts";
import { readAllowed } from "./publish-drop.ts";

/** A task that was edited. */
export interface EditedTask {
  readonly id: string;
  readonly warnings: readonly string[];
  /** Nobody serves the workspace: the edit counts once somebody does. */
  readonly waits: boolean;
}

/** A task as its task file would be. */
export interface EditableTask {
  readonly id: string;
  readonly text: string;
}

/** The largest prompt and its front matter; see HTTP_LIMITS. */
export const TEXT_BYTES_MAX = 5 * 1024 * 1024;

/**
 * Changes a queued task. A coordinator at work does it; where none listens, the new text is put into inbox/ under the id of the task, and
 * the next coordinator takes it, unless the task has begun by then.
 *
 * @throws CoordinatorError `NOT_FOUND`, `REFUSED`, `TASK_FILE`, `NOT_ALLOWED`; `TRY_AGAIN` where the coordinator does not say whether it did
 */
export async function editTask(
  place: WorkspacePlace,
  part: string,
  change: TaskChange,
  queries: Pick<Queries, "find">,
  environment: NodeJS.ProcessEnv,
): Promise<EditedTask> {
  const paths = statePaths(place.stateDir);
  if (environment[MARKER_VARIABLE] !== undefined)
    throw new CoordinatorError("REFUSED", "tasks are edited by people: an agent adds a task of its own");
  const server = readServer(paths.server);
  const address = addressOf(server);
  const waiting = waitingFile(place, part);
  if (address !== undefined && waiting === undefined) {
    const { askForEdit } = await import("../../queries/coordinator-client.ts");
    const task = await askForEdit(address, part, change);
    if (task !== undefined) return { id: task.id, warnings: task.warnings, waits: false };
  }
  const { id, text } = waiting ?? (await journaled(place, part, queries));
  refuseMisspeltUnset(text, change);
  const composed = changedText(text, change);
  const origin = { kind: "cli", user: localUserName() } as const;
  const parsed = await readAllowed(place, environment, composed, origin);
  writeDropReceipt(paths.dropReceipts, id, parsed.text, origin, true); // Of a task that is not known yet it is like any other.
  writeFileAtomic(join(place.workspaceDir, INBOX, `${id}.md`), parsed.text);
  return { id, warnings: parsed.warnings, waits: server === undefined };
}

/**
 * Has a file that a command has put into inbox/ recorded as cancelled once it is taken.
 *
 * @returns its id; `undefined` where `part` names no such file
 */
export async function cancelWaiting(
  place: WorkspacePlace,
  part: string,
  queries: Pick<Queries, "find">,
  environment: NodeJS.ProcessEnv,
): Promise<string | undefined> {
  const waiting = waitingFile(place, part);
  if (waiting !== undefined) await editTask(place, waiting.id, { keys: { cancel: true } }, queries, environment);
  return waiting?.id;
}

/** Returns the change by which a person made `after` of `before`. */
export function changeOf(before: string, after: string): TaskChange {
  readSubmission(after, undefined); // What is wrong with it is told at its own lines; what it may ask for, where it is edited.
  return changeBetween(before, after);
}

/** @throws CoordinatorError `NOT_FOUND`; `REFUSED` unless the task is queued */
export async function editableTask(
  place: WorkspacePlace,
  part: string,
  queries: Pick<Queries, "find">,
): Promise<EditableTask> {
  return waitingFile(place, part) ?? (await journaled(place, part, queries));
}

/** Returns a task that no coordinator has taken yet, or an edit that none has; `undefined` for a file that no command has put there. */
export function waitingFile({ workspaceDir, stateDir }: WorkspacePlace, part: string): EditableTask | undefined {
  const folder = join(workspaceDir, INBOX);
  const names = part !== "" && existsSync(folder) ? readdirSync(folder) : [];
  const ids = names.flatMap((name) => (name.endsWith(".md") ? [name.slice(0, -".md".length)] : []));
  const [id, ...more] = ids.filter((name) => isTaskId(name) && name.includes(part));
  if (id === undefined || more.length > 0) return undefined;
  const text = readBoundedText(join(folder, `${id}.md`), TEXT_BYTES_MAX);
  // What a command has not put there may be a person's: they edit it themselves.
  const isOurs =
    text !== undefined && openDropReceipts(statePaths(stateDir).dropReceipts).originOf(id, text) !== undefined;
  return isOurs ? { id, text } : undefined;
}

async function journaled(
  { stateDir }: WorkspacePlace,
  part: string,
  queries: Pick<Queries, "find">,
): Promise<EditableTask> {
  const { id, status, committed, hold } = await queries.find(part);
  if (committed && status === "queued")
    throw new CoordinatorError("REFUSED", `${id} belongs to another clone: ${hold ?? status}; edit it there`);
  const records = readTaskJournal(statePaths(stateDir).journal).read(id);
  const last = records.findLast((record) => record.k === "accepted" || record.k === "replaced");
  if (status === "queued" && last !== undefined) return { id, text: last.text };
  const instead = "codex-inbox stop ends one that runs, and retry files one that has ended again";
  throw new CoordinatorError("REFUSED", `${id} is ${status}: only a queued task can be edited; ${instead}`);
}
