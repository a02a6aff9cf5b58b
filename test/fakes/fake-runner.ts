import type { AgentDriver, AgentOutcome, RunEvent, RunKey, RunLease, RunStore } from "../../src/run/driver.ts";
import type { Failure, FailureKind } from "../../src/task/state/failure.ts";
import type { RunProbe, RunRequest, RunVerdict } from "../../src/task/state/run.ts";
import { createFakeHandle, type FakeHandle } from "./fake-handle.ts";

/** One run as its files and its processes would show it; it outlives the coordinator that started it. */
export interface FakeRun {
  readonly request: RunRequest;
  probe: RunProbe["kind"];
  sealed: boolean;
  /** What it has done until now. */
  readonly events: RunEvent[];
  verdict: RunVerdict;
  /** Further entries of the transcript, between the prompt and the end. */
  body: readonly string[];
  /** Absolute paths that its patches wrote. */
  patches: readonly string[];
  /** Times at which its end was asked for, in order. */
  readonly stops: number[];
}

export interface FakeRunnerOptions {
  /** Called before a run is prepared; what it throws, starting throws. */
  beforePrepare: (request: RunRequest) => void | Promise<void>;
  /** Called before the process of a run is made; what it throws, starting throws. */
  beforeStart: (request: RunRequest) => void;
  /** What a run does as soon as it was started; nothing by default: it goes on until the test ends it. */
  onStart: (run: FakeRun) => void;
  /** What a run does when it is stopped; by default it ends, interrupted. */
  onStop: (run: FakeRun) => void;
  /** Called when the outcome of a run is asked for; what it throws, that throws. */
  beforeOutcome: (run: FakeRun) => void | Promise<void>;
}

