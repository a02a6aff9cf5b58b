import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { DEFAULT_RIGHTS } from "../../src/task/rights/rights.ts";
import { VERIFY_OUTPUT_BYTES_MAX } from "../../src/task/state/verification.ts";
import { failure, THREAD } from "../fakes/fake-runner.ts";
import { CONFINED } from "../support/confined.ts";
import { end, running } from "../support/running-task.ts";
import { createWorld, type World } from "../support/world.ts";

const FAILS = { exitCode: 1, output: "1 test failed\n", outputBytes: 14 };

/** A task whose agent has succeeded, so that its command runs. */
async function verifying(frontMatter = ""): Promise<Awaited<ReturnType<typeof running>>> {
  const task = await running(`verifyCommand: npm test\n${frontMatter}`);
  await end(task.world);
  return task;
}

async function verify(world: World, facts = {}): Promise<void> {
  world.verifier.end(world.verifier.current(), facts);
  await world.settle();
}

describe("a task whose agent has succeeded", () => {
  it("is verified in a run of its own, in the working directory, in the sandbox of the task", async () => {
    const { world, id, find } = await verifying();
    expect(await find()).toMatchObject({ status: "verifying", run: 2, result: null });
    expect(world.verifier.current().request).toEqual({
      ...{ taskId: id, sessionKey: "docs", command: "npm test", workdir: world.dir, sandbox: "workspace-write" },
      run: 2,
      confinement: CONFINED,
      environment: [],
      variables: {},
    });
    await verify(world);
    expect(world.results()).toMatchObject([
      { status: "succeeded", frontMatter: { attempts: 1, run: 2, verification: { outcome: "passed" } } },
    ]);
    expect(world.rows().map(({ run, status }) => `${run} ${status}`)).toEqual([
      ...["1 queued", "1 running", "2 verifying", "2 succeeded"],
    ]);
  });

  it.each([
    {
      name: "reads only, like its agent",
      frontMatter: "sandbox: read-only",
      verify: "sandboxed",
      sandbox: "read-only",
    },
    { name: "runs outside, where the owner allows it", frontMatter: "", verify: "unsandboxed", sandbox: "none" },
  ] as const)("$name", async ({ frontMatter, verify: right, sandbox }) => {
    const { world } = await running(`verifyCommand: npm test\n${frontMatter}`);
    world.settings.run = { ...world.settings.run, rights: { ...DEFAULT_RIGHTS, verify: right } };
    await end(world);
    expect(world.verifier.current().request.sandbox).toBe(sandbox);
  });

  it("keeps its place: a verification is a worker, and its session waits for it", async () => {
    const { world } = await running("verifyCommand: npm test");
    world.settings.maxWorkers = 1;
    world.drop("docs/y.md", "Second.\n");
    world.drop("other/z.md", "Third.\n");
    await world.advance(1_000);
    await end(world);
    await world.advance(1_000);
    expect(world.runner.started).toHaveLength(1);
    await verify(world);
    await world.advance(1_000);
    expect(world.runner.started).toHaveLength(2);
  });

  it("is not verified when the agent failed", async () => {
    const { world } = await running("verifyCommand: npm test\nmaxAttempts: 1");
    await end(world, { outcome: "failed", failure: failure("badRequest"), lastMessage: "" });
    expect(world.verifier.started).toEqual([]);
    expect(world.results()).toMatchObject([{ status: "failed", frontMatter: { failure: "badRequest" } }]);
  });
});

describe("a verification that does not pass", () => {
  it("sends the agent back into its thread at once, even with resume: false, and uses no attempt", async () => {
    const { world, id } = await verifying("resume: false\nmaxAttempts: 1");
    await verify(world, FAILS);
    const repair = world.runner.of("docs").request;
    expect(repair).toMatchObject({ taskId: id, run: 3, resumeThread: THREAD });
    expect(repair.prompt).toContain("1 test failed");
    expect(repair.prompt).toContain("Fix it.");
    await end(world);
    await verify(world);
    expect(world.results()).toMatchObject([
      { status: "succeeded", frontMatter: { attempts: 1, run: 4, verification: { outcome: "passed", attempt: 2 } } },
    ]);
  });

  it("ends the task when there were enough of them", async () => {
    const { world, find } = await verifying("maxVerifyAttempts: 2");
    await verify(world, FAILS);
    await end(world);
    await verify(world, FAILS);
    expect(await find()).toMatchObject({
      ...{ status: "failed", failure: "verification", attempts: 1 },
      reason: "verification failed: `npm test` ended with exit code 1 (2 of 2)",
      verification: { outcome: "failed", attempt: 2, attemptsMax: 2 },
    });
    expect(world.subjects()[0]).toBe("docs: failed: Fix it. (verification)");
  });

  it("is asked about again after a run that failed meanwhile, which does use an attempt", async () => {
    const { world, find } = await verifying("maxAttempts: 2");
    await verify(world, FAILS);
    await end(world, { outcome: "failed", failure: failure("overloaded"), lastMessage: "" });
    expect(await find()).toMatchObject({ status: "queued", attempts: 1 });
    await world.advance(10_000);
    expect(world.runner.of("docs").request.prompt).toContain("1 test failed");
    expect(await find()).toMatchObject({ attempts: 2 });
  });

  it("is told to a fresh thread where its own is lost", async () => {
    const { world } = await verifying();
    await verify(world, FAILS);
    await end(world, { outcome: "failed", failure: failure("threadNotFound"), threadId: undefined, lastMessage: "" });
    const repair = world.runner.of("docs").request;
    expect(repair.resumeThread).toBeUndefined();
    expect(repair.prompt).toContain("1 test failed");
  });
});

