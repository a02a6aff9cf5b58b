import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openPauseStore } from "../../../src/dispatch/pauses.ts";
import type { RunEvent } from "../../../src/run/driver.ts";
import { BEGIN_LINE } from "../../../src/run/verify/output.ts";
import { makeVerifyDirectory, runPaths } from "../../../src/run/worker/run-directory.ts";
import type { LiveEvent } from "../../../src/task/events/live-event.ts";
import { failure, THREAD } from "../../fakes/fake-runner.ts";
import { AN_ITEM } from "../../support/an-item.ts";
import { followed } from "../../support/followed.ts";
import { createWorld, type World } from "../../support/world.ts";

type Coordinator = Awaited<ReturnType<World["start"]>>;

/** What happens is written after that time. */
const BATCH_MS = 50;

/** The number before the first event of a world: its numbers begin with the time of its start. */
function beginning({ clock }: World): number {
  return clock.nowMs - 1;
}

async function serving(): Promise<{
  world: World;
  coordinator: Coordinator;
  told: (from?: Coordinator) => Promise<readonly LiveEvent[]>;
}> {
  const world = createWorld();
  const after = beginning(world);
  const coordinator = await world.start();
  const told = async (from = coordinator): Promise<readonly LiveEvent[]> => {
    await world.advance(BATCH_MS);
    return followed(from, { after });
  };
  return { world, coordinator, told };
}

/** An event in short: what a reader sees first. */
function brief(event: LiveEvent): string {
  switch (event.kind) {
    case "state":
      return `${event.status} ${event.run}`;
    case "item":
      return `${event.phase} ${event.body.kind} ${event.line}`;
    case "held":
      return `held: ${event.why}`;
    case "queue":
      return event.what;
    default:
      return event.kind;
  }
}

function command(line: number, phase: "started" | "completed", durationMs?: number): RunEvent {
  const status = phase === "started" ? "in_progress" : "completed";
  const body = { kind: "command" as const, command: "npm test", exitCode: 0, status, output: "ok", outputBytes: 2 };
  return { ...AN_ITEM, phase, id: "item_0", body, paths: [], line, firstLine: 2, durationMs, atMs: 0, isOld: false };
}

