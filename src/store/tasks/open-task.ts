import type { HeldClaim } from "../../task/claims/standing.ts";
import { parseDropText } from "../../task/file/task-file.ts";
import type { LedgerRow } from "../../task/ledger/ledger.ts";
import { type Origin, UNKNOWN_ORIGIN } from "../../task/rights/origin.ts";
import type { TaskSpec } from "../../task/spec/task-spec.ts";
import { acceptedState, type TaskState } from "../../task/state/task-state.ts";
import { asKept, type Kept } from "../../task/text/kept-text.ts";
import type { WorkplaceLease } from "../../task/workplace/workplace-lease.ts";
import type { KeptRecord } from "../journal/journal-file.ts";
import type { ClaimRecord, DroppedBy, JournalRecord, RedactedDrop, TaskSource } from "../journal/journal-record.ts";

/** A task that is not finished and committed, as memory holds it. Its text stays in the journal. */
export interface OpenTask {
  readonly id: string;
  readonly sessionKey: string;
  /** Where its file lies, or will. */
  readonly path: string;
  readonly order: number;
  readonly acceptedAtMs: number;
  readonly clone: string;
  readonly spec: TaskSpec;
  /** What is odd about its text and does not hinder it. */
  readonly warnings: readonly string[];
  readonly source: TaskSource | undefined;
  /** The run that left its text in inbox/; `undefined` where nothing says that one did. */
  readonly droppedBy: DroppedBy | undefined;
  /** Whose rights hold for it as it is now: those of who asked, or of who has edited it since. */
  readonly origin: Origin;
  /** Who asked for it, and the way it came in; an edit leaves that as it is. */
  readonly arrival: Origin;
  /** Who edited it last; `undefined` where nobody has. */
  readonly editor: Origin | undefined;
  /** Further ids under which the same drop may come again. */
  readonly aliases: readonly string[];
  readonly state: TaskState;
  /** When it came into that state, by the clock of then (Unix ms). */
  readonly stateSinceMs: number;
  /** The agent's run under way, or the last one. */
  readonly lastRun: StartedRun | undefined;
  /** The drop is gone from the branch and from the user's index for good, or was never there. */
  readonly dropGone: boolean;
  /** It may not run, and its drop stays in the branch, before this clone has claimed it. */
  readonly needsClaim: boolean;
  /** The claim that this clone has, or had. */
  readonly claim: HeldClaim | undefined;
  /** The clone that took it over from this one. */
  readonly superseded: Superseded | undefined;
  /** Its outcome was committed, though the branch may have lost that since. */
  readonly committed: boolean;
}

/** Another clone goes on with a task that this one had. */
export interface Superseded {
  readonly name: string;
  readonly generation: number;
  /** Unix ms. */
  readonly atMs: number;
}

/** What is known of a run since it was started. */
export interface StartedRun {
  readonly run: number;
  readonly attempt: number;
  readonly startedAtMs: number;
  /** The thread asked for; `undefined` for a new one. */
  readonly resume: string | undefined;
  readonly thread: string | undefined;
  /** Where it works; `undefined`: in the shared checkout. */
  readonly workplace: WorkplaceLease | undefined;
  readonly ended: boolean;
}

/** Returns the ledger rows of a task, from its journal: its acceptance and every change of state. */
export function ledgerRows(records: readonly KeptRecord[]): readonly Kept<LedgerRow>[] {
  return records.flatMap((record) => {
    if (record.k === "state") return [record.row];
    if (record.k === "accepted") return [acceptedRow(record)];
    return [];
  });
}

/** Returns the row of a task's acceptance. */
function acceptedRow(record: KeptRecord & { readonly k: "accepted" }): Kept<LedgerRow> {
  const time = new Date(record.atMs).toISOString();
  const detail = record.source?.path ?? "";
  return asKept<LedgerRow>({ time, task: record.id, session: record.session, run: 1, status: "queued", detail });
}

/** Returns the task that `records` (the whole journal, in order) tell of. */
export function fold(records: readonly JournalRecord[]): OpenTask {
  const first = records[0];
  if (first?.k !== "accepted") throw new Error("a task's journal must begin with its acceptance");
  const accepted: OpenTask = {
    id: first.id,
    sessionKey: first.session,
    path: first.path,
    order: first.order,
    acceptedAtMs: first.atMs,
    clone: first.clone,
    ...parsedText(first),
    ...{ arrival: first.origin ?? UNKNOWN_ORIGIN, editor: undefined },
    source: first.source ?? undefined,
    aliases: [],
    state: acceptedState(0), // Due at once, also where the clock was set back since.
    stateSinceMs: first.atMs,
    lastRun: undefined,
    dropGone: first.source === null || first.source.tracked === "untracked",
    needsClaim: first.needsClaim === true,
    claim: undefined,
    superseded: undefined,
    committed: false,
  };
  return records.slice(1).reduce(applyRecord, accepted);
}

