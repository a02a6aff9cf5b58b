import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  statSync,
  utimesSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { RunEvent } from "../../../src/run/driver.ts";
import { startWorker } from "../../../src/run/worker/worker.ts";
import type { RunProbe } from "../../../src/task/state/run.ts";
import { outcomeOf } from "../../support/outcome-of.ts";
import { eventsSoFar, FAST_STUB_PATH, testRunner } from "../../support/test-runner.ts";
import { waitFor } from "../../support/wait-for.ts";

const UNKNOWN_THREAD = "01a1f956-0000-7000-8000-000000000000";

describe("a run", () => {
  it("gives its answer, its thread and its usage", async () => {
    const { runner, request, run } = testRunner();
    const runDir = await run(request("Do it. [[usage 42]] [[command: echo out]] [[final: the answer]]"));
    const verdict = await runner.judge(runDir, undefined);
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
    const first = await runner.judge(await run(request("one")), undefined);
    const runDir = await run(request("two", { resumeThread: first.threadId }));
    const second = await runner.judge(runDir, first.threadId);
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
    expect(await runner.judge(runDir, undefined)).toMatchObject({
      outcome: "failed",
      failure: {
        kind: "unknown",
        detail: "Error: thread/start: thread/start failed: refused by the stub (code -32600)",
      },
    });
  });

  it("fails with codex's words when the thread is not there", async () => {
    const { runner, request, run } = testRunner();
    const verdict = await runner.judge(await run(request("x", { resumeThread: UNKNOWN_THREAD })), UNKNOWN_THREAD);
    expect(verdict).toMatchObject({
      outcome: "failed",
      threadId: undefined,
      failure: { kind: "threadNotFound" },
    });
    expect(verdict.failure?.detail).toContain(`no rollout found for thread id ${UNKNOWN_THREAD}`);
  });

  it("fails when codex opens another thread than the one asked for", async () => {
    const { runner, request, run } = testRunner();
    const asked = (await runner.judge(await run(request("one")), undefined)).threadId;
    const verdict = await runner.judge(await run(request("[[wrong-thread]]", { resumeThread: asked })), asked);
    expect(verdict).toMatchObject({ outcome: "failed", failure: { kind: "threadMismatch" }, lastMessage: "" });
    expect(verdict.threadId).not.toBe(asked);
  });

  it("fails as a shell does when there is no such codex", async () => {
    const { runner, request, run } = testRunner({ codexPath: "/nowhere/codex" });
    const runDir = await run(request("x"));
    expect(runner.probe(runDir)).toEqual({ kind: "ended", exitCode: 127 });
    const verdict = await runner.judge(runDir, undefined);
    expect(verdict).toMatchObject({ outcome: "failed", failure: { kind: "codexUnavailable" } });
    expect(verdict.failure?.detail).toMatch(/^\/nowhere\/codex: (not found|No such file or directory)$/);
  });
});

describe("a start", () => {
  const yes = (): boolean => true;

  it("refuses a thread id that codex would take for a name", async () => {
    const { driver, request, dirOf } = testRunner();
    const asked = request("x", { resumeThread: "not-a-uuid" });
    await expect(driver.start(asked, yes)).rejects.toMatchObject({ code: "TASK_FILE" });
    expect(existsSync(dirOf(asked))).toBe(false);
  });

  it("refuses a working directory that is not there", async () => {
    const { driver, request } = testRunner();
    await expect(driver.start(request("x", { workdir: "/nowhere" }), yes)).rejects.toThrow(
      /working directory \/nowhere/,
    );
  });

  it("replaces what an earlier preparation left", async () => {
    const { driver, request, run, stubRuns } = testRunner();
    const asked = request("first");
    expect(await driver.start(asked, () => false)).toBeUndefined();
    await run({ ...asked, prompt: "second" });
    expect(stubRuns().map(({ prompt }) => prompt)).toEqual(["second"]);
  });

  it("that no process could be made for leaves a run that never starts", async () => {
    const { driver, runner, request, dirOf, workdir } = testRunner();
    const asked = request("x");
    const start = driver.start(asked, () => {
      rmdirSync(workdir);
      return true;
    });
    await expect(start).rejects.toMatchObject({ code: "CODEX" });
    expect(runner.probe(dirOf(asked))).toEqual({ kind: "vanished" });
    expect(await runner.judge(dirOf(asked), undefined)).toMatchObject({ failure: { detail: "it never started" } });
  });

  it("refuses a run that was claimed", async () => {
    const { driver, request, run } = testRunner();
    const asked = request("x");
    await run(asked);
    await expect(driver.start(asked, yes)).rejects.toThrow(/claimed/);
  });
});