describe("what is told of a task", () => {
  it("is each step of its way, in order, with numbers that follow one another", async () => {
    const { world, told } = await serving();
    world.drop("docs/x.md", "---\nverifyCommand: npm test\n---\nFix it.\n");
    await world.settle();
    const run = world.runner.of("docs");
    world.runner.open(run, THREAD);
    world.runner.act(run, command(2, "started"));
    world.runner.act(run, command(3, "completed", 1_500));
    await world.settle();
    world.runner.end(run, {
      usageTotal: { inputTokens: 100, cachedInputTokens: 0, outputTokens: 10, reasoningOutputTokens: 0 },
    });
    await world.settle();
    world.verifier.end(world.verifier.current(), { output: "1 passed", outputBytes: 8 });
    await world.settle();
    const events = await told();
    expect(events.map(brief)).toEqual([
      ...["serving", "accepted", "running 1", "thread", "started command 2", "completed command 3"],
      ...["usage", "verifying 2", "output", "succeeded 2", "committed"],
    ]);
    const task = world.accepted(0);
    for (const [index, event] of events.entries()) {
      expect(event).toMatchObject({ v: 1, seq: (events[0]?.seq ?? 0) + index });
      if (event.kind !== "serving") expect(event).toMatchObject({ task, session: "docs" });
    }
    expect(events[1]).toMatchObject({ title: "Fix it.", origin: expect.stringContaining("file") });
    expect(events[3]).toMatchObject({ run: 1, thread: THREAD });
    expect(events[5]).toMatchObject({ item: 2, durationMs: 1_500, body: { command: "npm test", exitCode: 0 } });
    expect(events[6]).toMatchObject({ run: 1, usage: { inputTokens: 100 } });
    expect(events[8]).toMatchObject({ run: 2, outcome: "passed", output: "1 passed", exitCode: 0 });
    expect(events[10]).toMatchObject({ commit: world.repository.tip?.id });
  });

  it("is what its verify command prints, while it goes on, without secrets", async () => {
    const { world, told } = await serving();
    world.drop("docs/x.md", "---\nverifyCommand: npm test\n---\nFix it.\n");
    await world.settle();
    world.runner.end(world.runner.of("docs"));
    await world.settle();
    const verification = world.verifier.current();
    const runDir = join(world.paths.runs, world.accepted(0), "2");
    makeVerifyDirectory(runDir, { command: ["sh"], workdir: "/work" });
    writeFileSync(runPaths(runDir).claim, "");
    for (const [bytes, text] of [
      [10, "1 passed\n"],
      [80, `1 passed\nAuthorization: Bearer ${"abcdefghijklmnop" + "qrstuvwxyz012345"}\n`],
    ] as const) {
      writeFileSync(runPaths(runDir).output, BEGIN_LINE + text);
      world.verifier.print(verification, bytes);
      world.verifier.print(verification, bytes + 1);
      await world.settle();
      await world.advance(1_000);
    }
    world.verifier.end(verification, { output: "all", outputBytes: 3 });
    await world.settle();
    const outputs = (await told()).flatMap((event) => (event.kind === "output" ? [event] : []));
    expect(outputs).toMatchObject([
      { run: 2, command: "npm test", outcome: "running", exitCode: null, output: "1 passed\n", outputBytes: 9 },
      { run: 2, outcome: "running", output: expect.stringMatching(/^1 passed\nAuthorization: .*\[redacted: /) },
      { run: 2, outcome: "passed", output: "all" },
    ]);
  });

  it("is why it waits, once for each reason, and until when", async () => {
    const { world, told } = await serving();
    world.drop("docs/a.md", "First.\n");
    await world.settle();
    world.drop("docs/b.md", "Second.\n");
    world.drop("later.md", "---\nnotBefore: 2026-11-21T06:00:00Z\n---\nLater.\n");
    await world.settle();
    await world.advance(1_000);
    world.runner.end(world.runner.of("docs"));
    await world.settle();
    const held = (await told()).filter(({ kind }) => kind === "held");
    expect(held.map(brief)).toEqual([
      `held: behind ${world.accepted(0)} in session docs`,
      "held: not before 2026-11-21T06:00:00Z",
    ]);
    expect(held[1]).toMatchObject({ hold: "notBefore", until: "2026-11-21T06:00:00.000Z" });
  });

  it("is that nothing holds it any more", async () => {
    const { world, told } = await serving();
    world.settings.maxWorkers = 0;
    world.drop("docs/a.md", "---\nid: 20261120-141530-aaaaaa\ndependsOn: 20261120-141530-bbbbbb\n---\nFirst.\n");
    await world.settle();
    world.drop("other/b.md", "---\nid: 20261120-141530-bbbbbb\n---\nSecond.\n");
    await world.settle();
    const briefs = (await told()).filter(({ kind }) => kind === "held").map(brief);
    expect(briefs).toEqual([
      "held: depends on 20261120-141530-bbbbbb, which no task here is called",
      "held: all workers are busy",
      "held: waits for 20261120-141530-bbbbbb",
    ]);
  });

  it("is when it tries again, and what of it is not open any more", async () => {
    const { world, told } = await serving();
    world.drop("docs/x.md", "Fix it.\n");
    await world.settle();
    world.runner.end(world.runner.of("docs"), { outcome: "failed", failure: failure("overloaded"), lastMessage: "" });
    await world.settle();
    const again = (await told()).findLast(({ kind }) => kind === "state");
    expect(again).toMatchObject({ status: "queued", run: 2, until: expect.stringMatching(/^2026-/) });
  });
});

describe("what is told of all", () => {
  it("is a pause and its end, the circuit breaker, and files that cannot become tasks", async () => {
    const { world, coordinator, told } = await serving();
    openPauseStore(world.paths.paused).pause("docs", "a release", world.clock.nowMs);
    await world.hint();
    await coordinator.resume("docs");
    world.drop("bad.md", "---\npriority: high\n---\nx\n");
    await world.hint();
    world.drop("ops/x.md", "Fix it.\n");
    await world.settle();
    world.runner.end(world.runner.of("ops"), { outcome: "failed", failure: failure("usageLimit"), lastMessage: "" });
    await world.settle();
    const events = (await told()).filter(({ kind }) => kind === "queue" || kind === "inbox");
    expect(events.map(brief)).toEqual(["paused", "resumed", "inbox", "breaker-open"]);
    expect(events[0]).toMatchObject({ session: "docs", reason: expect.stringContaining("a release") });
    expect(events[2]).toMatchObject({ broken: ["inbox/bad.md"], more: 0 });
    expect(events[3]).toMatchObject({ session: null, until: expect.stringMatching(/^2026-/) });
  });
});

describe("after a crash", () => {
  it("what a run said before is not told again, and what it said meanwhile is", async () => {
    const { world, told } = await serving();
    world.drop("docs/x.md", "Fix it.\n");
    await world.settle();
    const run = world.runner.of("docs");
    world.runner.act(run, command(2, "started"));
    await world.settle();
    const before = await told();
    await world.crash();
    world.runner.act(run, command(3, "completed"));
    const next = await world.start();
    world.runner.act(run, command(5, "started"));
    await world.settle();
    const events = await told(next);
    expect(events.slice(0, before.length)).toEqual(before);
    expect(events.slice(before.length).map(brief)).toEqual(["serving", "completed command 3", "started command 5"]);
  });

  it("what was journaled and not told is told, and nothing twice", async () => {
    const { world, told } = await serving();
    world.drop("docs/x.md", "Fix it.\n");
    await world.settle();
    world.runner.end(world.runner.of("docs"));
    world.drop("docs/y.md", "Fix that.\n");
    await world.settle();
    const whole = (await told()).filter(({ kind }) => kind !== "held").map(brief);
    // As a kill between the journal and the log leaves it, wherever in the log that is.
    const { readdirSync, readFileSync, writeFileSync } = await import("node:fs");
    const [name = ""] = readdirSync(world.paths.events).filter((file) => file.endsWith(".jsonl"));
    await world.crash();
    const path = `${world.paths.events}/${name}`;
    const lines = readFileSync(path, "utf8").split("\n");
    const begun = lines.findIndex((line) => line.includes('"kind":"accepted"'));
    for (let count = begun + 1; count < lines.length; count += 1) {
      writeFileSync(path, `${lines.slice(0, count).join("\n")}\n`);
      const next = await world.start();
      const states = (await told(next)).filter(({ kind }) => ["accepted", "committed", "state"].includes(kind));
      const last = new Map(states.map((event) => ["task" in event ? event.task : "", brief(event)]));
      expect([count, ...last.values()]).toEqual([count, "committed", "running 1"]);
      expect(states.filter(({ kind }) => kind === "accepted").length).toBeLessThanOrEqual(2);
      expect(new Set(states.map((event) => JSON.stringify({ ...event, seq: 0, at: 0 }))).size).toBe(states.length);
      await world.crash();
    }
    expect(whole).toContain("committed");
  });
});

describe("secrets", () => {
  const SECRET = ["sk", "proj", "abcdefghijklmnopqrstuvwxyz0123456789"].join("-");

  it("in titles and names of files are replaced", async () => {
    const world = createWorld();
    const after = beginning(world);
    const { createKeeper } = await import("../../../src/redact/keeper.ts");
    const { createKnownValues } = await import("../../../src/redact/known-values.ts");
    const known = createKnownValues({ MY_API_KEY: SECRET }, undefined);
    const coordinator = await world.start({ keeper: createKeeper({ find: () => undefined }, known) });
    world.drop("docs/x.md", `Fix ${SECRET}.\n`);
    world.drop(`${SECRET}.md`, "---\npriority: high\n---\nx\n");
    await world.hint();
    await world.settle();
    await world.advance(BATCH_MS);
    const events = await followed(coordinator, { after });
    expect(events.map(({ kind }) => kind).sort()).toEqual(["accepted", "inbox", "serving", "state"]);
    const text = JSON.stringify(events);
    for (let length = 12; length < SECRET.length; length += 1) expect(text).not.toContain(SECRET.slice(0, length));
    expect(text).toContain("[redacted: ");
  });
});
