import { statSync } from "node:fs";
import { CoordinatorError } from "../../base/errors.ts";
import { faultPoint } from "../../base/fault-point.ts";
import type { RunProbe } from "../../task/state/run.ts";
import type { VerifyFacts, VerifyRequest } from "../../task/state/verification.ts";
import type { Keeper } from "../../task/text/kept-text.ts";
import type { VerifyDriver } from "../driver.ts";
import { allowedEnvironment, type Environment } from "../sandbox/environment.ts";
import { readTail } from "../worker/bounded-file.ts";
import { claimedAtMs, isWorkerAlive, readClaim } from "../worker/claim.ts";
import { readExitRecord, signalOf } from "../worker/exit-record.ts";
import { MARKER_VARIABLE } from "../worker/processes/marker-scan.ts";
import { probeRun } from "../worker/processes/probe-run.ts";
import { leaveToReaper, stopRun } from "../worker/processes/stop-run.ts";
import { type MarkedRun, makeVerifyDirectory, OUTPUT_NAME, readRunCommand, runPaths } from "../worker/run-directory.ts";
import { createWorkerDriver, type WorkerDriverOptions } from "../worker/worker-driver.ts";
import { readOutput } from "./output.ts";
import { sandboxOf, verifyArguments } from "./verify-command.ts";

export interface VerifyDriverOptions extends WorkerDriverOptions {
  /** The codex whose sandbox is used; asked at every start. */
  readonly codexPath: () => string;
  /** Filtered. */
  readonly environment: Environment;
  readonly keeper: Pick<Keeper, "keep">;
}

/** Codex's sandbox reads its configuration from there. */
const FOR_SANDBOX = ["CODEX_HOME", "CODEX_SQLITE_HOME"] as const;
/** Enough for the last words of a sandbox; a panic with a backtrace is longer and not needed whole. */
const SAID_BYTES = 16 * 1024;
const SAID_CHARACTERS_MAX = 300;
/** What codex says beside the reason (codex 0.169.0). */
const NOISE = /^(warning:|stack backtrace|\s*\d+: |note: |\s*$)/i;

/** Runs verify commands, by workers like those of agents. */
export function createVerifyDriver(options: VerifyDriverOptions): VerifyDriver {
  const environmentOf = (request: VerifyRequest, marker: string): Record<string, string> => ({
    ...allowedEnvironment(options.environment, [
      ...request.environment,
      ...(request.sandbox === "none" ? [] : FOR_SANDBOX),
    ]),
    ...request.variables,
    CI: "true",
    CODEX_INBOX_TASK: request.taskId,
    CODEX_INBOX_SESSION: request.sessionKey,
    [MARKER_VARIABLE]: marker,
  });

  return createWorkerDriver<VerifyRequest, VerifyFacts>(options, {
    leaseOf: ({ taskId: task, run }) => ({ task, run, resume: undefined }),
    prepare(request, { runDir, marker }) {
      const { workdir } = request;
      if (statSync(workdir, { throwIfNoEntry: false })?.isDirectory() !== true)
        throw new CoordinatorError("TASK_FILE", `working directory ${workdir} is not there or not a directory`);
      const command = verifyArguments(request, options.codexPath, options.environment);
      makeVerifyDirectory(runDir, { command, workdir });
      faultPoint("verify:directory-made");
      return { runDir, command, workdir, environment: environmentOf(request, marker), outputName: OUTPUT_NAME };
    },
    probe: probeVerification,
    spawned: "verify:spawned",
    read: (run) => ({
      path: runPaths(run.runDir).output,
      next: async () => undefined,
      bytes: () => statSync(runPaths(run.runDir).output, { throwIfNoEntry: false })?.size ?? 0,
      async outcome() {
        await stopRun(run, 0).catch(leaveToReaper); // Nothing that a verify command started is meant to outlive it.
        return readFacts(run.runDir, options.keeper);
      },
    }),
  });
}

function readFacts(runDir: string, keeper: Pick<Keeper, "keep">): VerifyFacts {
  const record = readExitRecord(runDir);
  const { begun, bytes, tail } = readOutput(runPaths(runDir).output);
  return {
    sandbox: sandboxOf(readRunCommand(runDir)?.command ?? []),
    begun,
    exitCode: record?.exitCode,
    signal: record === undefined ? undefined : signalOf(record.exitCode),
    startedAtMs: claimedAtMs(runDir),
    endedAtMs: record?.endedAtMs,
    output: keeper.keep(tail),
    outputBytes: bytes,
    said: lastWords(keeper.keep(readTail(runPaths(runDir).stderr, SAID_BYTES))),
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
function lastWords(said: string): string {
  const lines = said.split("\n");
  const line = lines.find((one) => !NOISE.test(one)) ?? "";
  return line.replaceAll(/\s+/g, " ").trim().slice(0, SAID_CHARACTERS_MAX).toWellFormed();
}
