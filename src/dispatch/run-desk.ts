import { CoordinatorError } from "../base/errors.ts";
import { faultPoint } from "../base/fault-point.ts";
import type { Log } from "../base/surroundings.ts";
import type { PromptAssembly } from "../prompt/prompt-assembly.ts";
import type { RunEvent } from "../run/ports.ts";
import type { JournalRecord } from "../store/journal-record.ts";
import type { OpenTask } from "../store/open-task.ts";
import { runDirectory, type StatePaths } from "../store/state-paths.ts";
import { expectOpen, type TaskTable } from "../store/task-table.ts";
import type { TrialRun } from "../task/schedule/breaker.ts";
import { promptWithRecap } from "../task/session/recap.ts";
import type { TranscriptEntry } from "../task/session/transcript-entry.ts";
import { describeFailure, failurePolicy, type OwnChoices, reachedModel, stopsAll } from "../task/state/failure.ts";
import { type RetryLimits, retryDelayMs } from "../task/state/retry.ts";
import type { CodexInstallation, RunRequest, RunVerdict } from "../task/state/run.ts";
import type { ExitVerdict, StopCause, TaskEvent } from "../task/state/task-event.ts";
import type { CircuitBreaker } from "./circuit-breaker.ts";
import { nextTurn } from "./next-turn.ts";
import { busyRuns, endOfRun, exitVerdict, lostThreads, type OutcomeDeps, ownChoices, takeIn } from "./run-outcome.ts";
import { createRunRequest, freshThread, type RunDefaults } from "./run-request.ts";

/** In milliseconds; the first two where a task has none of its own. */
export interface RunLimits {
  /** How long a run may take. */
  readonly timeoutMs: number;
  /** How long it may go without an event. */
  readonly stallTimeoutMs: number;
  /** Between the request to end and the end by force. */
  readonly stopGraceMs: number;
}

export interface RunDeskDeps extends OutcomeDeps {
  readonly table: TaskTable;
  readonly paths: StatePaths;
  readonly gate: CircuitBreaker;
  readonly log: Log;
  readonly prompts: PromptAssembly;
  readonly defaults: () => RunDefaults;
  readonly limits: () => RunLimits;
  /** A run ended because codex could not be run. */
  readonly onCodexMissing: (reason: string) => void;
  /** What was said in a task's session until now. */
  readonly sessionEntries: (task: OpenTask) => Promise<readonly TranscriptEntry[]>;
  readonly waitLimits: () => RetryLimits; // Between two looks at a thread that is in use.
  /** Something happened that the next tick should see. */
  readonly wake: () => void;
}

/** Starts runs, watches them, and takes in how they ended. Decides nothing: the state machine does. */
export interface RunDesk {
  /** Starts the next run of a queued task. A task that asks for what is not there ends as failed. */
  start(task: OpenTask, codex: CodexInstallation): Promise<void>;
  /** Watches a run that an earlier coordinator started. */
  adopt(task: OpenTask): void;
  /** Looks at every run under way: new events, deadlines, ends. */
  poll(): Promise<void>;
  /** Asks for the end of a task's run; the first cause wins. */
  stop(id: string, cause: StopCause): void;
  /** When the next look is due, in milliseconds from now; `undefined` when nothing runs. */
  pollDelayMs(): number | undefined;
  readonly activeCount: number;
  isActive(id: string): boolean;
  /** Lets go of the runs without ending them. */
  close(): void;
}

interface ActiveRun {
  readonly id: string;
  readonly run: number;
  readonly runDir: string;
  readonly follower: { poll(): void; close(): void };
  /** When each line of the run's events was seen (Unix ms). */
  readonly seenAt: Map<number, number>;
  readonly deadlineMs: number;
  readonly stallMs: number;
  /** When it last showed a sign of life, Unix ms. */
  lastEventMs: number;
  readonly claimDueMs: number;
  stopping: boolean;
  collecting: boolean;
}

/** While the thread's id is awaited, and afterwards. */
const POLL_EAGER_MS = 50;
const POLL_CALM_MS = 500;
/** A worker claims its run within milliseconds; one that has not by now died before it could. */
const CLAIM_WAIT_MS = 5_000;

