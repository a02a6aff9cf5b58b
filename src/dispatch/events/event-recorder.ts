import type { Log, Surroundings } from "../../base/surroundings.ts";
import type { RunEvent, RunKey } from "../../run/driver.ts";
import type { RunLog } from "../../run/run-log.ts";
import type { EventLog } from "../../store/events/event-log.ts";
import type { KeptRecord } from "../../store/journal/journal-file.ts";
import type { OpenTask } from "../../store/tasks/open-task.ts";
import type { TaskTable } from "../../store/tasks/task-table.ts";
import {
  BROKEN_FILES_MAX,
  CONFLICTS_SHOWN_MAX,
  type Happening,
  type LandFields,
  type SyncFields,
  shownBody,
  shownLine,
} from "../../task/events/live-event.ts";
import { describeOrigin } from "../../task/rights/origin.ts";
import { describeHold, type Hold } from "../../task/schedule/hold.ts";
import { rowOf } from "../../task/state/state-row.ts";
import type { TaskState } from "../../task/state/task-state.ts";
import type { Keeper } from "../../task/text/kept-text.ts";
import { keptBeginning, outputOf } from "./shown-texts.ts";
import { checkpointOf, NOTHING_TOLD, readTold, type Told } from "./told.ts";

export interface EventRecorderDeps {
  readonly table: Pick<TaskTable, "onChange" | "get">;
  readonly log: Pick<EventLog, "add" | "found">;
  /** What comes from the journal, and the items of a run, have passed it before. */
  readonly keeper: Pick<Keeper, "keep">;
  readonly surroundings: Pick<Surroundings, "now" | "after">;
  /** What a run has said until now. */
  readonly said: RunLog["said"];
  /** The commit of a task that is finished and committed. */
  readonly commitOf: (task: string) => string | undefined;
}

/** Tells the log of live events what happens. It follows the task table by itself, from its creation on. */
export interface EventRecorder {
  /** Every open task is loaded: tells what an earlier coordinator has done and not told. */
  loaded(): void;
  /** A run has done something. */
  noticed(run: RunKey & { readonly sessionKey: string }, event: RunEvent): void;
  /** These queued tasks may wait for another reason than before. */
  holds(ids: readonly string[], hold: (id: string) => Hold | undefined): void;
  /** A log that tells readers of what begins to hold all tasks, and of its end. */
  queueLog(log: Log): Log;
  /** The branch and its remote. */
  synced(news: SyncFields): void;
  /** The work of a session was to land. */
  landed(landing: LandFields): void;
  /** The files in inbox/ that cannot become tasks. */
  broken(paths: readonly string[]): void;
  /** What a new segment says in its header. */
  checkpoint(): unknown;
  /** Looks at nothing any more. */
  close(): void;
}

const QUEUE_EVENTS = [
  ...(["paused", "resumed", "breaker-open", "breaker-half-open", "breaker-closed"] as const),
  ...(["disk-low", "disk-room"] as const),
] as const;

/** So long after it has begun to print, what a verify command has printed is told. */
const PRINTED_AFTER_MS = 1_000;

/** Words of ours around names that have passed the redaction; what else holds a task may be in words of others. */
const OWN_WORDS: readonly string[] = ["session", "thread", "folder", "notBefore", "retry", "dependency", "workers"];

