import { describe, expect, it } from "vitest";
import { readTaskJournal } from "../../src/store/journal/journal-reader.ts";
import { failure } from "../fakes/fake-runner.ts";
import { createWorld, type World } from "../support/world.ts";

const FAILED = { outcome: "failed", failure: failure("badRequest"), lastMessage: "" } as const;

/** Serves; every run ends at once, those that are asked to fail with a failure. */
async function serving(): Promise<{ world: World; coordinator: Awaited<ReturnType<World["start"]>> }> {
  const world = createWorld();
  world.runner.options.onStart = (run) => world.runner.end(run, run.request.prompt.includes("fail") ? FAILED : {});
  return { world, coordinator: await world.start() };
}

describe("idle", () => {
  it("is when all is taken, run and committed; nothing failed, nothing is held", async () => {
    const { world, coordinator } = await serving();
    const idle = coordinator.idle();
    expect(await idle).toEqual({ failed: 0, broken: 0, held: 0 });
    world.drop("docs/x.md", "Fix it.\n", { fresh: true });
    const again = outcomeOf(coordinator.idle());
    await world.settle();
    expect(again.value).toBeUndefined(); // A file settles.
    await world.advance(1_000);
    expect(again.value).toEqual({ failed: 0, broken: 0, held: 0 });
    expect(world.results()).toHaveLength(1);
  });

  it("is not while a run, a retry or a commit is awaited", async () => {
    const world = createWorld();
    const coordinator = await world.start();
    world.drop("docs/x.md", "Fix it.\n");
    const idle = outcomeOf(coordinator.idle());
    await world.settle();
    expect(idle.value).toBeUndefined();
    world.runner.end(world.runner.of("docs"), { ...FAILED, failure: failure("overloaded") });
    await world.settle();
    expect(idle.value).toBeUndefined();
    await world.advance(10_000);
    world.repository.user.beginMerge();
    world.runner.end(world.runner.of("docs"));
    await world.advance(10_000);
    expect(idle.value).toBeUndefined();
    world.repository.user.endMerge();
    await world.settle();
    expect(idle.value).toEqual({ failed: 0, broken: 0, held: 0 });
  });

  it("counts what failed and was cancelled, and what is broken", async () => {
    const { world, coordinator } = await serving();
    world.drop("docs/x.md", "fail\n");
    world.drop("docs/y.md", "Fix it.\n");
    world.drop("z.md", "---\npriority: high\n---\nx\n");
    await world.settle();
    expect(await coordinator.idle()).toEqual({ failed: 1, broken: 1, held: 0 });
  });

  it.each([
    { name: "not before a later time", frontMatter: "notBefore: 2027-01-01T00:00:00Z" },
    { name: "nobody knows what it depends on", frontMatter: "dependsOn: 20200101-000000-aaaaaa" },
  ])("is reached with tasks that are held: $name, and what stands behind it", async ({ frontMatter }) => {
    const { world, coordinator } = await serving();
    world.drop("docs/x.md", `---\n${frontMatter}\n---\nFix it.\n`);
    world.drop("docs/y.md", "Behind.\n");
    await world.settle();
    expect(await coordinator.idle()).toEqual({ failed: 0, broken: 0, held: 2 });
  });

  it("counts open tasks of other clones as held", async () => {
    const world = createWorld();
    const id = "20261119-090000-zzzzzz";
    world.repository.user.commit({
      [`sessions/there/2026-11-19/${id}.md`]: `---\nformat: 3\nid: ${id}\nsessionKey: there\nstatus: queued\n---\nX\n`,
      "tasks.md": `| 2026-11-19T09:00:00.000Z | ${id} | there | 1 | queued |  |\n`,
    });
    const coordinator = await world.start();
    expect(await coordinator.idle()).toEqual({ failed: 0, broken: 0, held: 1 });
  });

  it("does not count failures of an earlier time whose commits had to be made again", async () => {
    const { world } = await serving();
    const before = world.repository.tip?.id ?? "";
    world.drop("docs/x.md", "fail\n");
    await world.settle();
    await world.crash();
    world.clock.nowMs += 60_000;
    const coordinator = await world.start();
    world.repository.user.reset(before);
    await world.advance(1_000);
    expect(world.results()).toMatchObject([{ status: "failed" }]);
    expect(await coordinator.idle()).toEqual({ failed: 0, broken: 0, held: 0 });
  });

  it("counts a failure that an earlier coordinator has seen and could not commit", async () => {
    const { world } = await serving();
    world.repository.user.beginMerge();
    world.drop("docs/x.md", "fail\n");
    await world.settle();
    await world.crash();
    world.repository.user.endMerge();
    const coordinator = await world.start();
    expect(await coordinator.idle()).toEqual({ failed: 1, broken: 0, held: 0 });
  });
});

