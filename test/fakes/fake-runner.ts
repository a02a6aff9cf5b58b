import type { RunEvent, RunnerPort } from "../../src/run/ports.ts";
import type { TranscriptEntry } from "../../src/task/session/transcript-entry.ts";
import type { Failure, FailureKind } from "../../src/task/state/failure.ts";
import type { RunProbe, RunRequest, RunVerdict } from "../../src/task/state/run.ts";

/** One run as its folder and its processes would show it; it outlives the coordinator that started it. */
export interface FakeRun {
  readonly request: RunRequest;
  probe: RunProbe["kind"];
  sealed: boolean;
  /** `atMs`: when codex wrote it. */
  readonly events: (RunEvent & { readonly atMs?: number })[];
  verdict: RunVerdict;
  /** Further entries of the transcript, between the prompt and the end. */
  body: readonly string[];
  /** Times at which its end was asked for, in order. */
  readonly stops: number[];
}

export interface FakeRunnerOptions {
  /** Called before a run is started; what it throws, starting throws. */
  beforeStart: (request: RunRequest) => void;
  /** Workers die before they can claim their runs. */
  stillborn: boolean;
  /** What a run does as soon as it was started; nothing by default: it goes on until the test ends it. */
  onStart: (run: FakeRun) => void;
  /** What a run does when it is stopped; by default it ends, interrupted. */
  onStop: (run: FakeRun) => void;
}

/** Runs that do what a test says. */
export interface FakeRunner extends RunnerPort {
  /** Every run that was started, the oldest first. */
  readonly started: readonly FakeRun[];
  readonly options: FakeRunnerOptions;
  /** The runs under way of a task or session. @throws Error where it is not exactly one */
  of(taskOrSession: string): FakeRun;
  /** Lets a run end like this. */
  end(run: FakeRun, verdict?: Partial<RunVerdict>): void;
  /** Takes a run's processes away without a trace. */
  vanish(run: FakeRun): void;
  /** The run's thread becomes known. */
  open(run: FakeRun, thread: string): void;
  /** The coordinator that waits for the ends of runs is gone. */
  forgetListeners(): void;
}

export const THREAD = "01a1f950-5f71-7472-a9b5-7a2032cb912c";

const SUCCESS: RunVerdict = {
  outcome: "succeeded",
  failure: undefined,
  threadId: THREAD,
  lastMessage: "Done.",
  usageTotal: undefined,
  commandCount: 0,
  durationMs: 1_000,
};

/** Why a run fails, as a verdict says it. */
export function failure(kind: FailureKind, untilMs?: number): Failure {
  return { kind, detail: "", untilMs };
}

export function createFakeRunner(): FakeRunner {
  const runs = new Map<string, FakeRun>();
  const started: FakeRun[] = [];
  const listeners = new Map<string, () => void>();
  const options: FakeRunnerOptions = {
    beforeStart: () => undefined,
    stillborn: false,
    onStart: () => undefined,
    onStop: (run) => end(run, { outcome: "interrupted", failure: failure("killed"), lastMessage: "" }),
  };
  const find = (runDir: string): FakeRun => {
    const run = runs.get(runDir);
    if (run === undefined) throw new Error(`${runDir} was not prepared`);
    return run;
  };
  const exit = (run: FakeRun): void => listeners.get(run.request.runDir)?.();

  function end(run: FakeRun, verdict: Partial<RunVerdict> = {}): void {
    if (run.probe !== "alive") throw new Error(`run ${run.request.runDir} is ${run.probe}`);
    run.verdict = { ...SUCCESS, ...verdict };
    run.probe = "ended";
    exit(run);
  }

  /** Its claim is taken: to whoever looks later it has been there and is gone. */
  function sealRun(run: FakeRun): void {
    run.sealed = true;
    run.probe = "vanished";
  }

  return {
    started,
    options,
    of(taskOrSession) {
      const found = started.filter(
        ({ request, probe }) =>
          probe === "alive" && (request.taskId === taskOrSession || request.sessionKey === taskOrSession),
      );
      const [only, second] = found;
      if (only === undefined || second !== undefined) throw new Error(`${found.length} runs of ${taskOrSession}`);
      return only;
    },
    end,
    vanish(run) {
      run.probe = "vanished";
      run.verdict = { ...SUCCESS, outcome: "vanished", failure: failure("vanished"), lastMessage: "" };
      exit(run);
    },
    open(run, thread) {
      run.events.push({ type: "thread.started", thread_id: thread });
    },
    forgetListeners: () => listeners.clear(),
    prepare(request) {
      const known = runs.get(request.runDir);
      if (known !== undefined && known.probe !== "unclaimed") throw new Error(`${request.runDir} has run already`);
      const verdict = { ...SUCCESS, outcome: "vanished", threadId: undefined, lastMessage: "" } as const;
      runs.set(request.runDir, {
        ...{ request, probe: "unclaimed", sealed: false, events: [], body: [], stops: [] },
        verdict: { ...verdict, failure: failure("vanished") },
      });
    },
    start({ runDir }, onExit) {
      const run = find(runDir);
      options.beforeStart(run.request);
      listeners.set(runDir, onExit);
      if (run.sealed || options.stillborn) return 1;
      run.probe = "alive";
      started.push(run);
      options.onStart(run);
      return 1;
    },
    probe(runDir) {
      const kind = runs.get(runDir)?.probe ?? "unclaimed";
      if (kind === "alive") return { kind, pids: [1] };
      return kind === "ended" ? { kind, exitCode: 0 } : { kind };
    },
    seal(runDir) {
      const run = runs.get(runDir);
      if (run === undefined) return true;
      if (run.probe === "unclaimed") sealRun(run);
      return run.sealed;
    },
    follow(runDir, fromLine, onEvent) {
      let line = 0;
      return {
        poll() {
          const { events } = find(runDir);
          for (; line < events.length; line += 1) {
            const event = events[line];
            if (event !== undefined && line + 1 >= fromLine) onEvent(line + 1, event, event.atMs ?? 0);
          }
        },
        close: () => undefined,
      };
    },
    judge(runDir, asked) {
      const { verdict } = find(runDir);
      const wrongThread = asked !== undefined && verdict.threadId !== undefined && verdict.threadId !== asked;
      if (!wrongThread) return verdict;
      return { ...verdict, outcome: "failed", failure: failure("threadMismatch") };
    },
    entries(runDir, { task, run, attempt, prompt, startedAtMs }) {
      const { verdict, body } = find(runDir);
      const time = new Date(startedAtMs).toISOString();
      const bodies: TranscriptEntry["body"][] = [
        { kind: "user", text: prompt },
        ...body.map((text) => ({ kind: "assistant", text }) as const),
        { kind: "end", outcome: verdict.outcome, reason: verdict.failure?.kind ?? null },
      ];
      const thread = verdict.threadId ?? null;
      return bodies.map((entry, line) => ({ v: 1, task, run, attempt, line, thread, time, body: entry }));
    },
    reap: async () => [],
    async stop(runDir, graceMs) {
      const run = find(runDir);
      run.stops.push(graceMs);
      if (run.probe === "unclaimed") sealRun(run);
      else if (run.probe === "alive") options.onStop(run);
    },
  };
}
