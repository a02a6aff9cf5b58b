import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { createRunner, type Runner, type RunnerOptions } from "../../src/run/codex/runner.ts";
import type { RunRequest } from "../../src/task/state/run.ts";
import { waitFor } from "./wait-for.ts";

const FIXTURES = join(import.meta.dirname, "../fixtures");
/** Speaks codex's events and does what the prompt says (see its head). */
export const STUB_PATH = join(FIXTURES, "codex-stub.mjs");
/** One message and no more, in a few milliseconds. */
export const FAST_STUB_PATH = join(FIXTURES, "codex-stub.sh");
export const TASK_ID = "20261120-141530-k3f9x2";

/** A runner with folders of its own. Its runs are stopped and its folders removed when the test is finished. */
export interface TestRunner {
  readonly runner: Runner;
  /** CODEX_HOME. */
  readonly home: string;
  readonly workdir: string;
  /** What the runner is given to filter. */
  readonly environment: Readonly<Record<string, string>>;
  /** Makes a request for the next run number. */
  request(prompt: string, changes?: Partial<RunRequest>): RunRequest;
  /** Prepares and starts it; returns its folder. */
  start(request: RunRequest): string;
  /** The same, and waits for its end. */
  run(request: RunRequest): Promise<string>;
  /** A second runner of the same workspace, as after a restart of the coordinator. */
  another(): Runner;
  /** What the stub noted of its starts. */
  stubRuns(): readonly { readonly resume: string | null; readonly prompt: string; readonly args: readonly string[] }[];
}

export interface TestRunnerOptions extends Partial<Pick<RunnerOptions, "extraConfig" | "now">> {
  /** The stub, if not given. */
  readonly codexPath?: string;
  readonly environment?: Readonly<Record<string, string>>;
}

let workspaces = 0;

export function testRunner(options: TestRunnerOptions = {}): TestRunner {
  const base = mkdtempSync(join(tmpdir(), "codex-runner-"));
  const [home, workdir] = [join(base, "codex-home"), join(base, "work")];
  for (const folder of [home, workdir]) mkdirSync(folder);
  workspaces += 1;
  const workspaceId = `test-${process.pid}-${workspaces}`;
  const runs: string[] = [];
  const { codexPath = STUB_PATH, now = Date.now, extraConfig = [] } = options;
  const environment = { PATH: process.env.PATH ?? "", HOME: home, CODEX_HOME: home, ...options.environment };

  function another(): Runner {
    return createRunner({
      installation: () => ({ path: codexPath, version: "0.169.0", foundBy: "flag" }),
      environment,
      extraConfig,
      now,
      workspaceId,
    });
  }
  const runner = another();
  onTestFinished(async () => {
    for (const runDir of runs) await runner.stop(runDir, 0);
    rmSync(base, { recursive: true, force: true, maxRetries: 5 });
  });

  function request(prompt: string, changes: Partial<RunRequest> = {}): RunRequest {
    const { run = runs.length + 1, taskId = TASK_ID } = changes;
    const runDir = join(base, "runs", taskId, String(run));
    runs.push(runDir);
    return {
      ...{ taskId, sessionKey: "docs", run, runDir, prompt, resumeThread: undefined, workdir },
      ...{
        sandbox: "workspace-write",
        model: undefined,
        oss: false,
        images: [],
        outputSchema: undefined,
        codexConfig: [],
        environment: [],
      },
      ...changes,
    };
  }
  function start(asked: RunRequest): string {
    runner.prepare(asked);
    runner.start(asked, () => undefined);
    return asked.runDir;
  }
  return {
    ...{ runner, home, workdir, environment, request, start, another },
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