describe("drain", () => {
  it("starts nothing more, waits for what runs and its commit, and ends", async () => {
    const world = createWorld();
    const coordinator = await world.start();
    world.drop("docs/x.md", "First.\n");
    world.drop("docs/y.md", "Second.\n");
    await world.settle();
    const drained = outcomeOf(coordinator.drain());
    const ended = outcomeOf(coordinator.ended);
    await world.advance(10_000);
    expect([drained.over, coordinator.health().draining]).toEqual([false, true]);
    world.runner.end(world.runner.of("docs"));
    await world.settle();
    expect([drained.over, ended.over]).toEqual([true, true]);
    expect(world.runner.started).toHaveLength(1);
    expect(world.results()).toMatchObject([{ prompt: "First.\n" }]);
    expect(readTaskJournal(world.paths.journal).openIds()).toEqual([world.accepted(1)]);
  });

  it("goes on taking drops while it waits", async () => {
    const world = createWorld();
    const coordinator = await world.start();
    world.drop("docs/x.md", "First.\n");
    await world.settle();
    const drained = coordinator.drain();
    world.drop("y.md", "Second.\n");
    await world.settle();
    expect(world.logged("accepted")).toHaveLength(2);
    world.runner.end(world.runner.of("docs"));
    await drained;
    expect(world.runner.started).toHaveLength(1);
  });
});

describe("stopping the runs", () => {
  it("ends them, queues them again without an attempt used, and ends", async () => {
    const world = createWorld();
    const coordinator = await world.start();
    world.drop("docs/x.md", "First.\n");
    await world.settle();
    const drained = outcomeOf(coordinator.drain());
    await world.settle();
    await coordinator.stopRuns();
    await world.settle();
    expect(drained.over).toBe(true);
    const next = await world.start();
    expect(world.runner.started).toHaveLength(2);
    expect(await next.find(world.accepted(0))).toMatchObject({ status: "running", run: 2, attempts: 1 });
  });
});

describe("leaving", () => {
  it("lets the runs go on; the next coordinator takes in how they end", async () => {
    const world = createWorld();
    const coordinator = await world.start();
    world.drop("docs/x.md", "First.\n");
    await world.settle();
    await coordinator.leave();
    await coordinator.leave();
    await coordinator.ended;
    const run = world.runner.of("docs");
    expect(run.stops).toEqual([]);
    await world.start();
    world.runner.end(run, { lastMessage: "Found." });
    await world.advance(1_000);
    expect(world.results()).toMatchObject([{ status: "succeeded", result: { lastMessage: "Found." } }]);
    expect(world.logged("recovered")).toMatchObject([{ action: "watch", worker: "alive" }]);
  });
});

describe("something of ours that is broken", () => {
  it("ends the coordinator with the error, whoever waits for it, and everything can be let go of", async () => {
    const world = createWorld();
    const coordinator = await world.start();
    Object.defineProperty(world.settings, "maxWorkers", {
      get() {
        throw new TypeError("broken");
      },
    });
    world.drop("docs/x.md", "First.\n");
    await world.settle();
    for (const promise of [coordinator.ended, coordinator.idle(), coordinator.drain()])
      await expect(promise).rejects.toThrow(TypeError);
    await coordinator.leave();
  });
});

describe("a task that is submitted", () => {
  it("is journaled before the answer, and runs", async () => {
    const world = createWorld();
    const coordinator = await world.start();
    const { task, known } = await coordinator.submit("---\nsessionKey: docs\n---\nFix it.\n");
    expect(known).toBe(false);
    expect(task).toMatchObject({ status: "queued", sessionKey: "docs", title: "Fix it.", committed: false });
    expect(readTaskJournal(world.paths.journal).openIds()).toEqual([task.id]);
    await world.settle();
    expect(world.runner.of("docs").request.taskId).toBe(task.id);
  });

  it("is the one that is known under its id, however long ago", async () => {
    const { world, coordinator } = await serving();
    const text = "---\nid: 20261120-101010-abcdef\nsessionKey: docs\n---\nFix it.\n";
    await coordinator.submit(text);
    await world.settle();
    const again = await coordinator.submit(text);
    expect(again).toMatchObject({ known: true, task: { status: "succeeded", committed: true } });
    expect(world.runner.started).toHaveLength(1);
  });

  it("is refused with every problem where it is not valid", async () => {
    const { coordinator } = await serving();
    const submitted = coordinator.submit("---\npriority: high\ntimeoutMs: 1\n---\n");
    await expect(submitted).rejects.toMatchObject({
      code: "TASK_FILE",
      message: expect.stringMatching(/priority.*timeoutMs.*prompt is empty/),
    });
  });
});

