import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { TranscriptEntry } from "../../../src/task/session/transcript-entry.ts";
import { taskOf } from "../../support/coordinator-process.ts";
import { heldTask } from "../../support/held-task.ts";
import { findMarkedRuns } from "../../support/marked-processes.ts";
import { childrenOf } from "../../support/ready-launcher.ts";
import { realCodex } from "../../support/real-codex.ts";
import { expectSettled } from "../../support/settled.ts";
import { waitFor } from "../../support/wait-for.ts";
import { killQuietly, tempWorkspace } from "../../support/workspace.ts";

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
  const codex = await realCodex({ shellSnapshot: false });
  const workspace = await tempWorkspace({ codex });
  workspace.drop("docs/greet.md", prompt);
  if (kill) {
    const first = workspace.serve();
    await waitFor(() => codex.requests.length === 2, { what: "the second request", timeoutMs: 20_000 });
    await first.kill();
    expect(workspace.agentPids().length).toBeGreaterThan(1);
  }
  const last = await workspace.serveUntilIdle({ isAlone: kill });
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

/** What has become of a run while nobody was there, and what the next coordinator is to find: the worker, the task's runs. */
const ORPHANS = {
  alive: { worker: "alive", runs: 1 },
  // Codex goes on; no exit of it will be on record.
  workerless: { worker: "alive", runs: 1 },
  ended: { worker: "ended", runs: 1 },
  vanished: { worker: "vanished", runs: 2 },
  codexless: { worker: "ended", runs: 2 },
} as const;
type Orphan = keyof typeof ORPHANS;
const NAMES = Object.keys(ORPHANS) as Orphan[];

/** A workspace whose coordinator was killed while its launcher's workers ran an agent for each orphan. */
async function orphanedRuns() {
  const workspace = await tempWorkspace({ environment: { CODEX_INBOX_RETRY_BASE_MS: "1" } });
  const first = workspace.serve({ args: ["--max-workers", String(NAMES.length)] });
  await first.saw("serving");
  const launcher = await waitFor(() => childrenOf(first.pid).find(isReadyLauncher), { what: "the launcher" });
  const held = new Map(NAMES.map((name) => [name, heldTask(workspace, `gate-${name}`)]));
  for (const [name, { prompt }] of held) workspace.drop(`${name}/greet.md`, prompt);
  await first.saw("thread", NAMES.length);
  const idOf = (name: Orphan): string => taskOf(first, name);
  const workerOf = (name: Orphan): number =>
    JSON.parse(readFileSync(join(workspace.stateDir, "runs", idOf(name), "1/claim"), "utf8")).pid;
  expect(childrenOf(launcher).toSorted()).toEqual(NAMES.map(workerOf).toSorted());
  await first.kill();
  await waitFor(() => !existsSync(`/proc/${launcher}/cwd`), { what: "the launcher to end" });
  return {
    workspace,
    idOf,
    workerOf,
    release: (name: Orphan) => held.get(name)?.release(),
    /** The starts of its agent. */
    runsOf: (name: Orphan) => workspace.stubRuns().filter(({ prompt }) => prompt.includes(`gate-${name};`)),
  };
}

describe("the next coordinator", () => {
  it("adopts what goes on, collects what has ended, and queues again what was lost: each as it was left", async () => {
    const { workspace, idOf, workerOf, release, runsOf } = await orphanedRuns();
    const clone = readFileSync(join(workspace.stateDir, "clone"), "utf8").split("\n")[0];
    process.kill(workerOf("workerless"), "SIGKILL");
    release("ended");
    for (const pid of findMarkedRuns(`${clone}/${idOf("vanished")}/`)) killQuietly(pid); // The end of one may be that of another.
    release("vanished");
    process.kill(runsOf("codexless")[0]?.pid ?? Number.NaN, "SIGKILL");
    release("codexless");
    for (const name of ["ended", "codexless"] as const) {
      const exit = `${idOf(name)}/1/exit.json`;
      await waitFor(() => workspace.stateFiles("runs").includes(exit), { what: exit });
    }

    const second = workspace.serve({ args: ["--max-workers", String(NAMES.length)] });
    await second.saw("recovered", NAMES.length);
    const found = second.lines("recovered").map((line) => ["task", "worker", "action"].map((key) => line.field(key)));
    expect(found.sort()).toEqual(NAMES.map((name) => [idOf(name), ORPHANS[name].worker, "watch"]).sort());
    expect(workspace.agentPids()).toContain(workerOf("alive"));
    // Nobody has to be released for what has ended, and those that were lost run again beside the adopted ones.
    await waitFor(() => workspace.results.tasks().length === NAMES.length - 2, { what: "the results of the others" });
    release("alive");
    release("workerless");
    await waitFor(() => workspace.results.tasks().length === NAMES.length, { what: "all results" });
    second.signal("SIGTERM");
    expect(await second.ended).toEqual({ code: 0, signal: null });
    expect(workspace.agentPids()).toEqual([]);

    const lost = NAMES.filter((name) => ORPHANS[name].runs === 2);
    expect(
      second
        .lines("started")
        .map((line) => line.field("task"))
        .sort(),
    ).toEqual(lost.map(idOf).sort());
    for (const name of NAMES) {
      const { runs } = ORPHANS[name];
      const task = workspace.results.task(`gate-${name};`);
      expect(task.result?.lastMessage).toBe("hello");
      expect(task.frontMatter).toMatchObject({ run: runs, attempts: 1 });
      // Of the second run: it goes on in the thread of the first one.
      expect(runsOf(name).map(({ resume }) => resume)).toEqual([null, task.frontMatter.thread].slice(0, runs));
    }
    expectSettled(workspace, { tasks: NAMES.length });
  });
});

it("a task that is lost again and again is given up", async () => {
  const workspace = await tempWorkspace({ environment: { CODEX_INBOX_RETRY_BASE_MS: "1" } });
  workspace.drop("docs/greet.md", "[[torn]]\n");
  await workspace.serveUntilIdle({ code: 1 });
  expect(workspace.stubRuns()).toHaveLength(4);
  expect(workspace.results.task("torn").result?.reason).toMatch(/4 times in a row/);
  expectSettled(workspace, { tasks: 1, status: "failed" });
});

/** It has read its script: the mask is the last thing that it sets before it says so. */
function isReadyLauncher(pid: number): boolean {
  const [command, status] = ["cmdline", "status"].map((file) => readFileSync(`/proc/${pid}/${file}`, "utf8"));
  return command?.includes("launcher.sh") === true && status?.includes("Umask:\t0077") === true;
}
