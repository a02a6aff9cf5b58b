import { CoordinatorError } from "../../base/errors.ts";
import { faultPoint } from "../../base/fault-point.ts";
import type { PromptAssembly } from "../../prompt/prompt-assembly.ts";
import type { AgentDriver, AgentOutcome, RunEvent, RunKey } from "../../run/driver.ts";
import type { RunPlaces } from "../../run/workplace/run-places.ts";
import { NoRoomError, type WorktreeLease } from "../../run/workplace/worktrees/session-worktrees.ts";
import type { JournalRecord } from "../../store/journal/journal-record.ts";
import type { OwnThreads } from "../../store/own-threads.ts";
import type { SessionHolder } from "../../store/sessions/session-lock.ts";
import type { OpenTask } from "../../store/tasks/open-task.ts";
import type { TaskTable } from "../../store/tasks/task-table.ts";
import { PROMPT_CHARACTERS_MAX } from "../../task/file/task-file.ts";
import type { TrialRun } from "../../task/schedule/breaker.ts";
import { promptWithRecap } from "../../task/session/recap.ts";
import type { TranscriptEntry } from "../../task/session/transcript-entry.ts";
import { describeFailure, failurePolicy, type OwnChoices, reachedModel, stopsAll } from "../../task/state/failure.ts";
import { type RetryLimits, retryDelayMs } from "../../task/state/retry.ts";
import type { RunContext, RunStart, RunVerdict } from "../../task/state/run.ts";
import type { ExitVerdict, TaskEvent } from "../../task/state/task-event.ts";
import { durationText } from "../../task/text/duration-text.ts";
import type { WorkplaceChoice } from "../../task/workplace/choose-workplace.ts";
import { mergeNote, NOTHING_TO_MERGE } from "../../task/workplace/merge-note.ts";
import { overlapNote } from "../../task/workplace/overlap-note.ts";
import type { CircuitBreaker } from "../circuit-breaker.ts";
import { leaseOf } from "./active-runs.ts";
import type { KindOfRun } from "./kind-of-run.ts";
import { nextTurn } from "./next-turn.ts";
import {
  busyRuns,
  endOfRun,
  exitVerdict,
  lostThreads,
  type OutcomeDeps,
  ownChoices,
  recordRun,
  turnOf,
} from "./run-outcome.ts";
import { createRunRequest, foreignThread, freshThread, type RunDefaults } from "./run-request.ts";

/** In milliseconds; where a task has none of its own. */
export interface TurnLimits {
  /** How long a run may take. */
  /** `undefined`: as long as it takes. */
  readonly timeoutMs?: number | undefined;
  /** How long it may go without an event. */
  readonly stallTimeoutMs: number;
}

export interface AgentTurnsDeps extends OutcomeDeps {
  readonly table: TaskTable;
  readonly driver: AgentDriver;
  readonly gate: CircuitBreaker;
  /** By queued task: the thread that its next run was seen to go on in; kept here, read by the schedule. */
  readonly wantedThreads: Map<string, string>;
  /** By task: why there was no room for its worktree when its run was to begin; taken out by whoever begins runs. */
  readonly noRoom: Map<string, string>;
  /** Where runs work. */
  readonly places: RunPlaces;
  /** Where the next run of a task is to work, and why. */
  readonly chosen: (task: OpenTask) => WorkplaceChoice;
  /** The threads that may be gone on in. */
  readonly ownThreads: OwnThreads;
  readonly prompts: PromptAssembly;
  readonly defaults: () => RunDefaults;
  readonly limits: () => TurnLimits;
  /** What was said in a task's session until now. */
  readonly sessionEntries: (task: OpenTask) => Promise<readonly TranscriptEntry[]>;
  /** Between two looks at a thread that is in use. */
  readonly waitLimits: () => RetryLimits;
  /** A run ended because codex could not be run. */
  readonly onCodexMissing: (reason: string) => void;
  /** A run could not have its sandbox. */
  readonly onSandboxBroken: (reason: string) => void;
  /** Something happened that the next tick should see. */
  readonly wake: () => void;
}

/** Of events and standard error of one run; an agent that writes more is ended. The disk has to hold it until its task is committed. */
const EVENT_BYTES_MAX = 256 * 1024 * 1024;

