import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { TranscriptEntry } from "../../../src/task/session/transcript-entry.ts";
import type { CoordinatorProcess } from "../../support/coordinator-process.ts";
import { type HeldTask, heldTask } from "../../support/held-task.ts";
import { childrenOf } from "../../support/ready-launcher.ts";
import { realCodex } from "../../support/real-codex.ts";
import { expectSettled } from "../../support/settled.ts";
import { waitFor } from "../../support/wait-for.ts";
import { killQuietly, type TestWorkspace, tempWorkspace } from "../../support/workspace.ts";

describe("a coordinator that is killed while codex runs", () => {
  it("is followed by one that adopts the run: the same requests, result and transcript as without a crash", async () => {
    const prompt = "[[shell: echo one]] [[sleep 1500]] [[shell: echo two]] [[final: hello]]\n";
    const [calm, crashed] = await Promise.all([runReal(prompt, false), runReal(prompt, true)]);
    expect(crashed.requests).toBe(calm.requests);
    expect(crashed.transcript.map(withoutTime)).toEqual(calm.transcript.map(withoutTime));
    expect(crashed.transcript.map(({ body }) => body.kind)).toEqual(["user", "command", "command", "assistant", "end"]);
    expect(crashed.answer).toBe("hello");
  });
});

/** Runs a task with the real codex; with `kill`, its coordinator is killed in the middle of the turn, and another one ends it. */
async function runReal(prompt: string, kill: boolean) {
  const codex = await realCodex();
  const workspace = await tempWorkspace({ codex });
  workspace.drop("docs/greet.md", prompt);
  if (kill) {
    const first = workspace.serve();
    await waitFor(() => codex.requests.length === 2, { what: "the second request", timeoutMs: 20_000 });
    await first.kill();
    expect(workspace.agentPids().length).toBeGreaterThan(1);
  }
  const last = await workspace.serveUntilIdle({ isAlone: true });
  if (kill) expect(last.lines("recovered").map((line) => line.field("action"))).toEqual(["watch"]);
  expectSettled(workspace, { tasks: 1 });
  return {
    requests: codex.requests.length,
    transcript: workspace.results.transcript("docs"),
    answer: workspace.results.task("[[sleep").result?.lastMessage,
  };
}

function withoutTime({ run, line, attempt, body }: TranscriptEntry): object {
  return { run, line, attempt, body };
}

describe("the next coordinator", () => {
  it("adopts a run that goes on", async () => {
    const { workspace, held } = await orphanedRun();
    const second = workspace.serve();
    const { text } = await second.saw("recovered");
    expect(text).toContain("worker=alive action=watch");
    await finish(workspace, held, second);
    expectAnswer(workspace, { runs: 1, run: 1 });
  });

  it("adopts a run that the launcher of the killed one has started; the launcher ends with it", async () => {
    const workspace = await tempWorkspace();
    const held = heldTask(workspace);
    const first = workspace.serve();
    await first.saw("serving");
    const launcher = await waitFor(() => childrenOf(first.pid).find(isReadyLauncher), { what: "the launcher" });
    workspace.drop("docs/greet.md", held.prompt);
    await first.saw("thread");
    const workerPid = claimOf(workspace).pid;
    expect(childrenOf(launcher)).toEqual([workerPid]);
    await first.kill();
    await waitFor(() => !existsSync(`/proc/${launcher}/cwd`), { what: "the launcher to end" });
    const second = workspace.serve();
    expect((await second.saw("recovered")).text).toContain("worker=alive action=watch");
    expect(workspace.agentPids()).toContain(workerPid);
    await finish(workspace, held, second);
    expectAnswer(workspace, { runs: 1, run: 1 });
  });

  it("adopts codex whose worker is gone, and counts its finished turn although no exit is on record", async () => {
    const { workspace, held, workerPid } = await orphanedRun();
    process.kill(workerPid, "SIGKILL");
    const second = workspace.serve();
    expect((await second.saw("recovered")).text).toContain("worker=alive action=watch");
    await finish(workspace, held, second);
    expectAnswer(workspace, { runs: 1, run: 1 });
  });

  it("collects a run that ended while nobody was there, and does not run it again", async () => {
    const { workspace, held } = await orphanedRun();
    held.release();
    await waitFor(() => workspace.stateFiles("runs").some((path) => path.endsWith("exit.json")), { what: "its end" });
    const second = await workspace.serveUntilIdle({ isAlone: true });
    expect(second.lines("recovered")[0]?.field("worker")).toBe("ended");
    expect(second.lines("started")).toEqual([]);
    expectAnswer(workspace, { runs: 1, run: 1 });
  });

  it("queues a task again whose worker and codex were killed too; the next run goes on in its thread", async () => {
    const { workspace, held } = await orphanedRun();
    for (const pid of workspace.agentPids()) killQuietly(pid); // The end of one may be that of another.
    held.release();
    const second = await workspace.serveUntilIdle({ isAlone: true });
    expect(second.lines("recovered")[0]?.field("worker")).toBe("vanished");
    expectAnswer(workspace, { runs: 2, run: 2 });
    expect(workspace.stubRuns()[1]?.resume).toBe(workspace.results.task("hello").frontMatter.thread);
  });

  it("queues a task again whose codex alone was killed", async () => {
    const { workspace, held } = await orphanedRun();
    process.kill(workspace.stubRuns()[0]?.pid ?? Number.NaN, "SIGKILL");
    held.release();
    await workspace.serveUntilIdle({ isAlone: true });
    expectAnswer(workspace, { runs: 2, run: 2 });
  });
});

