import { statSync } from "node:fs";
import { CoordinatorError } from "../../base/errors.ts";
import { faultPoint } from "../../base/fault-point.ts";
import type { RunProbe } from "../../task/state/run.ts";
import type { VerifyFacts, VerifyRequest } from "../../task/state/verification.ts";
import { claimedAtMs, isWorkerAlive, readClaim, sealRun } from "../worker/claim.ts";
import { allowedEnvironment, type Environment } from "../worker/environment.ts";
import { readExitRecord, signalOf } from "../worker/exit-record.ts";
import { readTail } from "../worker/file-tail.ts";
import { MARKER_VARIABLE } from "../worker/marker-scan.ts";
import { probeRun } from "../worker/probe-run.ts";
import { makeVerifyDirectory, OUTPUT_NAME, readRunCommand, runMarker, runPaths } from "../worker/run-directory.ts";
import type { MarkedRun } from "../worker/run-processes.ts";
import { stopRun } from "../worker/stop-run.ts";
import { startWorker } from "../worker/worker.ts";
import { readOutput } from "./output.ts";
import { sandboxOf, verifyArguments } from "./verify-command.ts";

export interface VerifierOptions {
  /** The codex whose sandbox is used; asked at every `prepare`. */
  readonly codexPath: () => string;
  /** Filtered. */
  readonly environment: Environment;
  readonly workspaceId: string;
}

/** Runs verify commands as workers. As with an agent's run, a run belongs to its folder and not to whoever started it. */
export interface Verifier {
  /** Makes the run's folder. @throws CoordinatorError `TASK_FILE` where the working directory is not there */
  prepare(request: VerifyRequest): void;
  /** Starts what `prepare` wrote down, detached; returns the worker's process id. @throws CoordinatorError `CODEX` where no process can be made */
  start(request: VerifyRequest, onExit: () => void): number;
  probe(runDir: string): RunProbe;
  /** Wins the claim, so that nobody may ever start this run. */
  seal(runDir: string): boolean;
  /** How much it has printed until now. */
  outputBytes(runDir: string): number;
  /** What the files of an ended run say. */
  read(runDir: string): VerifyFacts;
  /** Ends every process of the run; resolves when none is left. */
  stop(runDir: string, graceMs: number): Promise<void>;
}

/** Codex's sandbox reads its configuration from there. */
const FOR_SANDBOX = ["CODEX_HOME", "CODEX_SQLITE_HOME"] as const;
/** Enough for the last words of a sandbox; a panic with a backtrace is longer and not needed whole. */
const SAID_BYTES = 16 * 1024;
const SAID_CHARACTERS_MAX = 300;
/** What codex says beside the reason (codex 0.169.0). */
const NOISE = /^(warning:|stack backtrace|\s*\d+: |note: |\s*$)/i;

export function createVerifier({ codexPath, environment, workspaceId }: VerifierOptions): Verifier {
  const markedRun = (runDir: string) => ({ runDir, marker: runMarker(workspaceId, runDir) });
  return {
    prepare(request) {
      const { runDir, workdir } = request;
      if (statSync(workdir, { throwIfNoEntry: false })?.isDirectory() !== true)
        throw new CoordinatorError("TASK_FILE", `working directory ${workdir} is not there or not a directory`);
      makeVerifyDirectory(runDir, { command: verifyArguments(request, codexPath, environment), workdir });
      faultPoint("verify:directory-made");
    },
    start({ runDir, taskId, sessionKey, sandbox, environment: names }, onExit) {
      const prepared = readRunCommand(runDir);
      if (prepared === undefined) throw new Error(`${runDir} was not prepared`);
      const own = {
        CI: "true",
        CODEX_INBOX_TASK: taskId,
        CODEX_INBOX_SESSION: sessionKey,
        [MARKER_VARIABLE]: markedRun(runDir).marker,
      };
      const allowed = allowedEnvironment(environment, [...names, ...(sandbox === "none" ? [] : FOR_SANDBOX)]);
      const { command, workdir } = prepared;
      const spec = { runDir, command, workdir, environment: { ...allowed, ...own }, outputName: OUTPUT_NAME };
      const pid = startWorker(spec, onExit);
      faultPoint("verify:spawned");
      return pid;
    },
    probe: (runDir) => probeVerification(markedRun(runDir)),
    seal: sealRun,
    outputBytes: (runDir) => statSync(runPaths(runDir).output, { throwIfNoEntry: false })?.size ?? 0,
    read(runDir) {
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
    },
    stop: (runDir, graceMs) => stopRun(markedRun(runDir), graceMs),
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