describe("the claim", () => {
  it("lets one of many workers run, once", async () => {
    const { follow, runner, request, dirOf, stubRuns, workdir, environment } = testRunner();
    const asked = request("[[sleep 50]]");
    const runDir = dirOf(asked);
    const handle = await follow(asked);
    const { command } = JSON.parse(readFileSync(join(runDir, "command.json"), "utf8"));
    const ended: number[] = [];
    for (let worker = 1; worker < 8; worker += 1)
      await startWorker({ runDir, command, workdir, environment }, () => ended.push(worker));
    expect((await outcomeOf(handle)).verdict.outcome).toBe("succeeded");
    await waitFor(() => ended.length === 7, { what: "all workers to end" });
    expect(stubRuns()).toHaveLength(1);
    expect(runner.probe(runDir)).toEqual({ kind: "ended", exitCode: 0 });
    expect(readdirSync(runDir).filter((name) => name.startsWith("claim"))).toEqual(["claim"]);
  });

  it("keeps a late worker from a run that was sealed", async () => {
    const { driver, request, home } = testRunner();
    const asked = request("x");
    const key = { task: asked.taskId, run: asked.run };
    const handle = await driver.start(asked, () => driver.seal(key) && driver.seal(key));
    if (handle === undefined) throw new Error("it was wanted");
    expect((await outcomeOf(handle)).verdict).toMatchObject({
      outcome: "vanished",
      failure: { kind: "vanished", detail: "it never started" },
    });
    expect(existsSync(join(home, "stub-runs.jsonl"))).toBe(false);
    expect(driver.probe(key)).toBe("vanished");
  });
});

