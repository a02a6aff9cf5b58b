import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { CodexEvent } from "../../../src/run/codex/events/events.ts";
import type { RunProbe } from "../../../src/task/state/run.ts";
import { FAST_STUB_PATH, TASK_ID, testRunner } from "../../support/test-runner.ts";
import { waitFor } from "../../support/wait-for.ts";

const UNKNOWN_THREAD = "01a1f956-0000-7000-8000-000000000000";

describe("a run", () => {
  it("gives its answer, its thread and its usage", async () => {
    const { runner, request, run } = testRunner();
    const runDir = await run(request("Do it. [[usage 42]] [[command: echo out]] [[final: the answer]]"));
    const verdict = runner.judge(runDir, undefined);
    expect(verdict).toEqual({
      outcome: "succeeded",
      failure: undefined,
      threadId: expect.stringMatching(/^[0-9a-f-]{36}$/),
      lastMessage: "the answer",
      usageTotal: { inputTokens: 42, cachedInputTokens: 0, outputTokens: 5, reasoningOutputTokens: 0 },
      commandCount: 1,
      durationMs: expect.any(Number),
    });
    expect(readFileSync(join(runDir, "last-message.md"), "utf8")).toBe("the answer");
  });

  it("goes on in the thread it is given", async () => {
    const { runner, request, run, stubRuns } = testRunner();
    const first = runner.judge(await run(request("one")), undefined);
    const runDir = await run(request("two", { resumeThread: first.threadId }));
    const second = runner.judge(runDir, first.threadId);
    expect(second).toMatchObject({ outcome: "succeeded", threadId: first.threadId });
    expect(second.usageTotal?.inputTokens).toBe(20);
    expect(stubRuns().map(({ resume }) => resume)).toEqual([null, first.threadId]);
  });

  it("gets the prompt byte for byte on stdin", async () => {
    const { request, run, stubRuns } = testRunner();
    const prompt = "--help me\n\n`x` $HOME \"q\" 'a' ünï — 日本\t\n";
    await run(request(prompt));
    expect(stubRuns().map((start) => start.prompt)).toEqual([prompt]);
  });

  it("keeps its files to their owner", async () => {
    const { request, run } = testRunner({ codexPath: FAST_STUB_PATH });
    const runDir = await run(request("x"));
    const modes = readdirSync(runDir).map((name) => [name, statSync(join(runDir, name)).mode & 0o777]);
    expect(statSync(runDir).mode & 0o777).toBe(0o700);
    expect(Object.fromEntries(modes)).toEqual({
      ...{ claim: 0o600, "command.json": 0o600, "events.jsonl": 0o600, "exit.json": 0o600, "prompt.md": 0o600 },
      ...{ "stderr.log": 0o600, "last-message.md": 0o600 },
    });
  });

  it("has the exit code of a command that failed, and its reason", async () => {
    const { runner, request, run } = testRunner();
    const runDir = await run(request("[[no-thread]]"));
    expect(runner.probe(runDir)).toEqual({ kind: "ended", exitCode: 1 });
    expect(runner.judge(runDir, undefined)).toMatchObject({
      outcome: "failed",
      failure: {
        kind: "unknown",
        detail: "Error: thread/start: thread/start failed: refused by the stub (code -32600)",
      },
    });
  });

  it("fails with codex's words when the thread is not there", async () => {
    const { runner, request, run } = testRunner();
    const verdict = runner.judge(await run(request("x", { resumeThread: UNKNOWN_THREAD })), UNKNOWN_THREAD);
    expect(verdict).toMatchObject({
      outcome: "failed",
      threadId: undefined,
      failure: { kind: "threadNotFound" },
    });
    expect(verdict.failure?.detail).toContain(`no rollout found for thread id ${UNKNOWN_THREAD}`);
  });

  it("fails when codex opens another thread than the one asked for", async () => {
    const { runner, request, run } = testRunner();
    const asked = runner.judge(await run(request("one")), undefined).threadId;
    const verdict = runner.judge(await run(request("[[wrong-thread]]", { resumeThread: asked })), asked);
    expect(verdict).toMatchObject({ outcome: "failed", failure: { kind: "threadMismatch" }, lastMessage: "" });
    expect(verdict.threadId).not.toBe(asked);
  });

  it("fails as a shell does when there is no such codex", async () => {
    const { runner, request, run } = testRunner({ codexPath: "/nowhere/codex" });
    const runDir = await run(request("x"));
    expect(runner.probe(runDir)).toEqual({ kind: "ended", exitCode: 127 });
    const verdict = runner.judge(runDir, undefined);
    expect(verdict).toMatchObject({ outcome: "failed", failure: { kind: "codexUnavailable" } });
    expect(verdict.failure?.detail).toMatch(/^\/nowhere\/codex: (not found|No such file or directory)$/);
  });
});

