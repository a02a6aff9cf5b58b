import { statSync, watch as watchFolder } from "node:fs";
import { basename, dirname } from "node:path";
import { CoordinatorError } from "../../base/errors.ts";
import { faultPoint } from "../../base/fault-point.ts";
import { readBoundedText } from "../../base/read-bounded.ts";
import type { TranscriptEntry } from "../../task/session/transcript-entry.ts";
import type { CodexInstallation, RunProbe, RunRequest, RunVerdict } from "../../task/state/run.ts";
import { sealRun } from "../worker/claim.ts";
import type { Environment } from "../worker/environment.ts";
import { MARKER_VARIABLE, requireProcessTable } from "../worker/marker-scan.ts";
import { probeRun } from "../worker/probe-run.ts";
import { type Reaped, reapRuns } from "../worker/reap.ts";
import { makeRunDirectory, readRunCommand, runMarker, runPaths } from "../worker/run-directory.ts";
import { stopRun } from "../worker/stop-run.ts";
import { startWorker } from "../worker/worker.ts";
import { codexArguments } from "./arguments.ts";
import { codexEnvironment } from "./environment.ts";
import { type CodexEvent, parseEventLine } from "./events/events.ts";
import { createLineReader } from "./events/line-reader.ts";
import { type EntryContext, entriesOfRun } from "./events/transcript-of-run.ts";
import { codexHomePath, readCodexHome } from "./install/codex-home.ts";
import { hasTurnEnded } from "./turn-end.ts";
import { judgeRun } from "./verdict.ts";

const SCHEMA_BYTES_MAX = 1_048_576;

export interface RunnerOptions {
  /** Asked at every `prepare`, so that an upgrade takes effect without a restart. */
  readonly installation: () => CodexInstallation;
  /** Filtered: codex gets only what environment.ts allows, and what a run names. */
  readonly environment: Environment;
  /** `key=value` settings for every run, value in TOML; those of a run win. */
  readonly extraConfig: readonly string[];
  readonly now: () => number;
  /** Tells the processes of this workspace from those of another. */
  readonly workspaceId: string;
}

/**
 * Runs codex, one process per turn. A run belongs to its folder and not to whoever started it: every method but `start` works
 * as well on a run that another coordinator began.
 */
export interface Runner {
  /**
   * Makes the run's folder with all that a worker needs. What a crash left there before a start is replaced.
   *
   * @throws CoordinatorError `TASK_FILE` for a thread id, image, working directory or variable that cannot be
   */
  prepare(request: RunRequest): void;
  /**
   * Starts what `prepare` wrote down, detached; returns the worker's process id. `onExit` is called once when that ends while
   * this process lives; a worker that loses the claim ends at once, without running anything.
   */
  start(request: RunRequest, onExit: () => void): number;
  /** Looks at a run's files and processes. */
  probe(runDir: string): RunProbe;
  /** Wins the claim so that nobody may ever start this run: true means that it never started and never will. */
  seal(runDir: string): boolean;
  /**
   * Follows events.jsonl: each `poll` passes on the lines that are complete since the last one, beginning with line `fromLine`
   * (from 1; 0 and 1 are all of them). `seenAtMs` is never later than the file's last change.
   */
  follow(
    runDir: string,
    fromLine: number,
    onEvent: (line: number, event: CodexEvent, seenAtMs: number) => void,
  ): { poll(): void; close(): void };
  /** Calls `onChange` when something in the run's folder changes, if the system can tell; a hint to poll, never the only one. */
  watch(runDir: string, onChange: () => void): { close(): void };
  /** Says how an ended run ended. `asked` is the thread it was to resume. */
  judge(runDir: string, asked: string | undefined): RunVerdict;
  /** Returns what the transcript says of an ended run. */
  entries(runDir: string, context: EntryContext): readonly TranscriptEntry[];
  /**
   * Ends the run and everything it started; resolves when no process of it is left. Seals a run that never started.
   *
   * @throws CoordinatorError `TRY_AGAIN` if a process outlives SIGKILL by seconds
   */
  stop(runDir: string, graceMs: number): Promise<void>;
  /** Ends every process of this workspace's runs but the live ones; resolves with what it found. */
  reap(isLive: (task: string, run: number) => boolean): Promise<readonly Reaped[]>;
}