describe("probing", () => {
  it("sees a run that nobody has started", async () => {
    const { driver, runner, request, dirOf } = testRunner();
    const asked = request("x");
    expect(runner.probe(dirOf(asked))).toEqual({ kind: "unclaimed" });
    await driver.start(asked, () => false);
    expect(runner.probe(dirOf(asked))).toEqual({ kind: "unclaimed" });
  });

  it("is never anything but alive between start and end", async () => {
    const { runner, request, follow, dirOf } = testRunner({ codexPath: FAST_STUB_PATH });
    for (let round = 0; round < 10; round += 1) {
      const asked = request("x");
      const runDir = dirOf(asked);
      const seen: RunProbe["kind"][] = [];
      let exited = false;
      const outcome = outcomeOf(await follow(asked), ({ kind }) => {
        exited ||= kind === "exited";
      });
      await waitFor(
        () => {
          seen.push(runner.probe(runDir).kind);
          return exited;
        },
        { what: "the end", intervalMs: 0 },
      );
      expect(seen.join(" ")).toMatch(/^(alive ?)*(ended ?)*$/);
      expect(runner.probe(runDir)).toEqual({ kind: "ended", exitCode: 0 });
      expect((await outcome).verdict.outcome).toBe("succeeded");
    }
  });

  it("sees a run alive whose worker was killed, and its success", async () => {
    const { runner, request, start } = testRunner();
    const asked = request("[[sleep 300]] [[final: still here]]");
    const runDir = start(asked);
    const worker = await workerOf(runDir);
    await waitFor(() => eventsSoFar(runDir).includes("turn.started"), {
      what: "the turn",
    });
    process.kill(worker, "SIGKILL");
    await waitFor(() => !existsSync(`/proc/${worker}`), { what: "the worker to be gone" });
    expect(runner.probe(runDir).kind).toBe("alive");
    await waitFor(() => runner.probe(runDir).kind === "ended", { what: "the run to end" });
    expect(runner.probe(runDir)).toEqual({ kind: "ended", exitCode: undefined });
    expect(await runner.judge(runDir, undefined)).toMatchObject({
      ...{ outcome: "succeeded", lastMessage: "still here", durationMs: undefined },
    });
  });

  it("sees a run vanished when worker and codex are killed", async () => {
    const { runner, request, start } = testRunner();
    const runDir = start(request("[[hang]]"));
    await waitFor(() => eventsSoFar(runDir).includes("turn.started"), {
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
    expect(await runner.judge(runDir, undefined)).toMatchObject({ outcome: "vanished" });
  });

  it("has ended when only what the agent left behind is alive", async () => {
    const { runner, request, run } = testRunner();
    const runDir = await run(request("[[spawn-sleeper]] [[final: left one]]"));
    expect(runner.probe(runDir)).toEqual({ kind: "ended", exitCode: 0 });
  });
});

describe("following", () => {
  it("hands out at once, when it is asked, what the run had written before; and answers when there is no more to come", async () => {
    const { request, follow, dirOf } = testRunner();
    const asked = request("[[say: first]] [[hang]]");
    const handle = await follow(asked);
    const seen: RunEvent[] = [];
    const read = (async () => {
      for await (const event of handle.events()) seen.push(event);
    })();
    const path = join(dirOf(asked), "events.jsonl");
    await waitFor(() => seen.some(({ kind }) => kind === "item"), { what: "the first message" });
    for (let n = 1; n <= 20; n += 1) {
      const item = { id: `own_${n}`, type: "agent_message", text: `${n}` };
      appendFileSync(path, `${JSON.stringify({ type: "item.completed", item })}\n`);
      await handle.caughtUp();
      expect(seen.at(-1)).toMatchObject({ kind: expect.stringMatching(/item|output/) });
      expect(seen.filter((event) => event.kind === "item" && event.id.startsWith("own_"))).toHaveLength(n);
    }
    await handle.stop(0);
    await read;
    await handle.caughtUp();
  });

  it("passes every line on once, as it comes", async () => {
    const { request, follow } = testRunner();
    const prompt = "[[say: a]] [[sleep 30]] [[say: b]] [[sleep 30]] [[unknown]] [[final: ünï]]";
    const seen: RunEvent[] = [];
    const { verdict } = await outcomeOf(await follow(request(prompt)), (event) => seen.push(event));
    const kinds = seen.filter(({ kind }) => kind !== "output" && kind !== "exited").map(({ kind }) => kind);
    expect(kinds).toEqual(["thread", "notice", "item", "item", "notice", "item", "item", "notice"]);
    expect(seen.filter(({ kind }) => kind === "exited")).toHaveLength(1);
    expect(seen.every((event) => !("atMs" in event) || event.atMs <= Date.now())).toBe(true);
    expect(verdict.lastMessage).toBe("ünï");
  });

  it("has no time later than the file's last change, even if we looked later", async () => {
    const { request, run, runner } = testRunner();
    const runDir = await run(request("[[say: a]]"));
    utimesSync(join(runDir, "events.jsonl"), 3, 3);
    const { said } = await runner.outcome(runDir);
    expect(said.map(({ atMs }) => atMs)).toEqual(said.map(() => 3_000));
  });

  it("tells how much was written, also to standard error", async () => {
    const { request, follow } = testRunner();
    let bytes = 0;
    await outcomeOf(await follow(request("[[say: a]] [[sleep 200]]")), (event) => {
      if (event.kind === "output") bytes = event.bytes;
    });
    expect(bytes).toBeGreaterThan(50);
  });
});

describe("codex's environment", () => {
  it("has what is allowed and the run's marker, and nothing else", async () => {
    const { runner, request, run } = testRunner({
      environment: { CODEX_API_KEY: "k", GITHUB_TOKEN: "t", LC_ALL: "C", NEEDED: "n", CODEX_INBOX_RUN: "foreign/t/1" },
    });
    const runDir = await run(request("[[command: env]]", { environment: ["NEEDED"] }));
    const { said } = await runner.outcome(runDir);
    const [output] = said.flatMap(({ body }) => (body.kind === "command" ? [body.output] : []));
    const names = output?.split("\n").flatMap((line) => /^(\w+)=/.exec(line)?.[1] ?? []);
    expect(names?.filter((name) => name !== "PWD" && name !== "_").sort()).toEqual([
      ...["CODEX_API_KEY", "CODEX_HOME", "CODEX_INBOX_RUN", "HOME", "LC_ALL", "NEEDED", "PATH"],
    ]);
    expect(output).toContain(`CODEX_INBOX_RUN=test-${process.pid}-`);
  });

  it("is not begun without a variable that a run was promised", async () => {
    const { driver, request } = testRunner({ environment: { EMPTY: "" } });
    for (const name of ["EMPTY", "MISSING"]) {
      const start = driver.start(request("x", { environment: [name] }), () => true);
      await expect(start).rejects.toThrow(`environment: ${name} is not set`);
    }
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
