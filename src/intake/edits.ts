import { CoordinatorError } from "../base/errors.ts";
import type { JournalRecord } from "../store/journal/journal-record.ts";
import type { TaskJournal } from "../store/journal/task-journal.ts";
import { isClaimed, type OpenTask } from "../store/tasks/open-task.ts";
import { cancelIfAsked, type TaskTable } from "../store/tasks/task-table.ts";
import type { BrokenDrop, Drop } from "../task/file/drop.ts";
import type { TaskKey } from "../task/file/task-fields.ts";
import { canonicalKey } from "../task/file/task-fields.ts";
import { type ComposedText, changeBetween, changedText, type TaskChange } from "../task/file/task-text.ts";
import type { Origin } from "../task/rights/origin.ts";
import { problemAt } from "../task/spec/task-problem.ts";
import type { DropOriginsDeps } from "./drops/drop-origins.ts";
import { createKeptDrops, type KeptDropsDeps } from "./drops/kept-drops.ts";
import { readSubmission, refuseMisspeltUnset } from "./submission.ts";

export interface EditsDeps extends KeptDropsDeps, Pick<DropOriginsDeps, "rights"> {
  readonly table: Pick<TaskTable, "get" | "note" | "step" | "durable">;
  /** Tasks whose runs are being prepared. */
  readonly starting: ReadonlySet<string>;
  readonly now: () => number;
  readonly journal: Pick<TaskJournal, "read">;
}

/** Changes the text of queued tasks: one at a time, so that two edits at once both count. */
export interface Edits {
  /**
   * Durable when it resolves. An edit that changes nothing is none.
   *
   * @param editor who asks for the task from now on. Where the prompt stays, the task may have no more than before either
   * @throws CoordinatorError `REFUSED` unless the task is queued; `TASK_FILE`, `NOT_ALLOWED` as a submission
   */
  edit(id: string, change: TaskChange, editor: Origin): Promise<void>;
  /** Does the same with the text of a file that a command has put into inbox/; where it cannot be, the inbox is told, and that is returned. */
  take(drop: Pick<Drop, "path" | "blob" | "text">, id: string, editor: Origin): Promise<BrokenDrop | undefined>;
}

/** What is settled when a task is accepted. */
const FIXED: ReadonlySet<TaskKey> = new Set(["id", "sessionKey", "parent", "followUpDepth"]);

type TextRecord = JournalRecord & { readonly k: "accepted" | "replaced" };

export function createEdits(deps: EditsDeps): Edits {
  const { table, journal, rights } = deps;
  const keptDrops = createKeptDrops(deps);
  let last: Promise<unknown> = Promise.resolve();

  const expectQueued = (id: string): OpenTask => {
    const task = table.get(id);
    if (task !== undefined && !isClaimed(task))
      throw new CoordinatorError("REFUSED", `${id} came by a commit, and this clone has not claimed it: ${ELSEWHERE}`);
    if (task?.state.kind === "queued" && !deps.starting.has(id)) return task;
    const state =
      task === undefined ? "has ended" : `is ${task.state.kind === "queued" ? "starting" : task.state.kind}`;
    throw new CoordinatorError("REFUSED", `${id} ${state}: only a queued task can be edited; ${AFTERWARDS}`);
  };

  const editNow = async (id: string, change: TaskChange, editor: Origin): Promise<void> => {
    const task = expectQueued(id);
    const before = textOf(journal.read(id));
    refuseFixed(before.text, change);
    refuseMisspeltUnset(before.text, change);
    if (change.prompt !== undefined && task.state.run > 1)
      throw new CoordinatorError("REFUSED", `${id} has run already, so its prompt stays; its keys can be edited`);
    const composed = compose(before.text, change);
    if (changeIsNone(changeBetween(before.text, composed.text))) return;
    const origin = change.prompt === undefined ? boundedAs(task.origin, editor) : editor;
    const parsed = readSubmission(composed, rights().of(origin));
    const kept = await keptDrops.submitted(parsed.text, parsed.spec);
    const { redacted = before.redacted } = await keptDrops.factsOf(id, kept, undefined);
    const { droppedBy } = expectQueued(id);
    const { folderKey } = before;
    const record = { k: "replaced", atMs: deps.now(), text: kept.text, folderKey, source: null, alias: null } as const;
    table.note(id, { ...record, origin, ...(droppedBy && { droppedBy }), ...(redacted && { redacted }) });
    cancelIfAsked(table, id);
    await table.durable();
    deps.log("replaced", { task: id, session: task.sessionKey, origin: editor.kind });
  };

  const inTurn = (work: () => Promise<void>): Promise<void> => {
    const mine = last.then(work);
    last = mine.catch(() => undefined); // Its caller hears of it.
    return mine;
  };
  return {
    edit: (id, change, editor) => inTurn(() => editNow(id, change, editor)),
    async take({ path, blob, text }, id, editor) {
      try {
        const change = () => changeBetween(textOf(journal.read(expectQueued(id).id)).text, text);
        await inTurn(async () => editNow(id, change(), editor));
        return undefined;
      } catch (error) {
        if (!(error instanceof CoordinatorError)) throw error;
        const expectation = { expected: "this file removed, or edited once more", example: undefined };
        const broken = { path, blob, problems: [problemAt(undefined, error.message, expectation)] };
        deps.intake.refuse(broken);
        return broken;
      }
    },
  };
}

const ELSEWHERE = "change its file in inbox/ by a commit that is pushed, or edit it where it was claimed";
const AFTERWARDS = "codex-inbox stop ends one that runs, and retry files one that has ended again";

function textOf(records: readonly JournalRecord[]): TextRecord {
  const last = records.findLast((record) => record.k === "accepted" || record.k === "replaced");
  if (last === undefined) throw new Error("a task's journal must begin with its acceptance");
  return last;
}

function compose(text: string, change: TaskChange): ComposedText {
  try {
    return changedText(text, change);
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new CoordinatorError("TASK_FILE", "a value holds lists or mappings too deep inside each other", { cause });
  }
}

function changeIsNone({ keys, prompt }: TaskChange): boolean {
  return prompt === undefined && Object.keys(keys).length === 0;
}

function refuseFixed(text: string, change: TaskChange): void {
  const real = changeBetween(text, compose(text, change).text).keys;
  const fixed = Object.keys(real).find((key) => FIXED.has(canonicalKey(key) ?? ("" as TaskKey)));
  if (fixed === undefined) return;
  const message = `${fixed}: it was settled when the task was accepted; stop this task and add another one`;
  throw new CoordinatorError("TASK_FILE", message, { places: [{ key: fixed, message }] });
}

/** A prompt of somebody else's gains nothing by an edit of its keys: the task may ask for what both may. */
function boundedAs({ kind, bounds }: Origin, editor: Origin): Origin {
  if (bounds === undefined && kind === editor.kind) return editor;
  return { ...editor, bounds: { ...bounds, kinds: [...new Set([kind, ...(bounds?.kinds ?? [])])] } };
}