/** Makes the runner of one workspace. @throws CoordinatorError `CODEX` where there is no /proc */
export function createRunner(options: RunnerOptions): Runner {
  requireProcessTable();
  const { workspaceId, extraConfig, now } = options;
  const codexHome = codexHomePath(options.environment);

  function markedRun(runDir: string): { readonly runDir: string; readonly marker: string } {
    return { runDir, marker: runMarker(workspaceId, runDir) };
  }
  function environmentOf(runDir: string, names: readonly string[]): Record<string, string> {
    const keyVariables = readCodexHome(options.environment).keyVariables;
    const allowed = codexEnvironment(options.environment, [...keyVariables, ...names]);
    return { ...allowed, [MARKER_VARIABLE]: markedRun(runDir).marker };
  }
  return {
    prepare(request) {
      requireRunDirectory(request);
      requireFolder(request.workdir);
      requireVariables(request, options.environment);
      const { runDir, workdir, resumeThread } = request;
      const environment = environmentOf(runDir, request.environment);
      const context = { extraConfig, marker: markedRun(runDir).marker, environment };
      // A copy, out of the agent's reach: its answer is held against what was asked for.
      const schema = request.outputSchema === undefined ? undefined : readSchema(request.outputSchema);
      const outputSchema = schema === undefined ? undefined : runPaths(runDir).outputSchema;
      const command = [options.installation().path, ...codexArguments({ ...request, outputSchema }, context)];
      makeRunDirectory(runDir, request.prompt, { command, workdir, resumeThread }, schema);
      faultPoint("run:directory-made");
    },
    start({ runDir, environment: names }, onExit) {
      const prepared = readRunCommand(runDir);
      if (prepared === undefined) throw new Error(`${runDir} was not prepared`);
      const { command, workdir } = prepared;
      const pid = startWorker({ runDir, command, workdir, environment: environmentOf(runDir, names) }, onExit);
      faultPoint("run:spawned");
      return pid;
    },
    probe: (runDir) => probeRun(markedRun(runDir), hasTurnEnded),
    seal: sealRun,
    follow: (runDir, fromLine, onEvent) => followEvents(runPaths(runDir).events, fromLine, now, onEvent),
    watch: watchRun,
    judge: (runDir, asked) => judgeRun(runDir, asked, codexHome),
    entries: (runDir, context) => entriesOfRun(runDir, context, codexHome),
    stop: (runDir, graceMs) => stopRun(markedRun(runDir), graceMs),
    reap: (isLive) => reapRuns(workspaceId, isLive),
  };
}

function followEvents(
  path: string,
  fromLine: number,
  now: () => number,
  onEvent: (line: number, event: CodexEvent, seenAtMs: number) => void,
): { poll(): void; close(): void } {
  const reader = createLineReader(path);
  return {
    poll() {
      reader.poll((line, text) => {
        if (line < fromLine) return;
        onEvent(line, parseEventLine(text), Math.min(now(), reader.changedAtMs() ?? Number.POSITIVE_INFINITY));
      });
    },
    close: reader.close,
  };
}

function watchRun(runDir: string, onChange: () => void): { close(): void } {
  try {
    const watcher = watchFolder(runDir, { persistent: false }, onChange);
    watcher.on("error", () => watcher.close()); // The folder is gone, or there are no more watches: the caller polls anyway.
    return { close: () => watcher.close() };
  } catch {
    return { close: () => undefined }; // As above.
  }
}

function readSchema(path: string): string {
  let text: string | undefined;
  try {
    text = readBoundedText(path, SCHEMA_BYTES_MAX, { followLinks: true });
  } catch (cause) {
    if (!(cause instanceof CoordinatorError)) throw cause;
    throw new CoordinatorError("TASK_FILE", `output schema ${cause.message}`, { cause });
  }
  if (text === undefined) throw new CoordinatorError("TASK_FILE", `output schema ${path} is not there`);
  return text;
}

/** The marker is made from the folder's name, so the two must say the same. */
function requireRunDirectory({ runDir, taskId, run }: RunRequest): void {
  if (basename(runDir) === String(run) && basename(dirname(runDir)) === taskId) return;
  throw new Error(`${runDir} is not the folder of run ${run} of task ${taskId}`);
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