/** Returns the task after one more record of its journal. */
export function applyRecord(task: OpenTask, record: JournalRecord): OpenTask {
  switch (record.k) {
    case "accepted":
    case "verify":
    case "follow-up":
      return task;
    case "committed":
      return { ...task, committed: true };
    case "claim":
      return { ...task, ...claimOf(task, record) };
    case "replaced": {
      const { source, alias } = record;
      const aliases = alias === null ? task.aliases : [...task.aliases, alias];
      const { origin = UNKNOWN_ORIGIN } = record;
      if (source === null) return { ...task, ...parsedText(record), editor: origin, aliases };
      const dropGone = source.tracked === "untracked";
      return { ...task, ...parsedText(record), arrival: origin, editor: undefined, source, aliases, dropGone };
    }
    case "state":
      return { ...task, state: record.state, stateSinceMs: Date.parse(record.row.time) };
    case "started": {
      const { run, attempt, atMs, workplace } = record;
      const resume = record.resume ?? undefined;
      const lastRun = { run, attempt, startedAtMs: atMs, resume, thread: resume, workplace, ended: false };
      return { ...task, lastRun };
    }
    case "thread":
      return task.lastRun?.run === record.run ? { ...task, lastRun: { ...task.lastRun, thread: record.thread } } : task;
    case "run":
      return task.lastRun?.run === record.run ? { ...task, lastRun: { ...task.lastRun, ended: true } } : task;
    case "drop-gone":
      return { ...task, dropGone: true };
    case "drop-back":
      return { ...task, dropGone: false };
  }
}

function claimOf(task: OpenTask, record: ClaimRecord): Pick<OpenTask, "needsClaim" | "claim" | "superseded"> {
  const { claim } = task;
  if (record.by === "nobody") return { needsClaim: false, claim, superseded: undefined };
  const { generation, atMs } = record;
  if (record.by === "us") return { needsClaim: true, claim: { generation, atMs }, superseded: undefined };
  return { needsClaim: true, claim, superseded: { name: record.name, generation, atMs } };
}

/** Tells whether this clone may run the task and bring it into the branch, as far as others go. */
export function isClaimed({ needsClaim, claim, superseded }: OpenTask): boolean {
  return !needsClaim || (claim !== undefined && superseded === undefined);
}

/** Parses a text that was valid when it was accepted; if a later version finds fault with it, that is our bug. */
function parsedText({
  text,
  folderKey,
  droppedBy,
  redacted,
  origin = UNKNOWN_ORIGIN,
}: JournalRecord & { readonly k: "accepted" | "replaced" }): Pick<
  OpenTask,
  "spec" | "warnings" | "droppedBy" | "origin"
> {
  const parsed = parseDropText(text, folderKey ?? undefined);
  if (parsed.ok) {
    const warnings = [...parsed.warnings, ...(redacted === undefined ? [] : [redactedWords(redacted)])];
    return { spec: withParent(parsed.spec, droppedBy), warnings, droppedBy, origin };
  }
  throw new Error(
    `an accepted task is no longer valid: ${parsed.problems.map((problem) => problem.message).join("; ")}`,
  );
}

function redactedWords({ kinds, commit }: RedactedDrop): string {
  const what = `${kinds.join(", ")}: what is secret was replaced before anything was kept, and the agent was told the same text; pass secrets by environment variables`;
  return commit === null
    ? what
    : `${what}. The file came with commit ${commit.slice(0, 12)}, so the secret is in the history of this branch already: revoke it`;
}

/** What is known of where a file came from wins over what it says. */
function withParent(spec: TaskSpec, droppedBy: DroppedBy | undefined): TaskSpec {
  if (droppedBy === undefined) return spec;
  return { ...spec, parent: droppedBy.task, frontMatter: { ...spec.frontMatter, parent: droppedBy.task } };
}

/** Tells whether the branch still holds the drop of an accepted task: a commit has to put the queued task in its place. */
export function awaitsIntakeCommit(task: OpenTask): boolean {
  return task.source?.tracked === "head" && !task.dropGone && isClaimed(task);
}

/** Tells whether nothing more will happen to the task but its commit. */
export function isFinished(task: OpenTask): boolean {
  return task.state.kind === "ended";
}
