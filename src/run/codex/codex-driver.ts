import { statSync } from "node:fs";
import { setImmediate as nextTurn } from "node:timers/promises";
import { CoordinatorError } from "../../base/errors.ts";
import { faultPoint } from "../../base/fault-point.ts";
import type { CodexInstallation, RunRequest } from "../../task/state/run.ts";
import type { AgentDriver, AgentOutcome, RunEvent, RunHandle, RunLease } from "../driver.ts";
import { readSmall } from "../worker/bounded-file.ts";
import { sealRun } from "../worker/claim.ts";
import type { Environment } from "../worker/environment.ts";
import { readExitRecord } from "../worker/exit-record.ts";
import { MARKER_VARIABLE, requireProcessTable } from "../worker/marker-scan.ts";
import { createPause } from "../worker/pause.ts";
import { probeRun } from "../worker/probe-run.ts";
import { type MarkedRun, makeRunDirectory, markedRun, readRunCommand, runPaths } from "../worker/run-directory.ts";
import { leaveToReaper, stopRun } from "../worker/stop-run.ts";
import { startWorker, type WorkerWatch, watchWorker } from "../worker/worker.ts";
import { codexArguments } from "./arguments.ts";
import { codexEnvironment } from "./environment.ts";
import { createLineReader } from "./events/line-reader.ts";
import { createRunRecord } from "./events/run-record.ts";
import { createRollouts, type Rollouts } from "./failure/rollout.ts";
import { codexHomePath, readCodexHome } from "./install/codex-home.ts";
import { hasTurnEnded } from "./turn-end.ts";
import { judgeRun } from "./verdict.ts";

const SCHEMA_BYTES_MAX = 1_048_576;
/** Between two looks at the events of a run: while they come, and when they have not for a while. */
const FOLLOW_FIRST_MS = 50;
const FOLLOW_MAX_MS = 500;

export interface CodexDriverOptions {
  /** Asked at every start, so that an upgrade takes effect without a restart. */
  readonly installation: () => CodexInstallation;
  /** Filtered: codex gets only what environment.ts allows, and what a run names. */
  readonly environment: Environment;
  /** `key=value` settings for every run, value in TOML; those of a run win. */
  readonly extraConfig: readonly string[];
  readonly now: () => number;
  /** Tells the processes of this workspace from those of another. */
  readonly workspaceId: string;
  /** Holds the folder of each run, `<task>/<run>`. */
  readonly runsDir: string;
}

/**
 * Runs `codex exec`, one process per turn, which writes its events to a file: this process is never in their way.
 *
 * @throws CoordinatorError `CODEX` where there is no /proc
 */
export function createCodexDriver(options: CodexDriverOptions): AgentDriver {
  requireProcessTable();
  const { workspaceId, runsDir, extraConfig } = options;
  const rollouts = createRollouts(codexHomePath(options.environment));
  const context = { rollouts, now: options.now };

  const environmentOf = ({ marker }: MarkedRun, names: readonly string[]): Record<string, string> => {
    const keyVariables = readCodexHome(options.environment).keyVariables;
    return {
      ...codexEnvironment(options.environment, [...keyVariables, ...names]),
      [MARKER_VARIABLE]: marker,
    };
  };
  const prepare = (request: RunRequest, run: MarkedRun, environment: Record<string, string>): readonly string[] => {
    requireFolder(request.workdir);
    requireVariables(request, options.environment);
    const { workdir, resumeThread } = request;
    // A copy, out of the agent's reach: its answer is held against what was asked for.
    const schema = request.outputSchema === undefined ? undefined : readSchema(request.outputSchema);
    const outputSchema = schema === undefined ? undefined : runPaths(run.runDir).outputSchema;
    const said = codexArguments({ ...request, outputSchema }, { ...run, extraConfig, environment });
    const command = [options.installation().path, ...said];
    makeRunDirectory(run.runDir, request.prompt, { command, workdir, resumeThread }, schema);
    faultPoint("run:directory-made");
    return command;
  };

  return {
    async start(request, isWanted) {
      const { taskId: task, run: number, resumeThread: resume, workdir } = request;
      const lease: RunLease = { task, run: number, resume };
      const run = markedRun(runsDir, workspaceId, lease);
      const environment = environmentOf(run, request.environment);
      const command = prepare(request, run, environment);
      if (!isWanted()) return undefined;
      const watch = watchWorker(run.runDir, () => probeRun(run, hasTurnEnded), true);
      try {
        startWorker({ runDir: run.runDir, command, workdir, environment }, watch.onExit);
      } catch (error) {
        watch.detach();
        if (sealRun(run.runDir)) throw error;
        return this.adopt(lease);
      }
      faultPoint("run:spawned");
      return followRun(lease, run, watch, workdir, context);
    },
    async adopt(lease) {
      const run = markedRun(runsDir, workspaceId, lease);
      const watch = watchWorker(run.runDir, () => probeRun(run, hasTurnEnded), false);
      return followRun(lease, run, watch, readRunCommand(run.runDir)?.workdir ?? "/", context);
    },
    probe: (key) => probeRun(markedRun(runsDir, workspaceId, key), hasTurnEnded).kind,
    seal: (key) => sealRun(markedRun(runsDir, workspaceId, key).runDir),
  };
}