describe("preparing", () => {
  it("refuses a thread id that codex would take for a name", () => {
    const { runner, request } = testRunner();
    const asked = request("x", { resumeThread: "not-a-uuid" });
    expect(() => runner.prepare(asked)).toThrow(expect.objectContaining({ code: "TASK_FILE" }));
    expect(existsSync(asked.runDir)).toBe(false);
  });

  it("refuses a working directory that is not there", () => {
    const { runner, request } = testRunner();
    expect(() => runner.prepare(request("x", { workdir: "/nowhere" }))).toThrow(/working directory \/nowhere/);
  });

  it("replaces what an earlier preparation left", async () => {
    const { runner, request, run, stubRuns } = testRunner();
    const asked = request("first");
    runner.prepare(asked);
    await run({ ...asked, prompt: "second" });
    expect(stubRuns().map(({ prompt }) => prompt)).toEqual(["second"]);
  });

  it("is needed before a start, and so is the working directory", () => {
    const { runner, request, workdir } = testRunner();
    const asked = request("x");
    const start = (): number => runner.start(asked, () => undefined);
    expect(start).toThrow(/was not prepared/);
    runner.prepare(asked);
    rmdirSync(workdir);
    expect(start).toThrow(expect.objectContaining({ code: "CODEX" }));
    expect(runner.probe(asked.runDir)).toEqual({ kind: "unclaimed" });
  });

  it("refuses a run that was claimed", async () => {
    const { runner, request, run } = testRunner();
    const asked = request("x");
    await run(asked);
    expect(() => runner.prepare(asked)).toThrow(/claimed/);
  });
});

describe("the claim", () => {
  it("lets one of many workers run, once", async () => {
    const { runner, request, stubRuns } = testRunner();
    const asked = request("[[sleep 50]]");
    runner.prepare(asked);
    const ended: number[] = [];
    for (let worker = 0; worker < 8; worker += 1) runner.start(asked, () => ended.push(worker));
    await waitFor(() => ended.length === 8, { what: "all workers to end" });
    expect(stubRuns()).toHaveLength(1);
    expect(runner.probe(asked.runDir)).toEqual({ kind: "ended", exitCode: 0 });
    expect(readdirSync(asked.runDir).filter((name) => name.startsWith("claim"))).toEqual(["claim"]);
  });

  it("keeps a late worker from a run that was sealed", async () => {
    const { runner, request, home } = testRunner();
    const asked = request("x");
    runner.prepare(asked);
    expect(runner.seal(asked.runDir)).toBe(true);
    expect(runner.seal(asked.runDir)).toBe(true);
    const ended: boolean[] = [];
    runner.start(asked, () => ended.push(true));
    await waitFor(() => ended.length === 1, { what: "the worker to give up" });
    expect(existsSync(join(home, "stub-runs.jsonl"))).toBe(false);
    expect(runner.probe(asked.runDir)).toEqual({ kind: "vanished" });
    expect(runner.judge(asked.runDir, undefined)).toMatchObject({
      outcome: "vanished",
      failure: { kind: "vanished", detail: "it never started" },
    });
  });

  it("cannot be sealed once a worker has it", async () => {
    const { runner, request, run } = testRunner();
    expect(runner.seal(await run(request("x")))).toBe(false);
  });

  it("seals a run whose folder was never made", () => {
    const { runner, request } = testRunner();
    const asked = request("x");
    expect(runner.seal(asked.runDir)).toBe(true);
    expect(() => runner.prepare(asked)).toThrow(/claimed/);
  });
});