describe("a task that asks for more than it may have", () => {
  const greedy = (sessionKey: string): string =>
    `---\nsessionKey: ${sessionKey}\nsandbox: danger-full-access\n---\nFix it.\n`;

  it("is refused where it is submitted, and journaled nowhere", async () => {
    const world = createWorld();
    const coordinator = await world.start();
    await expect(coordinator.submit(greedy("docs"))).rejects.toMatchObject({ code: "NOT_ALLOWED", exitCode: 4 });
    expect(readTaskJournal(world.paths.journal).openIds()).toEqual([]);
  });

  it("fails where it was accepted before the policy became narrower, also over a restart", async () => {
    const world = createWorld();
    const { run } = world.settings;
    world.settings.run = { ...run, rights: { ...run.rights, sandbox: "danger-full-access" } };
    world.settings.maxWorkers = 0;
    await (await world.start()).submit(greedy("docs"));
    await world.crash();
    world.settings.run = run;
    world.settings.maxWorkers = 2;
    await world.start();
    await world.advance(1_000);
    expect(world.runner.started).toEqual([]);
    expect(world.results()).toMatchObject([
      {
        status: "failed",
        result: { reason: expect.stringMatching(/^sandbox: .*codex-inbox policy set sandbox danger/) },
      },
    ]);
  });

  it("gets no more than is allowed where it asks for nothing", async () => {
    const world = createWorld();
    const { run } = world.settings;
    world.settings.run = { ...run, rights: { ...run.rights, sandbox: "read-only" } };
    await (await world.start()).submit("---\nsessionKey: docs\n---\nFix it.\n");
    await world.settle();
    expect(world.runner.of("docs").request.sandbox).toBe("read-only");
  });
});

describe("health", () => {
  it("says what runs and waits, and which settings are not in force", async () => {
    const world = createWorld();
    const coordinator = await world.start();
    world.drop("a/x.md", "Fix it.\n");
    world.drop("a/y.md", "Behind.\n");
    world.problems.settings = "codex-inbox.json: unknown setting";
    await world.advance(1_000);
    expect(coordinator.health()).toEqual({
      ...{ status: "ok", version: "1.2.3", workspace: world.dir, branch: "main", pid: process.pid },
      startedAt: "2026-11-20T14:15:30.000Z",
      tasks: { queued: 1, running: 1, uncommitted: 0 },
      ...{
        committer: null,
        codex: null,
        sandbox: null,
        broken: [],
        draining: false,
        full: null,
        world: null,
        ...{ damaged: [], sync: null, claims: null },
      },
      paused: { queue: null, sessions: [] },
      configProblem: "codex-inbox.json: unknown setting",
      uncommittedSettings: null,
      newAuthors: [],
    });
    await world.advance(1_000);
    expect(world.logged("settings-kept")).toHaveLength(1);
    world.problems.settings = undefined;
    await world.advance(1_000);
    expect(world.logged("settings-read")).toHaveLength(1);
    expect(coordinator.health().configProblem).toBeNull();
  });
});

/** What a promise has come to, as far as it has. */
function outcomeOf<Value>(promise: Promise<Value>): { value: Value | undefined; over: boolean } {
  const outcome: { value: Value | undefined; over: boolean } = { value: undefined, over: false };
  promise.then(
    (value) => Object.assign(outcome, { value, over: true }),
    () => undefined,
  );
  return outcome;
}

it("takes no task before it has looked at the disk", async () => {
  const world = createWorld();
  world.settings.minFreeMb = Number.MAX_SAFE_INTEGER;
  world.drop("one.md", "one\n");
  await world.advance(60_000);
  const coordinator = await world.start();
  await world.advance(60_000);
  expect([world.logged("accepted"), world.logged("queue-full").length]).toEqual([[], 1]);
  expect(coordinator.health().full).toMatchObject({ reason: expect.stringContaining("the disk is nearly full") });
});