export function createRunDesk(deps: RunDeskDeps): RunDesk {
  const active = new Map<string, ActiveRun>();
  const { table, runner, paths, sessions, gate } = deps;
  const now = deps.surroundings.now;
  const isLive = (holder: { task: string; run: number }): boolean =>
    runner.probe(runDirectory(paths, holder.task, holder.run)).kind === "alive";

  const watch = (task: OpenTask): void => {
    const started = task.lastRun;
    if (started === undefined) throw new Error(`${task.id} has no run to watch`);
    const runDir = runDirectory(paths, task.id, started.run);
    const seenAt = new Map<number, number>();
    const onEvent = (line: number, event: RunEvent, seenAtMs: number): void => {
      seenAt.set(line, seenAtMs);
      const run = active.get(task.id);
      if (run !== undefined) run.lastEventMs = Math.max(run.lastEventMs, seenAtMs);
      if (event.type === "thread.started" && event.thread_id !== undefined)
        noteThread(task.id, started.run, event.thread_id);
      // Whatever it says or does is the model's: it has answered. Warnings are codex's own.
      if (event.item !== undefined && event.item.type !== "error") gate.succeeded({ task: task.id, run: started.run });
    };
    active.set(task.id, {
      id: task.id,
      run: started.run,
      runDir,
      follower: runner.follow(runDir, 0, onEvent),
      seenAt,
      deadlineMs: started.startedAtMs + (task.spec.timeoutMs ?? deps.limits().timeoutMs),
      stallMs: task.spec.stallTimeoutMs ?? deps.limits().stallTimeoutMs,
      lastEventMs: started.startedAtMs,
      claimDueMs: now() + CLAIM_WAIT_MS,
      stopping: false,
      collecting: false,
    });
  };

  const noteThread = (id: string, run: number, thread: string): void => {
    if (table.get(id)?.lastRun?.thread === thread) return;
    table.note(id, { k: "thread", run, thread });
    faultPoint("run:thread-seen");
    deps.log("thread", { task: id, run, thread });
  };

  const sayStopFailed = (run: ActiveRun, error: unknown): void =>
    deps.log("stop-failed", { task: run.id, run: run.run, reason: String(error) });

  const end = (run: ActiveRun): void => {
    if (run.stopping) return;
    run.stopping = true;
    void runner.stop(run.runDir, deps.limits().stopGraceMs).then(deps.wake, (error: unknown) => {
      sayStopFailed(run, error);
      run.stopping = false; // The next look tries again.
    });
  };

  const stop = (id: string, cause: StopCause): void => {
    const task = table.get(id);
    const run = active.get(id);
    if (task === undefined) return;
    const after = table.step(id, { kind: "stop", cause });
    if (after.state !== task.state) deps.log("stop", { task: id, session: task.sessionKey, cause });
    if (run !== undefined && after.state.kind === "stopping") end(run);
  };

  /** Before the task's own state is journaled: a crash between the two must not let the others run into the same wall. */
  const tellGate = (run: TrialRun, { failure }: RunVerdict, own: OwnChoices): void => {
    if (failure === undefined || reachedModel(failure.kind)) gate.succeeded(run);
    else if (stopsAll(failurePolicy(failure.kind, own))) gate.trip(failure, run);
  };

  /** The limit that was over first is the cause, also where nobody looked for a while. */
  const stopOverdue = ({ id, deadlineMs, lastEventMs, stallMs }: ActiveRun): boolean => {
    const stalledMs = lastEventMs + stallMs;
    if (now() < Math.min(deadlineMs, stalledMs)) return false;
    stop(id, deadlineMs <= stalledMs ? "timeout" : "stall");
    return true;
  };

  const verdictOf = (task: OpenTask, record: JournalRecord & { readonly k: "run" }): ExitVerdict => {
    const { run, verdict, endedAtMs } = record;
    const earlier = deps.journal.read(task.id).filter((line) => line.k !== "run" || line.run !== run);
    const own = ownChoices(task, earlier, verdict.failure, gate.closedAtMs());
    tellGate({ task: task.id, run }, verdict, own);
    const waitMs = retryDelayMs(1 + busyRuns(earlier), deps.waitLimits(), deps.surroundings.random());
    return exitVerdict(verdict, own, endedAtMs + waitMs);
  };

  const collect = async (run: ActiveRun, vanished: boolean): Promise<void> => {
    run.collecting = true;
    faultPoint("finish:exit-seen");
    run.follower.poll();
    run.follower.close();
    const task = table.get(run.id);
    if (task?.lastRun === undefined) throw new Error(`${run.id} ended but is not open`);
    const { record, changesMs } = await takeIn(deps, task, run);
    sessions.add(task.id, task.sessionKey, record.facts);
    // What an agent leaves running at the end of its turn is meant to run; what a broken one leaves would meet its next run.
    if (record.verdict.outcome !== "succeeded")
      await runner.stop(run.runDir, 0).catch((error) => sayStopFailed(run, error));
    const event: TaskEvent =
      vanished && record.verdict.outcome === "vanished"
        ? { kind: "vanished" }
        : endOfRun(verdictOf(task, record), task.spec);
    const after = table.step(task.id, event, [record]);
    const { failure } = record.verdict;
    if (failure?.kind === "codexUnavailable") deps.onCodexMissing(describeFailure(failure));
    faultPoint("finish:journaled");
    gate.ended({ task: task.id, run: run.run });
    sessions.release({ task: task.id, run: run.run, sessionKey: task.sessionKey });
    active.delete(run.id);
    const reason = "reason" in after.state ? after.state.reason : undefined;
    deps.log("run-ended", {
      task: task.id,
      session: task.sessionKey,
      run: run.run,
      outcome: record.verdict.outcome,
      state: after.state.kind,
      reason,
      changesMs,
    });
    deps.wake();
  };

  const look = async (run: ActiveRun): Promise<void> => {
    run.follower.poll();
    const { kind } = runner.probe(run.runDir);
    if (kind === "ended" || kind === "vanished") return collect(run, kind === "vanished");
    if (kind === "unclaimed" && now() >= run.claimDueMs && runner.seal(run.runDir)) return collect(run, true);
    if (kind === "alive" && !stopOverdue(run) && table.get(run.id)?.state.kind === "stopping") end(run); // It could not be ended before.
  };

  /** A run that no process could be made for never starts; its task is queued again. */
  const startOrGiveUp = (request: RunRequest): number => {
    try {
      return runner.start(request, deps.wake);
    } catch (error) {
      const { taskId, sessionKey, run, runDir } = request;
      if (runner.seal(runDir)) {
        table.step(taskId, { kind: "vanished" });
        sessions.release({ task: taskId, run, sessionKey });
      } else watch(expectOpen(table, taskId));
      throw error;
    }
  };

  return {
    async start(task, codex) {
      const holder = { task: task.id, run: task.state.run, sessionKey: task.sessionKey };
      const runDir = runDirectory(paths, task.id, task.state.run);
      const session = await sessions.read(task.sessionKey);
      const records = deps.journal.read(task.id);
      const lost = lostThreads(records);
      const turn = nextTurn(task, session, records);
      const fresh = freshThread(turn.task, turn.session, lost);
      const { text, context } = await deps.prompts.assemble(turn.prompt, turn.memory);
      const prompt = fresh === undefined ? text : promptWithRecap(text, await deps.sessionEntries(task), fresh.why);
      let request: ReturnType<typeof createRunRequest>;
      try {
        request = createRunRequest(turn.task, prompt, runDir, turn.session, lost, deps.workTree.root, deps.defaults());
        runner.prepare(request);
      } catch (error) {
        if (!(error instanceof CoordinatorError) || error.code !== "TASK_FILE") throw error;
        table.step(task.id, { kind: "unrunnable", reason: error.message });
        deps.log("refused", { task: task.id, session: task.sessionKey, reason: error.message });
        return;
      }
      if (sessions.take(holder, isLive) !== undefined) return; // Its last run is still ending; the next tick tries again.
      const started: JournalRecord = {
        k: "started",
        run: task.state.run,
        attempt: task.state.attempts + 1,
        atMs: now(),
        resume: request.resumeThread ?? null,
        codex: codex.version,
        ...(context === undefined ? {} : { context }),
        ...(fresh === undefined ? {} : { fresh }),
      };
      table.step(task.id, { kind: "started" }, [started]);
      faultPoint("run:journaled");
      const pid = startOrGiveUp(request);
      deps.log("started", {
        ...{ task: task.id, session: task.sessionKey, run: holder.run, attempt: started.attempt, pid },
        resume: request.resumeThread,
        notes: context?.lines,
      });
      watch(expectOpen(table, task.id));
    },
    adopt: watch,
    async poll() {
      // Side by side: each end waits for git, and one answer of git serves them all.
      await Promise.all([...active.values()].filter(({ collecting }) => !collecting).map(look));
    },
    stop,
    pollDelayMs() {
      if (active.size === 0) return undefined;
      const awaited = [...active.values()].some((run) => run.seenAt.size === 0 || run.stopping);
      return awaited ? POLL_EAGER_MS : POLL_CALM_MS;
    },
    isActive: (id) => active.has(id),
    get activeCount() {
      return active.size;
    },
    close() {
      for (const run of active.values()) run.follower.close();
      active.clear();
    },
  };
}