/** Runs of agents: what a turn is told, and what is made of what it leaves behind. */
export function createAgentTurns(deps: AgentTurnsDeps): KindOfRun<AgentOutcome> {
  const { table, driver, sessions, gate, log } = deps;
  const now = deps.surroundings.now;
  const isLive = ({ task, run }: SessionHolder): boolean => driver.probe({ task, run }) === "alive";

  /** Threads in which a run is just being begun. */
  const beginning = new Set<string>();
  /**
   * Gives a thread to a run that is being begun; false where another task writes to it. Two sessions may have come to the same thread, and
   * which one a session has stands in the branch: the schedule learns it here.
   */
  const takeThread = (id: string, thread: string | undefined): boolean => {
    if (thread === undefined) return true;
    deps.wantedThreads.set(id, thread);
    const isWriter = (other: OpenTask): boolean => other.id !== id && other.lastRun?.thread === thread;
    if (beginning.has(thread) || table.index.running().some(isWriter)) return false;
    beginning.add(thread);
    return true;
  };

  /** Before it can be gone on in. One that a run was told to go on in is not its own for that. */
  const noteOwn = (thread: string | undefined, resumed: string | undefined): void => {
    if (thread !== undefined && thread !== resumed) deps.ownThreads.add(thread);
  };

  const noteThread = (id: string, run: number, thread: string): void => {
    const known = table.get(id)?.lastRun;
    if (known?.run !== run || known.thread === thread) return;
    noteOwn(thread, known.resume);
    // A kill takes nothing back, and a loss of power ends the run, whose own files say it no better than this does.
    const note = known.thread === undefined ? table.noteUnsynced : table.note;
    note(id, { k: "thread", run, thread });
    faultPoint("run:thread-seen");
    log("thread", { task: id, run, thread });
  };

  /** Before the task's own state is journaled: a crash between the two must not let the others run into the same wall. */
  const tellGate = (run: TrialRun, { failure }: RunVerdict, own: OwnChoices): void => {
    if (failure === undefined || reachedModel(failure.kind)) gate.succeeded(run);
    else if (stopsAll(failurePolicy(failure.kind, own))) gate.trip(failure, run);
  };

  const verdictOf = (task: OpenTask, { run, verdict, endedAtMs }: JournalRecord & { k: "run" }): ExitVerdict => {
    const earlier = deps.journal.read(task.id).filter((line) => line.k !== "run" || line.run !== run);
    const own = ownChoices(task, earlier, verdict.failure, gate.closedAtMs());
    tellGate({ task: task.id, run }, verdict, own);
    const waitMs = retryDelayMs(1 + busyRuns(earlier), deps.waitLimits(), deps.surroundings.random());
    return exitVerdict(verdict, own, endedAtMs + waitMs);
  };

  /** @returns what the agent is told of it besides */
  const openPlace = async (
    task: OpenTask,
    kind: WorkplaceChoice["kind"],
    isWanted: () => boolean,
  ): Promise<{ readonly lease: WorktreeLease | undefined; readonly note: string }> => {
    const { sessionKey, spec } = task;
    const found = deps.places.branches.all().find(({ session: key }) => key === sessionKey);
    if (kind === "shared") {
      if (!spec.merge) return { lease: undefined, note: overlapNote(found) };
      throw new CoordinatorError("TASK_FILE", "merge: a merge is settled in a worktree, and it works outside of one");
    }
    const lease = await deps.places.lease(sessionKey, spec.locks, isWanted);
    await deps.places.before(lease, turnOf(task));
    if (!spec.merge) return { lease, note: overlapNote(found) };
    const merge = await deps.places.merge(lease, task.id);
    const beside = overlapNote(found === undefined ? undefined : { ...found, conflicts: [] });
    return { lease, note: (merge === undefined ? NOTHING_TO_MERGE : mergeNote(merge)) + beside };
  };

  return {
    async begin(task, codex, isWanted) {
      const { id, sessionKey } = task;
      const holder = { task: id, run: task.state.run, sessionKey };
      const session = await sessions.read(sessionKey);
      const records = deps.journal.read(id);
      const turn = nextTurn(task, session, records);
      const rights = deps.defaults().rights.of(task.origin);
      const lost = new Map([...lostThreads(records), ...foreignThread(turn.session.thread, rights)]);
      const fresh = freshThread(turn.task, turn.session, lost);
      const assembled = await deps.prompts.assemble(turn.prompt, turn.memory);
      if (!isWanted()) return undefined;
      const choice = deps.chosen(task);
      let context: RunContext | undefined;
      let resumed: string | undefined;
      let before: RunStart | undefined;
      let lease: WorktreeLease | undefined;
      const journalStart = async (): Promise<boolean> => {
        if (!isWanted() || sessions.take(holder, isLive) !== undefined) return false; // Its last run is still ending.
        const started: JournalRecord = {
          ...{ k: "started", run: task.state.run, attempt: task.state.attempts + 1, atMs: now() },
          ...{ resume: resumed ?? null, codex: codex.version },
          ...(context === undefined ? {} : { context }),
          ...(fresh === undefined ? {} : { fresh }),
          ...(before === undefined ? {} : { before }),
          ...(lease === undefined ? {} : { workplace: lease }),
          choice,
        };
        table.step(id, { kind: "started" }, [started]);
        faultPoint("run:journaled");
        await table.durable();
        log("started", {
          ...{ task: id, session: sessionKey, run: holder.run, attempt: started.attempt },
          ...{ resume: resumed, notes: context?.lines, worktree: lease?.dir },
        });
        return true;
      };
      try {
        const opened = await openPlace(task, choice.kind, isWanted);
        lease = opened.lease;
        // An agent is told what is kept of it, and no secret more: notes may hold some.
        const kept = await deps.keeper.keepInSlices(withNote(assembled, opened.note));
        context = kept.context;
        const prompt =
          fresh === undefined ? kept.text : promptWithRecap(kept.text, await deps.sessionEntries(task), fresh.why);
        if (!isWanted()) return undefined;
        const { ground, variables } = deps.places.at(lease);
        const request = createRunRequest(turn.task, prompt, turn.session, lost, ground, deps.defaults(), variables);
        if (!takeThread(id, request.resumeThread)) return undefined;
        resumed = request.resumeThread;
        if (lease === undefined && request.sandbox !== "read-only")
          before = await deps.workTree.changes.before({ ...turnOf(task), workdir: task.spec.workdir ?? "." });
        return await driver.start(request, journalStart);
      } catch (error) {
        if (!(error instanceof CoordinatorError)) throw error;
        if (error.code === "CODEX" && table.get(id)?.lastRun?.run === holder.run) table.step(id, { kind: "vanished" });
        if (error instanceof NoRoomError) deps.noRoom.set(id, error.message);
        if (error.code === "TRY_AGAIN") log("start-delayed", { task: id, run: holder.run, reason: error.message });
        else if (error.code !== "TASK_FILE") throw error;
        if (!isWanted() || error.code === "TRY_AGAIN") return undefined;
        table.step(id, { kind: "unrunnable", reason: error.message });
        log("refused", { task: id, session: sessionKey, reason: error.message });
        return undefined;
      } finally {
        if (resumed !== undefined) beginning.delete(resumed); // Once it has begun, the table says so.
      }
    },
    adopt: driver.adopt,
    seal: driver.seal,
    limits: ({ spec, lastRun }) => ({
      timeoutMs: spec.timeoutMs ?? deps.limits().timeoutMs,
      stallMs: spec.stallTimeoutMs ?? deps.limits().stallTimeoutMs,
      outputBytesMax: EVENT_BYTES_MAX,
      usedMs: now() - (lastRun?.startedAtMs ?? now()),
    }),
    overdueWords({ spec }, cause) {
      if (cause === "timeout") {
        const { timeoutMs = deps.limits().timeoutMs ?? 0 } = spec;
        return `the run took longer than ${durationText(timeoutMs)} (${setBy("timeoutMs", spec.timeoutMs)})`;
      }
      if (cause !== "stall") return undefined;
      const { stallTimeoutMs = deps.limits().stallTimeoutMs } = spec;
      const limit = setBy("stallTimeoutMs", spec.stallTimeoutMs);
      return `no event for ${durationText(stallTimeoutMs)}, and no command under way (${limit})`;
    },
    noticed({ task, run }: RunKey, event: RunEvent) {
      if (event.kind === "thread") noteThread(task, run, event.thread);
      // Whatever it says or does is the model's: it has answered. Warnings are codex's own.
      if (event.kind === "item" && event.body.kind !== "error" && gate.state().kind !== "closed") {
        gate.succeeded({ task, run });
        deps.wake();
      }
      if (event.kind === "exited") faultPoint("finish:exit-seen");
    },
    async takeIn(task, outcome, isWanted) {
      const { run } = leaseOf(task);
      const { record, changesMs } = await recordRun(deps, task, outcome);
      const current = table.get(task.id);
      if (current === undefined || !isWanted()) return;
      const event: TaskEvent =
        outcome.verdict.outcome === "vanished" ? { kind: "vanished" } : endOfRun(verdictOf(current, record), task.spec);
      noteOwn(record.verdict.threadId, current.lastRun?.resume);
      const after = table.step(task.id, event, [record]);
      sessions.add(task.id, task.sessionKey, record.facts);
      const { failure } = record.verdict;
      if (failure?.kind === "codexUnavailable") deps.onCodexMissing(describeFailure(failure));
      if (failure?.kind === "sandboxUnavailable") deps.onSandboxBroken(describeFailure(failure));
      faultPoint("finish:journaled");
      log("run-ended", {
        ...{ task: task.id, session: task.sessionKey, run, outcome: record.verdict.outcome, state: after.state.kind },
        ...{ reason: "reason" in after.state ? after.state.reason : undefined, changesMs },
      });
    },
    spoil(task, reason) {
      const { run, attempts } = task.state;
      if (task.state.kind === "queued") {
        const started = { k: "started", run, attempt: attempts + 1, atMs: now(), resume: null, codex: "none" } as const;
        table.step(task.id, { kind: "started" }, [started]); // It has used an attempt without ever having begun.
      }
      const verdict = { kind: "failed", retryable: true, reason, retryAtMs: undefined, costsAttempt: true } as const;
      table.step(task.id, { kind: "exited", verdict });
    },
  };
}

/** Returns what an agent is told, with `note` behind it. */
function withNote({ text, context }: Assembled, note: string): Assembled {
  if (note === "" || text.length + note.length > PROMPT_CHARACTERS_MAX) return { text, context };
  const { lines, tool } = context ?? { lines: 0, tool: "none" };
  return { text: text + note, context: { text: (context?.text ?? "") + note, lines, tool } };
}

type Assembled = Awaited<ReturnType<PromptAssembly["assemble"]>>;

function setBy(key: string, ofTask: number | undefined): string {
  return ofTask === undefined ? `${key} in codex-inbox.json` : `${key} of the task`;
}