describe("a verification that cannot be made", () => {
  it.each([
    { name: "without its command", facts: { exitCode: 127, output: "sh: npm: not found" } },
    { name: "without its sandbox", facts: { begun: false, exitCode: 1, said: "no user namespaces" } },
  ])("$name ends the task; nobody is asked again, and nothing is filed", async ({ facts }) => {
    const { world, find } = await verifying("followUp: true");
    await verify(world, facts);
    expect(await find()).toMatchObject({ status: "failed", failure: "verifyUnavailable", followUpTask: null });
    expect(world.runner.started).toHaveLength(1);
  });

  it("for want of its folder ends the task too", async () => {
    const world = createWorld();
    mkdirSync(join(world.dir, "sub"));
    await world.start();
    world.drop("docs/x.md", "---\nverifyCommand: npm test\nworkdir: sub\n---\nFix it.\n");
    await world.settle();
    rmSync(join(world.dir, "sub"), { recursive: true });
    await end(world);
    expect(world.verifier.started).toEqual([]);
    const [file] = world.results();
    expect(file?.frontMatter).toMatchObject({ status: "failed", failure: "verifyUnavailable" });
    expect(file?.frontMatter.reason).toContain("could not be begun: workdir: there is no folder sub");
  });
});

describe("a limit of a verification", () => {
  it("is its time: not over by then, it has not passed", async () => {
    const { world, find } = await verifying("verifyTimeoutMs: 60000\nmaxVerifyAttempts: 1");
    await world.advance(59_000);
    expect(world.verifier.current().stops).toEqual([]);
    await world.advance(1_000);
    expect(world.verifier.started[0]?.stops[0]).toBe(10_000);
    expect(await find()).toMatchObject({
      reason: "verification failed: `npm test` did not end within 1 min, its verifyTimeoutMs (1 of 1)",
      failure: "verification",
    });
  });

  it("is counted from its start, over a restart", async () => {
    const { world } = await verifying("verifyTimeoutMs: 60000");
    await world.advance(30_000);
    await world.crash();
    await world.start();
    await world.advance(29_000);
    expect(world.verifier.current().stops).toEqual([]);
    await world.advance(1_000);
    expect(world.logged("stop")).toMatchObject([{ cause: "timeout" }]);
  });

  it("is what it prints: then it is ended at once, and has not passed", async () => {
    const { world, find } = await verifying("maxVerifyAttempts: 1");
    world.verifier.print(world.verifier.current(), VERIFY_OUTPUT_BYTES_MAX + 1);
    await world.advance(1_000);
    expect(world.verifier.started[0]?.stops[0]).toBe(0);
    expect(await find()).toMatchObject({ reason: "verification failed: `npm test` printed more than 64 MB (1 of 1)" });
  });
});

describe("a stop during a verification", () => {
  it("by the user cancels the task, whatever the command exits with", async () => {
    const { world, id, find } = await verifying("followUp: true\nmaxVerifyAttempts: 1");
    world.request(id);
    await world.advance(1_000);
    expect(await find()).toMatchObject({ status: "cancelled", reason: "stopped by the user", followUpTask: null });
    expect(world.logged("accepted")).toHaveLength(1);
  });

  it("by a shutdown waits for the next coordinator, which verifies and nothing else", async () => {
    const task = await running("verifyCommand: npm test");
    await end(task.world);
    await task.world.crash();
    const coordinator = await task.world.start();
    const ended = coordinator.stopRuns();
    await task.world.settle();
    await ended;
    expect(task.world.verifier.started).toHaveLength(1);
    await task.world.start();
    await task.world.settle();
    expect(task.world.verifier.started).toHaveLength(2);
    await verify(task.world);
    expect(task.world.results()).toMatchObject([{ status: "succeeded", frontMatter: { attempts: 1 } }]);
    expect(task.world.runner.started).toHaveLength(1);
  });

  it("by the user ends one that a shutdown has kept from its start, and at once", async () => {
    const { world, id } = await running("verifyCommand: npm test");
    world.drop("other/y.md", "Second.\n");
    await world.crash();
    const coordinator = await world.start();
    world.runner.options.onStop = (run) => {
      if (run.request.taskId === id) world.runner.end(run); // Its turn was over when it was told to end.
    };
    const ended = coordinator.stopRuns();
    await world.settle();
    expect(await world.queries.find(id)).toMatchObject({ status: "verifying" });
    world.request(id);
    await world.advance(1_000);
    await world.advance(1_000);
    expect(world.results()).toMatchObject([{ id, status: "cancelled" }]);
    expect(world.verifier.started).toEqual([]);
    world.runner.end(world.runner.of("other"));
    await world.settle();
    await ended;
  });

  it("by draining lets it come to its end", async () => {
    const { world, id } = await running("verifyCommand: npm test");
    await world.crash();
    const coordinator = await world.start();
    const drained = coordinator.drain();
    await end(world);
    await world.advance(1_000);
    await verify(world);
    await drained;
    expect(world.results()).toMatchObject([{ id, status: "succeeded" }]);
  });
});

describe("a verification whose processes are gone without a trace", () => {
  it("is made again without the agent, so often and no more", async () => {
    const { world, find } = await verifying();
    for (let loss = 1; loss <= 4; loss += 1) {
      world.verifier.vanish(world.verifier.current());
      await world.settle();
    }
    expect(world.verifier.started).toHaveLength(4);
    expect(world.runner.started).toHaveLength(1);
    expect(await find()).toMatchObject({ status: "failed", reason: "the verify command vanished 4 times in a row" });
  });
});