describe("probing", () => {
  it("sees a run that nobody has started", () => {
    const { runner, request } = testRunner();
    const asked = request("x");
    expect(runner.probe(asked.runDir)).toEqual({ kind: "unclaimed" });
    runner.prepare(asked);
    expect(runner.probe(asked.runDir)).toEqual({ kind: "unclaimed" });
  });

  it("sees a run of another coordinator alive, and collects its end", async () => {
    const { request, start, another } = testRunner();
    const runDir = start(request("[[sleep 300]] [[final: adopted]]"));
    const successor = another();
    await waitFor(() => successor.probe(runDir).kind === "alive", { what: "the run to be alive" });
    await waitFor(() => successor.probe(runDir).kind === "ended", { what: "the run to end" });
    expect(successor.judge(runDir, undefined)).toMatchObject({ outcome: "succeeded", lastMessage: "adopted" });
  });

  it("is never anything but alive between start and end", async () => {
    const { runner, request } = testRunner({ codexPath: FAST_STUB_PATH });
    for (let round = 0; round < 10; round += 1) {
      const asked = request("x");
      runner.prepare(asked);
      let exited = false;
      runner.start(asked, () => {
        exited = true;
      });
      const seen: RunProbe["kind"][] = [];
      await waitFor(
        () => {
          seen.push(runner.probe(asked.runDir).kind);
          return exited;
        },
        { what: "the end", intervalMs: 0 },
      );
      expect(seen.join(" ")).toMatch(/^(alive ?)*(ended ?)*$/);
      expect(runner.probe(asked.runDir)).toEqual({ kind: "ended", exitCode: 0 });
    }
  });

  it("sees a run alive whose worker was killed, and its success", async () => {
    const { runner, request, start } = testRunner();
    const asked = request("[[sleep 300]] [[final: still here]]");
    const runDir = start(asked);
    const worker = await workerOf(runDir);
    await waitFor(() => readFileSync(join(runDir, "events.jsonl"), "utf8").includes("turn.started"), {
      what: "the turn",
    });
    process.kill(worker, "SIGKILL");
    await waitFor(() => !existsSync(`/proc/${worker}`), { what: "the worker to be gone" });
    expect(runner.probe(runDir).kind).toBe("alive");
    await waitFor(() => runner.probe(runDir).kind === "ended", { what: "the run to end" });
    expect(runner.probe(runDir)).toEqual({ kind: "ended", exitCode: undefined });
    expect(runner.judge(runDir, undefined)).toMatchObject({
      ...{ outcome: "succeeded", lastMessage: "still here", durationMs: undefined },
    });
  });

  it("sees a run vanished when worker and codex are killed", async () => {
    const { runner, request, start } = testRunner();
    const runDir = start(request("[[hang]]"));
    await waitFor(() => readFileSync(join(runDir, "events.jsonl"), "utf8").includes("turn.started"), {
      what: "the turn",
    });
    expect(runner.probe(runDir).kind).toBe("alive");
    const worker = await workerOf(runDir);
    process.kill(worker, "SIGKILL");
    await waitFor(() => !existsSync(`/proc/${worker}`), { what: "the worker to be gone" });
    const orphan = await waitFor(
      () => {
        const probe = runner.probe(runDir);
        return probe.kind === "alive" && probe.pids.length === 1 ? probe.pids[0] : undefined;
      },
      { what: "codex without its worker" },
    );
    process.kill(orphan, "SIGKILL");
    await waitFor(() => runner.probe(runDir).kind === "vanished", { what: "the run to vanish" });
    expect(runner.judge(runDir, undefined)).toMatchObject({ outcome: "vanished" });
  });

  it("has ended when only what the agent left behind is alive", async () => {
    const { runner, request, run } = testRunner();
    const runDir = await run(request("[[spawn-sleeper]] [[final: left one]]"));
    expect(runner.probe(runDir)).toEqual({ kind: "ended", exitCode: 0 });
  });
});