export function createEventRecorder(deps: EventRecorderDeps): EventRecorder {
  const { table, log, keeper, commitOf } = deps;
  const { now, after: callLater } = deps.surroundings;
  const found = readTold(log.found);
  /** Tasks that have begun. */
  const told = new Map<string, Told & { readonly session: string }>();
  /** Why tasks were said to wait: a hash of the words. */
  const held = new Map<string, number>();
  /** Tasks whose verify commands have printed something that is not told yet, and what takes that back. */
  const printed = new Map<string, () => void>();
  let lastBroken = "";
  const keptLine = (text: string): string => keptBeginning(text, keeper);

  const ofTask = ({ id, sessionKey }: OpenTask): { readonly task: string; readonly session: string } => ({
    task: id,
    session: sessionKey,
  });
  const note = ({ id, sessionKey }: OpenTask, status: string, run: number): void => {
    held.delete(id);
    if (status === "queued") told.delete(id);
    else told.set(id, { ...NOTHING_TOLD, ...told.get(id), session: sessionKey, status, run });
  };
  const stateOf = (task: OpenTask, state: TaskState): Happening => {
    const { status, run, detail } = rowOf(state);
    note(task, status, run);
    const until = state.kind === "queued" && state.dueAtMs > now() ? timeText(state.dueAtMs) : null;
    const reason = detail === "" ? null : shownLine(detail);
    return { kind: "state", ...ofTask(task), status, run, reason, until };
  };
  const textOf = (kind: "accepted" | "replaced", task: OpenTask): Happening => {
    const [title, origin] = [shownLine(task.spec.title), shownLine(describeOrigin(task.origin))];
    return { kind, ...ofTask(task), title, origin };
  };
  const happeningOf = (task: OpenTask, record: KeptRecord): Happening | undefined => {
    switch (record.k) {
      case "accepted":
      case "replaced":
        return textOf(record.k, task);
      case "state":
        return stateOf(task, record.state);
      case "thread":
        return { kind: "thread", ...ofTask(task), run: record.run, thread: record.thread };
      case "run":
        return { kind: "usage", ...ofTask(task), run: record.run, usage: record.usage };
      case "verify":
        return {
          kind: "output",
          ...ofTask(task),
          run: record.run,
          ...outputOf({ ...record.verification, exitCode: record.verification.exitCode ?? null }),
        };
      case "committed":
        return { kind: "committed", ...ofTask(task), commit: record.commit };
      default:
        return undefined;
    }
  };

  /** What a verify command prints is looked at a moment later, once however often it has printed. */
  const noticePrinted = (run: RunKey): void => {
    if (told.get(run.task)?.status !== "verifying" || printed.has(run.task)) return;
    const look = (): void => {
      printed.delete(run.task);
      tellPrinted(run).catch(() => undefined); // Its end will say what it has printed.
    };
    printed.set(run.task, callLater(PRINTED_AFTER_MS, look));
  };
  const tellPrinted = async ({ task: id, run }: RunKey): Promise<void> => {
    const soFar = await deps.said({ task: id, run });
    const task = table.get(id);
    if (soFar?.kind !== "verify" || task?.state.kind !== "verifying" || task.state.run !== run) return;
    const { output, outputBytes, startedAtMs = now() } = soFar;
    const [command, durationMs] = [task.spec.verifyCommand ?? "", Math.max(0, Math.round(now() - startedAtMs))];
    const body = { command, outcome: "running", what: "is under way", exitCode: null, durationMs, output, outputBytes };
    log.add({ kind: "output", ...ofTask(task), run, ...outputOf(body) });
  };

  /** A crash may have come between the journal and the log of events. */
  const tellLoaded = (task: OpenTask): void => {
    const { run, status } = rowOf(task.state);
    const before = found.tasks.get(task.id);
    found.tasks.delete(task.id);
    if (before === undefined && task.acceptedAtMs >= found.sinceMs) log.add(textOf("accepted", task));
    if (before !== undefined) told.set(task.id, { ...before, session: task.sessionKey });
    const last = before ?? NOTHING_TOLD;
    if (last.status !== status || last.run !== run) log.add(stateOf(task, task.state));
    else note(task, status, run);
  };

  table.onChange((after, before, records) => {
    const task = after ?? before;
    if (task === undefined) return;
    if (before === undefined && records.length === 0) return tellLoaded(task);
    for (const record of records) {
      const happening = happeningOf(task, record);
      if (happening !== undefined) log.add(happening);
    }
    if (after !== undefined) return;
    told.delete(task.id);
    held.delete(task.id);
    if (records.length === 0) log.add({ kind: "gone", ...ofTask(task) });
  });
  log.add({ kind: "serving" });

  return {
    loaded() {
      for (const task of found.tasks.keys()) {
        const commit = commitOf(task);
        const subject = { task, session: found.sessions.get(task) ?? "" };
        log.add(commit === undefined ? { kind: "gone", ...subject } : { kind: "committed", ...subject, commit });
      }
      found.tasks.clear();
      found.sessions.clear();
    },
    noticed({ task, run, sessionKey }, event) {
      if (event.kind === "output") noticePrinted({ task, run });
      const last = told.get(task);
      if (event.kind !== "item" || last === undefined) return;
      if (last.itemRun === run && event.line <= last.line) return; // An earlier coordinator has told it.
      told.set(task, { ...last, itemRun: run, line: event.line });
      const { phase, line, firstLine: item, durationMs = null } = event;
      const body = shownBody(event.body);
      log.add({ kind: "item", task, session: sessionKey, run, item, line, phase, durationMs, body });
    },
    holds(ids, hold) {
      for (const id of ids) {
        const task = table.get(id);
        if (task?.state.kind !== "queued") continue;
        const found = hold(id);
        const words = found === undefined ? undefined : describeHold(found);
        const hash = words === undefined ? undefined : hashOf(words);
        if (hash === held.get(id)) continue;
        if (found === undefined || words === undefined || hash === undefined) {
          held.delete(id);
          log.add({ kind: "released", ...ofTask(task) });
          continue;
        }
        held.set(id, hash);
        const why = OWN_WORDS.includes(found.kind) ? shownLine(words) : keptLine(words);
        const until = "untilMs" in found && found.untilMs !== undefined ? timeText(found.untilMs) : null;
        log.add({ kind: "held", ...ofTask(task), hold: found.kind, why, until });
      }
    },
    queueLog: (print) => (event, fields) => {
      print(event, fields);
      const what = QUEUE_EVENTS.find((known) => known === event);
      if (what === undefined) return;
      const textOf = (value: unknown): string | null => (value === undefined ? null : keptLine(String(value)));
      const { session, reason, until } = fields;
      log.add({ kind: "queue", what, session: textOf(session), reason: textOf(reason), until: textOf(until) });
    },
    synced({ what, remote, branch, reason, paths, command }) {
      const textOf = (value: string | null): string | null => (value === null ? null : keptLine(value));
      const [of, way] = [{ remote: keptLine(remote), branch: keptLine(branch) }, paths.map(keptLine)];
      log.add({ kind: "sync", what, ...of, reason: textOf(reason), paths: way, command: textOf(command) });
    },
    landed({ session, state, branch, target, commit, why, command, conflicts, repairTask, edited, left }) {
      if (state === "nothing" && edited === null) return; // All is as it was.
      const textOf = (value: string | null): string | null => (value === null ? null : keptLine(value));
      log.add({
        ...{ kind: "land", state, commit, repairTask, edited },
        ...{ session: keptLine(session), branch: keptLine(branch), target: keptLine(target) },
        ...{ why: textOf(why), command: textOf(command), left: textOf(left) },
        conflicts: conflicts.slice(0, CONFLICTS_SHOWN_MAX).map(keptLine),
      });
    },
    broken(paths) {
      const all = paths.join("\n");
      if (all === lastBroken) return;
      lastBroken = all;
      const shown = paths.slice(0, BROKEN_FILES_MAX);
      log.add({
        kind: "inbox",
        broken: shown.map(keptLine),
        more: paths.length - shown.length,
      });
    },
    checkpoint: () => checkpointOf(told),
    close() {
      for (const cancel of printed.values()) cancel();
    },
  };
}

function timeText(timeMs: number): string {
  return new Date(timeMs).toISOString();
}

function hashOf(text: string): number {
  let hash = 0;
  for (let index = 0; index < text.length; index += 1) hash = (Math.imul(hash, 31) + text.charCodeAt(index)) | 0;
  return hash;
}
