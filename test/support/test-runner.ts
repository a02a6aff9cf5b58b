import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { type CodexDriverOptions, createCodexDriver } from "../../src/run/codex/codex-driver.ts";
import { hasTurnEnded } from "../../src/run/codex/turn-end.ts";
import type { AgentDriver, AgentOutcome, RunHandle, RunLease } from "../../src/run/driver.ts";
import { probeRun } from "../../src/run/worker/processes/probe-run.ts";
import { stopRun } from "../../src/run/worker/processes/stop-run.ts";
import type { RunProbe, RunRequest, RunVerdict } from "../../src/task/state/run.ts";
import { CONFINED } from "./confined.ts";
import { PLAIN_KEEPER } from "./kept.ts";
import { outcomeOf } from "./outcome-of.ts";
import { onTestFinished } from "./test-end.ts";
import { waitFor } from "./wait-for.ts";

const FIXTURES = join(import.meta.dirname, "../fixtures");
/** Speaks codex's events and does what the prompt says (see its head). */
export const STUB_PATH = join(FIXTURES, "codex-stub.mjs");
/** One message and no more, in a few milliseconds. */
export const FAST_STUB_PATH = join(FIXTURES, "codex-stub.sh");
export const TASK_ID = "20261120-141530-k3f9x2";

/** Looks at the run in a folder, as a coordinator does that did not start it. */
export interface RunLook {
  probe(runDir: string): RunProbe;
  outcome(runDir: string, asked?: string): Promise<AgentOutcome>;
  /** @param asked the thread that it was to resume */
  judge(runDir: string, asked: string | undefined): Promise<RunVerdict>;
  stop(runDir: string, graceMs: number): Promise<void>;
}

/** A driver with folders of its own. Its runs are stopped and its folders removed when the test is finished. */
export interface TestRunner {
  readonly driver: AgentDriver;
  readonly workspaceId: string;
  readonly runner: RunLook;
  /** CODEX_HOME. */
  readonly home: string;
  readonly workdir: string;
  /** What the driver is given to filter. */
  readonly environment: Readonly<Record<string, string>>;
  /** Makes a request for the next run number. */
  request(prompt: string, changes?: Partial<RunRequest>): RunRequest;
  /** Where the files of a run are. */
  dirOf(request: RunRequest): string;
  /** Starts it and lets go of it; returns its folder. */
  start(request: RunRequest): string;
  /** Starts it and keeps hold of it. */
  follow(request: RunRequest): Promise<RunHandle<AgentOutcome>>;
  /** Starts it and waits for its end; returns its folder. */
  run(request: RunRequest): Promise<string>;
  /** A second driver of the same workspace, as after a restart of the coordinator. */
  another(): AgentDriver;
  /** What the stub noted of its starts. */
  stubRuns(): readonly { readonly resume: string | null; readonly prompt: string; readonly args: readonly string[] }[];
}

export interface TestRunnerOptions
  extends Partial<Pick<CodexDriverOptions, "extraConfig" | "keeper" | "now" | "launcher">> {
  /** The stub, if not given. */
  readonly codexPath?: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** Names of the MCP servers of its owner. */
  readonly servers?: readonly string[];
}

/** Returns the events that a run has written until now; its worker makes the file. */
export function eventsSoFar(runDir: string): string {
  const path = join(runDir, "events.jsonl");
  return existsSync(path) ? readFileSync(path, "utf8") : "";
}

let workspaces = 0;

export function testRunner(options: TestRunnerOptions = {}): TestRunner {
  const base = mkdtempSync(join(tmpdir(), "codex-runner-"));
  const [home, workdir, runsDir] = [join(base, "codex-home"), join(base, "work"), join(base, "runs")];
  for (const folder of [home, workdir]) mkdirSync(folder);
  workspaces += 1;
  const workspaceId = `test-${process.pid}-${workspaces}`;
  const runs: string[] = [];
  const { codexPath = STUB_PATH, now = Date.now, extraConfig = [], keeper = PLAIN_KEEPER } = options;
  const environment = { PATH: process.env.PATH ?? "", HOME: home, CODEX_HOME: home, ...options.environment };

  const another = (): AgentDriver =>
    createCodexDriver({
      installation: () => ({ path: codexPath, version: "0.169.0", foundBy: "flag" }),
      ...{ environment, gitEnvironment: () => ({}), extraConfig, now, keeper, workspaceId, runsDir },
      ...(options.launcher === undefined ? {} : { launcher: options.launcher }),
      servers: async () => options.servers ?? [],
    });
  const driver = another();
  const leaseOf = (runDir: string): RunLease => ({
    ...{ task: basename(dirname(runDir)), run: Number(basename(runDir)), resume: undefined },
  });
  const markedRun = (runDir: string) => {
    const { task, run } = leaseOf(runDir);
    return { runDir, marker: `${workspaceId}/${task}/${run}` };
  };
  const runner: RunLook = {
    probe: (runDir) => probeRun(markedRun(runDir), hasTurnEnded),
    outcome: async (runDir, resume) => outcomeOf(await driver.adopt({ ...leaseOf(runDir), resume })),
    judge: async (runDir, asked) => (await runner.outcome(runDir, asked)).verdict,
    stop: (runDir, graceMs) => stopRun(markedRun(runDir), graceMs),
  };
  onTestFinished(async () => {
    for (const runDir of runs) await runner.stop(runDir, 0);
    rmSync(base, { recursive: true, force: true, maxRetries: 5 });
  });

  const dirOf = ({ taskId, run }: RunRequest): string => join(runsDir, taskId, String(run));
  function request(prompt: string, changes: Partial<RunRequest> = {}): RunRequest {
    const made: RunRequest = {
      ...{ taskId: TASK_ID, sessionKey: "docs", run: runs.length + 1, prompt, resumeThread: undefined, workdir },
      ...{ sandbox: "workspace-write" as const, model: undefined, oss: false, images: [], outputSchema: undefined },
      ...{ codexConfig: [], environment: [], confinement: CONFINED },
      ...changes,
    };
    runs.push(dirOf(made));
    return made;
  }
  async function follow(asked: RunRequest): Promise<RunHandle<AgentOutcome>> {
    const handle = await driver.start(asked, () => true);
    if (handle === undefined) throw new Error("it was wanted");
    return handle;
  }
  function start(asked: RunRequest): string {
    void follow(asked).then((handle) => handle.detach());
    return dirOf(asked);
  }
  return {
    ...{ driver, workspaceId, runner, home, workdir, environment, request, dirOf, start, follow, another },
    async run(asked) {
      const runDir = start(asked);
      await waitFor(() => runner.probe(runDir).kind === "ended", { what: `the end of ${runDir}`, timeoutMs: 25_000 });
      return runDir;
    },
    stubRuns: () =>
      readFileSync(join(home, "stub-runs.jsonl"), "utf8")
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line)),
  };
}
