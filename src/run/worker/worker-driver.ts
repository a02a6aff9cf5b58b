import { statSync } from "node:fs";
import { setImmediate as nextTurn } from "node:timers/promises";
import { type FaultPoint, faultPoint } from "../../base/fault-point.ts";
import type { RunProbe } from "../../task/state/run.ts";
import type { Driver, RunEvent, RunHandle, RunKey, RunLease } from "../driver.ts";
import { sealRun } from "./claim.ts";
import { readExitRecord } from "./exit-record.ts";
import { directLauncher, type Launcher } from "./launcher/launcher.ts";
import { createPause } from "./pause.ts";
import { stopRun } from "./processes/stop-run.ts";
import { type MarkedRun, markedRun } from "./run-directory.ts";
import { type WorkerSpec, type WorkerWatch, watchWorker } from "./worker.ts";

/** What one kind of command makes of being run by a worker. */
export interface WorkerKind<Request, Outcome> {
  leaseOf(request: Request): RunLease;
  /** Makes the folder of the run. @throws CoordinatorError `TASK_FILE`, `CODEX` */
  prepare(request: Request, run: MarkedRun): WorkerSpec | Promise<WorkerSpec>;
  probe(run: MarkedRun): RunProbe;
  /** Where a test may kill the coordinator: the process was made. */
  readonly spawned: FaultPoint;
  /** Begins to read what a run writes. @param workdir where it works; `undefined`: another coordinator has started it */
  read(run: MarkedRun, lease: RunLease, workdir?: string): RunReader<Outcome>;
}

/** Reads what one run writes, a little at a time. */
export interface RunReader<Outcome> {
  /** What is new, a little of it, taken in with turns for others; `undefined` where nothing is. Called one after the other. */
  next(): Promise<readonly RunEvent[] | undefined>;
  /** How much it has written until now. */
  bytes(): number;
  /** The file whose change is the last sign of life. */
  readonly path: string;
  outcome(): Promise<Outcome>;
}

export interface WorkerDriverOptions {
  /** Tells the processes of this workspace from those of another. */
  readonly workspaceId: string;
  /** Holds the folder of each run, `<task>/<run>`. */
  readonly runsDir: string;
  /** Starts the workers; this process itself, if not given. */
  readonly launcher?: Launcher;
}

/** Between two looks at what a run writes: while something comes, and when nothing has for a while. */
const LOOK_FIRST_MS = 50;
const LOOK_MAX_MS = 500;

/** Drives commands that are run by a worker and write to files: this process is never in their way. */
export function createWorkerDriver<Request, Outcome>(
  { workspaceId, runsDir, launcher = directLauncher }: WorkerDriverOptions,
  kind: WorkerKind<Request, Outcome>,
): Driver<Request, Outcome> {
  const runOf = (key: RunKey): MarkedRun => markedRun(runsDir, workspaceId, key);
  const watch = (run: MarkedRun, isOurs: boolean): WorkerWatch =>
    watchWorker(run.runDir, () => kind.probe(run), isOurs);
  const adopt = (lease: RunLease): RunHandle<Outcome> => {
    const run = runOf(lease);
    return followRun(lease, run, watch(run, false), kind.read(run, lease));
  };

  return {
    async start(request, isWanted) {
      const lease = kind.leaseOf(request);
      const run = runOf(lease);
      const spec = await kind.prepare(request, run);
      if (!(await isWanted())) return undefined;
      const watched = watch(run, true);
      try {
        const foundGone = await launcher.start(spec, watched.onExit);
        watched.ended.then(foundGone);
      } catch (error) {
        watched.detach();
        if (sealRun(run.runDir)) throw error;
        return adopt(lease);
      }
      faultPoint(kind.spawned);
      return followRun(lease, run, watched, kind.read(run, lease, spec.workdir));
    },
    adopt: async (lease) => adopt(lease),
    probe: (key) => kind.probe(runOf(key)).kind,
    seal: (key) => sealRun(runOf(key).runDir),
  };
}

function followRun<Outcome>(
  lease: RunLease,
  run: MarkedRun,
  watch: WorkerWatch,
  reader: RunReader<Outcome>,
): RunHandle<Outcome> {
  const pause = createPause();
  /** Callers that wait until what is there now was read. */
  let waiting: (() => void)[] = [];
  let isRead = false;
  let hasEnded = false;
  let isDetached = false;
  let bytes = 0;
  watch.ended.then(() => {
    hasEnded = true;
    pause.wake();
  });

  function* newOutput(): Generator<RunEvent> {
    const written = reader.bytes();
    if (written <= bytes) return;
    bytes = written;
    yield { kind: "output", bytes };
  }
  async function* readOn(): AsyncGenerator<RunEvent> {
    for (let events = await reader.next(); events !== undefined && !isDetached; events = await reader.next()) {
      yield* events;
      yield* newOutput(); // A run may well write faster than it is read.
      await nextTurn(); // Others have their turn between two slices.
    }
    yield* newOutput();
  }
  async function* events(): AsyncGenerator<RunEvent> {
    try {
      yield* follow();
    } finally {
      isRead = true;
      for (const resolve of waiting) resolve();
    }
  }
  async function* follow(): AsyncGenerator<RunEvent> {
    let delayMs = LOOK_FIRST_MS;
    while (!hasEnded && !isDetached) {
      const before = bytes;
      const asked = waiting;
      waiting = [];
      yield* readOn();
      for (const resolve of asked) resolve();
      delayMs = bytes > before ? LOOK_FIRST_MS : Math.min(delayMs * 1.5, LOOK_MAX_MS);
      if (!hasEnded && !isDetached) await pause.wait(delayMs);
    }
    if (isDetached) return;
    yield { kind: "exited", exitCode: readExitRecord(run.runDir)?.exitCode };
    yield* readOn();
  }

  return {
    lease,
    silentMs: watch.isOurs ? 0 : silentSince(reader.path),
    events,
    caughtUp: () =>
      new Promise((resolve) => {
        if (isRead) return resolve();
        waiting.push(resolve);
        pause.wake();
      }),
    async stop(graceMs) {
      await stopRun(run, graceMs);
      watch.look();
    },
    outcome: reader.outcome,
    detach() {
      isDetached = true;
      watch.detach();
      pause.wake();
    },
  };
}

function silentSince(path: string): number {
  const changedAtMs = statSync(path, { throwIfNoEntry: false })?.mtimeMs;
  return changedAtMs === undefined ? 0 : Math.max(0, Date.now() - changedAtMs);
}
