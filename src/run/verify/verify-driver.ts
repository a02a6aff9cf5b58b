import { statSync } from "node:fs";
import { CoordinatorError } from "../../base/errors.ts";
import { faultPoint } from "../../base/fault-point.ts";
import type { RunProbe } from "../../task/state/run.ts";
import type { VerifyFacts, VerifyRequest } from "../../task/state/verification.ts";
import type { RunEvent, RunHandle, RunLease, VerifyDriver } from "../driver.ts";
import { readTail } from "../worker/bounded-file.ts";
import { claimedAtMs, isWorkerAlive, readClaim, sealRun } from "../worker/claim.ts";
import { allowedEnvironment, type Environment } from "../worker/environment.ts";
import { readExitRecord, signalOf } from "../worker/exit-record.ts";
import { MARKER_VARIABLE } from "../worker/marker-scan.ts";
import { createPause } from "../worker/pause.ts";
import { probeRun } from "../worker/probe-run.ts";
import {
  type MarkedRun,
  makeVerifyDirectory,
  markedRun,
  OUTPUT_NAME,
  readRunCommand,
  runPaths,
} from "../worker/run-directory.ts";
import { leaveToReaper, stopRun } from "../worker/stop-run.ts";
import { startWorker, type WorkerWatch, watchWorker } from "../worker/worker.ts";
import { readOutput } from "./output.ts";
import { sandboxOf, verifyArguments } from "./verify-command.ts";

export interface VerifyDriverOptions {
  /** The codex whose sandbox is used; asked at every start. */
  readonly codexPath: () => string;
  /** Filtered. */
  readonly environment: Environment;
  readonly workspaceId: string;
  /** Holds the folder of each run, `<task>/<run>`. */
  readonly runsDir: string;
}

/** Codex's sandbox reads its configuration from there. */
const FOR_SANDBOX = ["CODEX_HOME", "CODEX_SQLITE_HOME"] as const;
/** Between two looks at how much a command has printed. */
const OUTPUT_LOOK_MS = 200;
/** Enough for the last words of a sandbox; a panic with a backtrace is longer and not needed whole. */
const SAID_BYTES = 16 * 1024;
const SAID_CHARACTERS_MAX = 300;
/** What codex says beside the reason (codex 0.169.0). */
const NOISE = /^(warning:|stack backtrace|\s*\d+: |note: |\s*$)/i;

/** Runs verify commands, as workers like those of agents. */
export function createVerifyDriver(options: VerifyDriverOptions): VerifyDriver {
  const { codexPath, environment, workspaceId, runsDir } = options;
  const environmentOf = (request: VerifyRequest, marker: string): Record<string, string> => ({
    ...allowedEnvironment(environment, [...request.environment, ...(request.sandbox === "none" ? [] : FOR_SANDBOX)]),
    CI: "true",
    CODEX_INBOX_TASK: request.taskId,
    CODEX_INBOX_SESSION: request.sessionKey,
    [MARKER_VARIABLE]: marker,
  });

  return {
    async start(request, isWanted) {
      const { workdir, taskId: task, run: number } = request;
      const lease: RunLease = { task, run: number, resume: undefined };
      const run = markedRun(runsDir, workspaceId, lease);
      if (statSync(workdir, { throwIfNoEntry: false })?.isDirectory() !== true)
        throw new CoordinatorError("TASK_FILE", `working directory ${workdir} is not there or not a directory`);
      const command = verifyArguments(request, run.runDir, codexPath, environment);
      makeVerifyDirectory(run.runDir, { command, workdir });
      faultPoint("verify:directory-made");
      if (!isWanted()) return undefined;
      const watch = watchWorker(run.runDir, () => probeVerification(run), true);
      try {
        const own = environmentOf(request, run.marker);
        startWorker({ runDir: run.runDir, command, workdir, environment: own, outputName: OUTPUT_NAME }, watch.onExit);
      } catch (error) {
        watch.detach();
        if (sealRun(run.runDir)) throw error;
        return this.adopt(lease);
      }
      faultPoint("verify:spawned");
      return followCommand(lease, run, watch);
    },
    async adopt(lease) {
      const run = markedRun(runsDir, workspaceId, lease);
      return followCommand(
        lease,
        run,
        watchWorker(run.runDir, () => probeVerification(run), false),
      );
    },
    probe: (key) => probeVerification(markedRun(runsDir, workspaceId, key)).kind,
    seal: (key) => sealRun(markedRun(runsDir, workspaceId, key).runDir),
  };
}

function followCommand(lease: RunLease, run: MarkedRun, watch: WorkerWatch): RunHandle<VerifyFacts> {
  const pause = createPause();
  let hasEnded = false;
  let isDetached = false;
  watch.ended.then(() => {
    hasEnded = true;
    pause.wake();
  });

  async function* events(): AsyncGenerator<RunEvent> {
    for (let bytes = 0; !hasEnded && !isDetached; await pause.wait(OUTPUT_LOOK_MS)) {
      const printed = statSync(runPaths(run.runDir).output, { throwIfNoEntry: false })?.size ?? 0;
      if (printed > bytes) yield { kind: "output", bytes: printed };
      bytes = printed;
      if (hasEnded || isDetached) break;
    }
    if (!isDetached) yield { kind: "exited", exitCode: readExitRecord(run.runDir)?.exitCode };
  }

  return {
    lease,
    silentMs: 0,
    events,
    async stop(graceMs) {
      await stopRun(run, graceMs);
      watch.look();
    },
    async outcome() {
      await stopRun(run, 0).catch(leaveToReaper); // Nothing that a verify command started is meant to outlive it.
      return readFacts(run.runDir);
    },
    detach() {
      isDetached = true;
      watch.detach();
      pause.wake();
    },
  };
}

function readFacts(runDir: string): VerifyFacts {
  const record = readExitRecord(runDir);
  const { begun, bytes, tail } = readOutput(runPaths(runDir).output);
  return {
    sandbox: sandboxOf(readRunCommand(runDir)?.command ?? []),
    begun,
    exitCode: record?.exitCode,
    signal: record === undefined ? undefined : signalOf(record.exitCode),
    startedAtMs: claimedAtMs(runDir),
    endedAtMs: record?.endedAtMs,
    output: tail,
    outputBytes: bytes,
    said: lastWords(runPaths(runDir).stderr),
  };
}

/** Without its worker nobody will ever say how the command ended: then it is lost, even while it goes on. */
function probeVerification(run: MarkedRun): RunProbe {
  const seen = probeRun(run);
  const claim = readClaim(run.runDir);
  if (seen.kind !== "alive" || claim?.kind !== "worker" || isWorkerAlive(claim)) return seen;
  const record = readExitRecord(run.runDir); // The last thing that a worker writes.
  return record === undefined ? { kind: "vanished" } : { kind: "ended", exitCode: record.exitCode };
}

/** Errors come first and their backtraces last, so the first line that says something is taken. */
function lastWords(stderrPath: string): string {
  const lines = readTail(stderrPath, SAID_BYTES).split("\n");
  const line = lines.find((one) => !NOISE.test(one)) ?? "";
  return line.replaceAll(/\s+/g, " ").trim().slice(0, SAID_CHARACTERS_MAX).toWellFormed();
}
