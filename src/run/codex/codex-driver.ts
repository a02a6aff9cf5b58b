import { statSync } from "node:fs";
import { CoordinatorError } from "../../base/errors.ts";
import { faultPoint } from "../../base/fault-point.ts";
import type { CodexInstallation, RunRequest, Usage } from "../../task/state/run.ts";
import type { Keeper } from "../../task/text/kept-text.ts";
import type { AgentDriver, AgentOutcome, RunEvent } from "../driver.ts";
import type { Environment } from "../sandbox/environment.ts";
import { readSmall } from "../worker/bounded-file.ts";
import { claimedAtMs } from "../worker/claim.ts";
import { readExitRecord } from "../worker/exit-record.ts";
import { MARKER_VARIABLE, requireProcessTable } from "../worker/processes/marker-scan.ts";
import { probeRun } from "../worker/processes/probe-run.ts";
import { leaveToReaper, stopRun } from "../worker/processes/stop-run.ts";
import { type MarkedRun, makeRunDirectory, readRunCommand, runPaths } from "../worker/run-directory.ts";
import { createWorkerDriver, type RunReader, type WorkerDriverOptions } from "../worker/worker-driver.ts";
import { codexArguments } from "./arguments.ts";
import { codexEnvironment } from "./environment.ts";
import { createLineReader } from "./events/line-reader.ts";
import { createRunRecord } from "./events/run-record.ts";
import { createRollouts, type Rollouts } from "./failure/rollout.ts";
import { readRunAccount } from "./failure/rollout-account.ts";
import { codexHomePath, readCodexHome } from "./install/codex-home.ts";
import { hasTurnEnded } from "./turn-end.ts";
import { judgeRun } from "./verdict.ts";

const SCHEMA_BYTES_MAX = 1_048_576;

export interface CodexDriverOptions extends WorkerDriverOptions {
  /** Asked at every start, so that an upgrade takes effect without a restart. */
  readonly installation: () => CodexInstallation;
  /** Filtered: codex gets only what environment.ts allows, and what a run names. */
  readonly environment: Environment;
  /** What is added so that codex's own git stays in the repository known at a working directory (absolute, links resolved). */
  readonly gitEnvironment: (workdir: string) => Readonly<Record<string, string>>;
  /** `key=value` settings for every run, value in TOML; those of a run win. */
  readonly extraConfig: readonly string[];
  /** Names of the MCP servers that codex has configured. Rejects with `CODEX` where that cannot be told. */
  readonly servers: () => Promise<readonly string[]>;
  readonly now: () => number;
  readonly keeper: Keeper;
}

/** Runs `codex exec`, one process per turn. @throws CoordinatorError `CODEX` where there is no /proc */
export function createCodexDriver(options: CodexDriverOptions): AgentDriver {
  requireProcessTable();
  const { extraConfig, now, keeper } = options;
  const rollouts = createRollouts(codexHomePath(options.environment));

  const environmentOf = ({ marker }: MarkedRun, request: RunRequest): Record<string, string> => {
    const keyVariables = readCodexHome(options.environment).keyVariables;
    return {
      ...codexEnvironment(options.environment, [...keyVariables, ...request.environment]),
      ...request.variables,
      ...options.gitEnvironment(request.workdir),
      [MARKER_VARIABLE]: marker,
    };
  };

  return createWorkerDriver<RunRequest, AgentOutcome>(options, {
    leaseOf: ({ taskId: task, run, resumeThread: resume }) => ({ task, run, resume }),
    async prepare(request, run) {
      requireFolder(request.workdir);
      requireVariables(request, options.environment);
      const { runDir } = run;
      const { workdir, resumeThread } = request;
      const environment = environmentOf(run, request);
      // A copy, out of the agent's reach: its answer is held against what was asked for.
      const schema = request.outputSchema === undefined ? undefined : readSchema(request.outputSchema);
      const outputSchema = schema === undefined ? undefined : runPaths(runDir).outputSchema;
      const servers = request.confinement.mcp === "none" ? await options.servers() : [];
      const { path: codexPath } = options.installation();
      const context = { ...run, extraConfig, environment, codexPath, servers };
      const command = [codexPath, ...codexArguments({ ...request, outputSchema }, context)];
      makeRunDirectory(runDir, request.prompt, { command, workdir, resumeThread }, schema);
      faultPoint("run:directory-made");
      return { runDir, command, workdir, environment };
    },
    probe: (run) => probeRun(run, hasTurnEnded),
    spawned: "run:spawned",
    read: (run, { resume }, workdir) => readTurn(run, resume, workdir, { rollouts, now, keeper }),
  });
}

/** @param resume the thread that was to be resumed */
function readTurn(
  run: MarkedRun,
  resume: string | undefined,
  workdir: string | undefined,
  { rollouts, now, keeper }: { readonly rollouts: Rollouts } & Pick<CodexDriverOptions, "now" | "keeper">,
): RunReader<AgentOutcome> {
  const paths = runPaths(run.runDir);
  const reader = createLineReader(paths.events);
  const record = createRunRecord(workdir ?? readRunCommand(run.runDir)?.workdir ?? "/", keeper);
  const usageSoFar = followUsage(now, async () => {
    const { threadId } = record.summary();
    const claimed = claimedAtMs(run.runDir);
    if (threadId === undefined || claimed === undefined) return undefined;
    return (await readRunAccount(rollouts, threadId, claimed, USAGE_BYTES))?.usage;
  });
  return {
    path: paths.events,
    async next() {
      const lines = reader.read();
      const events: RunEvent[] = [];
      for (const line of lines ?? [])
        events.push(await record.take(line, Math.min(now(), reader.changedAtMs ?? now())));
      const usage = await usageSoFar(events);
      if (usage !== undefined) events.push(usage);
      return lines === undefined && usage === undefined ? undefined : events;
    },
    bytes: () => reader.sizeBytes + (statSync(paths.stderr, { throwIfNoEntry: false })?.size ?? 0),
    async outcome() {
      reader.close();
      const verdict = await judgeRun(run.runDir, record.summary(), resume, { rollouts, keeper });
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
  };
}

/** While a run goes on its tokens are looked up at most this often, and once more when it has been silent for as long. */
const USAGE_MS = 2_000;
/** Codex notes them with each answer of the model: near the end of its file. */
const USAGE_BYTES = 256 * 1024;

/** Returns what is asked after each look at a run, with its new events: resolves with its tokens where these are others than before. */
function followUsage(
  now: () => number,
  read: () => Promise<Usage | undefined>,
): (events: readonly RunEvent[]) => Promise<RunEvent | undefined> {
  let last: (RunEvent & { readonly kind: "item" }) | undefined;
  let [seenAtMs, readAtMs, said] = [0, 0, ""];
  return async (events) => {
    const item = events.findLast((event) => event.kind === "item");
    if (item !== undefined) [last, seenAtMs] = [item, now()];
    if (last === undefined || now() - readAtMs < USAGE_MS) return undefined;
    readAtMs = now();
    const { atMs, isOld } = last;
    if (readAtMs - seenAtMs >= USAGE_MS) last = undefined;
    const usage = await read();
    if (usage === undefined || JSON.stringify(usage) === said) return undefined;
    said = JSON.stringify(usage);
    return { kind: "usage", usage, atMs, isOld };
  };
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