function followRun(
  lease: RunLease,
  run: MarkedRun,
  watch: WorkerWatch,
  workdir: string,
  { rollouts, now }: { readonly rollouts: Rollouts; readonly now: () => number },
): RunHandle<AgentOutcome> {
  const paths = runPaths(run.runDir);
  const reader = createLineReader(paths.events);
  const record = createRunRecord(workdir);
  const pause = createPause();
  let hasEnded = false;
  let isDetached = false;
  watch.ended.then(() => {
    hasEnded = true;
    pause.wake();
  });

  let bytes = 0;
  async function* readOn(): AsyncGenerator<RunEvent> {
    for (let lines = reader.read(); lines !== undefined && !isDetached; lines = reader.read()) {
      for (const line of lines) yield record.take(line, Math.min(now(), reader.changedAtMs ?? now()));
      yield* newOutput(); // An agent may well write faster than it is read.
      await nextTurn(); // Others have their turn between two slices.
    }
  }
  function* newOutput(): Generator<RunEvent> {
    const written = reader.sizeBytes + (statSync(paths.stderr, { throwIfNoEntry: false })?.size ?? 0);
    if (written <= bytes) return;
    bytes = written;
    yield { kind: "output", bytes };
  }
  async function* events(): AsyncGenerator<RunEvent> {
    let delayMs = FOLLOW_FIRST_MS;
    while (!hasEnded && !isDetached) {
      const before = bytes;
      yield* readOn();
      yield* newOutput();
      delayMs = bytes > before ? FOLLOW_FIRST_MS : Math.min(delayMs * 1.5, FOLLOW_MAX_MS);
      if (!hasEnded && !isDetached) await pause.wait(delayMs);
    }
    if (isDetached) return;
    yield { kind: "exited", exitCode: readExitRecord(run.runDir)?.exitCode };
    yield* readOn();
  }

  return {
    lease,
    silentMs: watch.isOurs ? 0 : silentSince(paths.events, now()),
    events,
    async stop(graceMs) {
      await stopRun(run, graceMs);
      watch.look();
    },
    async outcome() {
      reader.close();
      const verdict = await judgeRun(run.runDir, record.summary(), lease.resume, rollouts);
      // What an agent leaves running at the end of its turn is meant to run; what a broken one leaves would meet its next run.
      if (verdict.outcome !== "succeeded") await stopRun(run, 0).catch(leaveToReaper);
      return {
        verdict,
        said: record.said(),
        lineCount: record.lineCount,
        endedAtMs: readExitRecord(run.runDir)?.endedAtMs ?? reader.changedAtMs ?? now(),
        patches: record.patches,
      };
    },
    detach() {
      isDetached = true;
      watch.detach();
      pause.wake();
    },
  };
}

function silentSince(path: string, nowMs: number): number {
  const changedAtMs = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? nowMs;
  return Math.max(0, nowMs - changedAtMs);
}

function readSchema(path: string): string {
  const text = readSmall(path, SCHEMA_BYTES_MAX, "followed");
  if (text !== undefined) return text;
  throw new CoordinatorError(
    "TASK_FILE",
    `output schema ${path} is not there, cannot be read, or has more than ${SCHEMA_BYTES_MAX} bytes`,
  );
}

function requireFolder(workdir: string): void {
  if (statSync(workdir, { throwIfNoEntry: false })?.isDirectory() === true) return;
  throw new CoordinatorError("TASK_FILE", `working directory ${workdir} is not there or not a directory`);
}

/** A run that was promised a variable fails late and strangely without it. */
function requireVariables(request: RunRequest, environment: Environment): void {
  const missing = request.environment.find((name) => (environment[name] ?? "") === "");
  if (missing === undefined) return;
  const message = `environment: ${missing} is not set where the coordinator runs; start it with that variable, or do not name it`;
  throw new CoordinatorError("TASK_FILE", message);
}