it("a task that is lost again and again is given up", async () => {
  const workspace = await tempWorkspace({ environment: { CODEX_INBOX_RETRY_BASE_MS: "1" } });
  workspace.drop("docs/greet.md", "[[torn]]\n");
  await workspace.serveUntilIdle({ code: 1, isAlone: true });
  expect(workspace.stubRuns()).toHaveLength(4);
  expect(workspace.results.task("torn").result?.reason).toMatch(/4 times in a row/);
  expectSettled(workspace, { tasks: 1, status: "failed" });
});

interface OrphanedRun {
  readonly workspace: TestWorkspace;
  readonly held: HeldTask;
  readonly workerPid: number;
}

/** A workspace with one task whose agent is at work, and whose coordinator was killed. */
async function orphanedRun(): Promise<OrphanedRun> {
  const workspace = await tempWorkspace();
  const held = heldTask(workspace);
  workspace.drop("docs/greet.md", held.prompt);
  const first = workspace.serve();
  await first.saw("thread");
  await first.kill();
  return { workspace, held, workerPid: claimOf(workspace).pid };
}

/** Of the one run that there is. */
function claimOf(workspace: TestWorkspace): { readonly pid: number } {
  const [claim = ""] = workspace.stateFiles("runs").filter((path) => path.endsWith("/claim"));
  return JSON.parse(readFileSync(join(workspace.stateDir, "runs", claim), "utf8"));
}

/** It has read its script: the mask is the last thing that it sets before it says so. */
function isReadyLauncher(pid: number): boolean {
  const [command, status] = ["cmdline", "status"].map((file) => readFileSync(`/proc/${pid}/${file}`, "utf8"));
  return command?.includes("launcher.sh") === true && status?.includes("Umask:\t0077") === true;
}

async function finish(workspace: TestWorkspace, held: HeldTask, coordinator: CoordinatorProcess): Promise<void> {
  held.release();
  await coordinator.saw("committed");
  coordinator.signal("SIGTERM");
  expect(await coordinator.ended).toEqual({ code: 0, signal: null });
  expect(workspace.agentPids()).toEqual([]);
}

function expectAnswer(workspace: TestWorkspace, { runs, run }: { readonly runs: number; readonly run: number }): void {
  expect(workspace.stubRuns()).toHaveLength(runs);
  const task = workspace.results.task("hello");
  expect(task.result?.lastMessage).toBe("hello");
  expect(task.frontMatter).toMatchObject({ run, attempts: 1 });
  expectSettled(workspace, { tasks: 1 });
}