describe("following", () => {
  it("passes every line on once, as it comes", async () => {
    const { runner, request, start } = testRunner();
    const runDir = start(request("[[say: a]] [[sleep 30]] [[say: b]] [[sleep 30]] [[unknown]] [[final: ünï]]"));
    const seen: [number, CodexEvent, number][] = [];
    const follower = runner.follow(runDir, 0, (line, event, seenAtMs) => seen.push([line, event, seenAtMs]));
    await waitFor(
      () => {
        follower.poll();
        return seen.some(([, event]) => event.type === "turn.completed");
      },
      { what: "the end of the turn", intervalMs: 1 },
    );
    follower.close();
    expect(seen.map(([line]) => line)).toEqual(seen.map((_, index) => index + 1));
    expect(seen.map(([, event]) => event.type)).toEqual([
      ...["thread.started", "turn.started", "item.completed", "item.completed", "unknown", "item.completed"],
      ...["item.completed", "turn.completed"],
    ]);
    expect(seen.every(([, , seenAtMs]) => seenAtMs <= Date.now())).toBe(true);
  });

  it("begins with the line it is given", async () => {
    const { runner, request, run } = testRunner({ codexPath: FAST_STUB_PATH });
    const lines: number[] = [];
    const follower = runner.follow(await run(request("x")), 3, (line) => lines.push(line));
    follower.poll();
    follower.poll();
    follower.close();
    follower.poll();
    expect(lines).toEqual([3, 4]);
  });

  it("is told at once when something changes", async () => {
    const { runner, request } = testRunner();
    const asked = request("[[say: a]]");
    runner.prepare(asked);
    let changes = 0;
    const watch = runner.watch(asked.runDir, () => {
      changes += 1;
    });
    runner.start(asked, () => undefined);
    await waitFor(() => changes > 0, { what: "a change to be told" });
    watch.close();
    runner.watch("/nowhere", () => undefined).close();
  });
});

describe("codex's environment", () => {
  it("has what is allowed and the run's marker, and nothing else", async () => {
    const { runner, request, run } = testRunner({
      environment: { CODEX_API_KEY: "k", GITHUB_TOKEN: "t", LC_ALL: "C", NEEDED: "n", CODEX_INBOX_RUN: "foreign/t/1" },
    });
    const runDir = await run(request("[[command: env]]", { environment: ["NEEDED"] }));
    const entries = runner.entries(runDir, {
      ...{ task: TASK_ID, run: 1, attempt: 1, prompt: "p", startedAtMs: 0, seenAt: new Map() },
    });
    const [output] = entries.flatMap(({ body }) => (body.kind === "command" ? [body.output] : []));
    const names = output?.split("\n").flatMap((line) => /^(\w+)=/.exec(line)?.[1] ?? []);
    expect(names?.filter((name) => name !== "PWD" && name !== "_").sort()).toEqual([
      ...["CODEX_API_KEY", "CODEX_HOME", "CODEX_INBOX_RUN", "HOME", "LC_ALL", "NEEDED", "PATH"],
    ]);
    expect(output).toContain(`CODEX_INBOX_RUN=test-${process.pid}-`);
  });

  it("is not begun without a variable that a run was promised", () => {
    const { runner, request } = testRunner({ environment: { EMPTY: "" } });
    for (const name of ["EMPTY", "MISSING"])
      expect(() => runner.prepare(request("x", { environment: [name] }))).toThrow(`environment: ${name} is not set`);
  });

  it("runs in the working directory, wherever we are", async () => {
    const { workdir, request, run } = testRunner();
    mkdirSync(join(workdir, "sub dir"));
    await run(request("[[write made.txt: x]]", { workdir: join(workdir, "sub dir") }));
    expect(readFileSync(join(workdir, "sub dir", "made.txt"), "utf8")).toBe("x");
  });
});

/** The claim is there a moment before it is written. */
async function workerOf(runDir: string): Promise<number> {
  const claim = join(runDir, "claim");
  const written = (): boolean => existsSync(claim) && readFileSync(claim, "utf8").endsWith("\n");
  await waitFor(written, { what: "the claim" });
  return JSON.parse(readFileSync(claim, "utf8")).pid;
}