/** Runs that do what a test says. */
export interface FakeRunner extends AgentDriver {
  /** Every run that was started, the oldest first. */
  readonly started: readonly FakeRun[];
  readonly options: FakeRunnerOptions;
  readonly store: RunStore;
  /** The runs under way of a task or session. @throws Error where it is not exactly one */
  of(taskOrSession: string): FakeRun;
  /** Lets a run end like this. */
  end(run: FakeRun, verdict?: Partial<RunVerdict>): void;
  /** Takes a run's processes away without a trace. */
  vanish(run: FakeRun): void;
  /** The run's thread becomes known. */
  open(run: FakeRun, thread: string): void;
  /** The run does something. */
  act(run: FakeRun, event: RunEvent): void;
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

/** @param now Unix ms */
export function createFakeRunner(now: () => number): FakeRunner {
  const runs = new Map<string, FakeRun>();
  const started: FakeRun[] = [];
  const handles = new Map<string, FakeHandle<AgentOutcome>>();
  const sealed = new Set<string>();
  const threads = new Map<string, string>();
  const keyOf = ({ task, run }: RunKey): string => `${task}/${run}`;
  const nameOf = ({ taskId: task, run }: RunRequest): string => keyOf({ task, run });
  const options: FakeRunnerOptions = {
    beforePrepare: () => undefined,
    beforeStart: () => undefined,
    onStart: () => undefined,
    onStop: (run) => end(run, { outcome: "interrupted", failure: failure("killed"), lastMessage: "" }),
    beforeOutcome: () => undefined,
  };
  const exit = (run: FakeRun): void =>
    handles.get(nameOf(run.request))?.exit(run.verdict.outcome === "succeeded" ? 0 : 1);

  /** What it resumes, or the one of its session: THREAD for the first session, and another for each that comes after it. */
  function threadOf({ resumeThread, sessionKey }: RunRequest): string {
    const thread =
      threads.get(sessionKey) ??
      THREAD.replace(/.{4}$/, (end) => (Number.parseInt(end, 16) + threads.size).toString(16));
    threads.set(sessionKey, thread);
    return resumeThread ?? thread;
  }

  function end(run: FakeRun, verdict: Partial<RunVerdict> = {}): void {
    if (run.probe !== "alive") throw new Error(`run ${nameOf(run.request)} is ${run.probe}`);
    run.verdict = { ...SUCCESS, threadId: threadOf(run.request), ...verdict };
    run.probe = "ended";
    exit(run);
  }
  const act = (run: FakeRun, event: RunEvent): void => {
    run.events.push(event);
    handles.get(nameOf(run.request))?.push(event);
  };

  function follow(lease: RunLease): FakeHandle<AgentOutcome> {
    const handle = createFakeHandle<AgentOutcome>(lease, {
      async stop(graceMs) {
        const run = runs.get(keyOf(lease));
        run?.stops.push(graceMs);
        if (run?.probe === "alive") options.onStop(run);
        else if (seal(lease)) handle.exit();
      },
      async outcome() {
        const run = runs.get(keyOf(lease));
        if (run !== undefined) await options.beforeOutcome(run);
        return outcomeOf(run, lease, now());
      },
    });
    handles.set(keyOf(lease), handle);
    const run = runs.get(keyOf(lease));
    for (const event of run?.events ?? []) handle.push("isOld" in event ? { ...event, isOld: true } : event);
    if (run?.probe === "ended" || run?.probe === "vanished" || sealed.has(keyOf(lease)))
      handle.exit(run?.verdict.outcome === "succeeded" ? 0 : undefined);
    return handle;
  }

  /** Its claim is taken: to a coordinator that looks later it has been there and is gone. */
  function seal(key: RunKey): boolean {
    const run = runs.get(keyOf(key));
    if (run !== undefined && run.probe !== "unclaimed") return run.sealed;
    sealed.add(keyOf(key));
    if (run !== undefined) Object.assign(run, { sealed: true, probe: "vanished" });
    return true;
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
      run.verdict = LOST;
      exit(run);
    },
    open: (run, thread) => act(run, { kind: "thread", thread, atMs: now(), isOld: false }),
    act,
    forgetListeners: () => handles.clear(),
    async start(request, isWanted) {
      const lease = { task: request.taskId, run: request.run, resume: request.resumeThread };
      await options.beforePrepare(request);
      const known = runs.get(keyOf(lease));
      if (known !== undefined && known.probe !== "unclaimed") throw new Error(`${keyOf(lease)} has run already`);
      const run: FakeRun = {
        ...{ request, probe: "unclaimed", sealed: false, events: [], body: [], patches: [], stops: [] },
        verdict: LOST,
      };
      runs.set(keyOf(lease), run);
      if (!(await isWanted())) return undefined;
      try {
        options.beforeStart(request);
      } catch (error) {
        seal(lease);
        throw error;
      }
      run.probe = "alive";
      started.push(run);
      const handle = follow(lease);
      options.onStart(run);
      return handle;
    },
    adopt: async (lease) => follow(lease),
    probe: (key) => runs.get(keyOf(key))?.probe ?? (sealed.has(keyOf(key)) ? "vanished" : "unclaimed"),
    seal,
    store: {
      has: (key) => runs.has(keyOf(key)) || sealed.has(keyOf(key)),
      async stop(key, graceMs) {
        await follow({ ...key, resume: undefined }).stop(graceMs);
      },
      forget: () => undefined,
      forgetOthers: () => undefined,
      close: async () => undefined,
      reap: async () => [],
    },
  };
}

const LOST: RunVerdict = {
  ...SUCCESS,
  ...{ outcome: "vanished", failure: failure("vanished"), threadId: undefined, lastMessage: "" },
};

function outcomeOf(run: FakeRun | undefined, { resume }: RunLease, endedAtMs: number): AgentOutcome {
  const { verdict = LOST, body = [], patches = [] } = run ?? {};
  const isWrong = resume !== undefined && verdict.threadId !== undefined && verdict.threadId !== resume;
  const judged: RunVerdict = isWrong ? { ...verdict, outcome: "failed", failure: failure("threadMismatch") } : verdict;
  return {
    verdict: judged,
    said: body.map((text, index) => ({ line: index + 1, atMs: endedAtMs, body: { kind: "assistant", text } })),
    lineCount: body.length,
    endedAtMs,
    patches: new Map(patches.map((path) => [path, "written"])),
  };
}
