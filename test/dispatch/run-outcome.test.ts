import { describe, expect, it } from "vitest";
import type { RunVerdict } from "../../src/task/state/run.ts";
import { failure, THREAD } from "../fakes/fake-runner.ts";
import { end, running } from "../support/running-task.ts";

const OTHER_THREAD = "01a1f950-5f71-7472-a9b5-7a2032cb0000";
const RETRYABLE: Partial<RunVerdict> = { outcome: "failed", failure: failure("overloaded"), lastMessage: "" };

describe("a run that failed and may be tried again", () => {
  it("is tried again after ever longer waits, until the attempts are used up", async () => {
    const { world, find } = await running();
    await end(world, RETRYABLE);
    expect(await find()).toMatchObject({
      status: "queued",
      run: 2,
      attempts: 1,
      hold: "tries again at 2026-11-20T14:15:33Z",
    });
    await world.advance(3_700);
    expect(world.runner.started).toHaveLength(1);
    await world.advance(100);
    expect(world.runner.started).toHaveLength(2);
    await end(world, RETRYABLE);
    await world.advance(7_000);
    expect(world.runner.started).toHaveLength(2);
    await world.advance(1_000);
    await end(world, RETRYABLE);
    expect(await find()).toMatchObject({
      status: "failed",
      reason: "the model is overloaded",
      failure: "overloaded",
      attempts: 3,
      run: 3,
    });
    expect(world.subjects()[0]).toBe("docs: failed: Fix it. (the model is overloaded)");
  });

  it("has as many attempts as its task says, and the settings in force otherwise", async () => {
    const { world, find } = await running("maxAttempts: 1");
    await end(world, RETRYABLE);
    expect(await find()).toMatchObject({ status: "failed", attempts: 1 });
    world.settings.maxAttempts = 2;
    world.drop("docs/y.md", "Another.\n");
    await world.settle();
    await end(world, RETRYABLE);
    await world.advance(10_000);
    await end(world, RETRYABLE);
    expect(world.results().map(({ status }) => status)).toEqual(["failed", "failed"]);
  });

  it("shows nothing of a failed attempt but its transcript once a later one succeeds", async () => {
    const { world, id } = await running();
    await end(world, RETRYABLE);
    await world.advance(10_000);
    await end(world, { lastMessage: "Fixed." });
    expect(world.results()).toMatchObject([
      { id, status: "succeeded", result: { lastMessage: "Fixed.", reason: undefined } },
    ]);
    expect(world.rows().map(({ run, status }) => `${run} ${status}`)).toEqual([
      ...["1 queued", "1 running", "2 queued", "2 running", "2 succeeded"],
    ]);
  });
});

describe("a run that failed for good", () => {
  it("is not tried again", async () => {
    const { world, find } = await running();
    await end(world, { outcome: "failed", failure: failure("promptRefused") });
    await world.advance(3_600_000);
    expect(await find()).toMatchObject({ status: "failed", reason: "codex refused the prompt", attempts: 1 });
    expect(world.runner.started).toHaveLength(1);
  });

  it("says something even where codex said nothing", async () => {
    const { world, find } = await running();
    await end(world, { outcome: "failed", failure: failure("unknown") });
    expect(await find()).toMatchObject({ reason: "failed for an unknown reason" });
  });
});

describe("the thread of a session", () => {
  it("is journaled when it appears, resumed by the next task, and its usage counted once", async () => {
    const { world, id, find } = await running();
    world.runner.open(world.runner.of("docs"), THREAD);
    await world.advance(1_000);
    expect(await find()).toMatchObject({ status: "running", thread: THREAD });
    const usage = (count: number) => ({
      inputTokens: count,
      cachedInputTokens: 0,
      outputTokens: 1,
      reasoningOutputTokens: 0,
    });
    await end(world, { usageTotal: usage(100) });
    world.drop("docs/y.md", "Go on.\n");
    await world.settle();
    expect(world.runner.of("docs").request.resumeThread).toBe(THREAD);
    await end(world, { usageTotal: usage(130) });
    const [first, second] = [id, world.accepted(1)].map((task) => world.results().find((file) => file.id === task));
    expect(first?.frontMatter.usage).toMatchObject({ inputTokens: 100, outputTokens: 1 });
    expect(second?.frontMatter.usage).toMatchObject({ inputTokens: 30, outputTokens: 0 });
    const facts = (world.committed("sessions/docs/session.jsonl") ?? "").trimEnd().split("\n");
    expect(facts.map((line) => JSON.parse(line)).map(({ n, kind }) => `${n} ${kind}`)).toEqual([
      ...["1 opened", "2 thread", "3 usage", "3 account", "4 usage", "4 account"],
    ]);
  });

  it("is known to the next task before the one that brought it is committed", async () => {
    const { world } = await running();
    world.repository.user.beginMerge();
    world.drop("docs/y.md", "Go on.\n");
    await world.settle();
    await end(world);
    expect(world.subjects()).toHaveLength(1);
    expect(world.runner.of("docs").request.resumeThread).toBe(THREAD);
    await world.crash();
    world.runner.end(world.runner.of("docs"));
    await world.start();
    world.drop("docs/z.md", "And on.\n");
    await world.advance(1_000);
    expect(world.runner.of("docs").request.resumeThread).toBe(THREAD);
    world.repository.user.endMerge();
    await end(world);
    expect(world.results()).toHaveLength(3);
  });

  it.each([
    { name: "a new one when the task asks for that", resume: "false", asked: undefined },
    { name: "the one the task names", resume: OTHER_THREAD, asked: OTHER_THREAD },
  ])("is $name", async ({ resume, asked }) => {
    const { world } = await running();
    await end(world);
    world.drop("docs/y.md", `---\nresume: ${resume}\n---\nGo on.\n`);
    await world.settle();
    expect(world.runner.of("docs").request.resumeThread).toBe(asked);
  });

  it("stays what it was when codex opened another one than was asked for: the run fails, and says so", async () => {
    const { world } = await running();
    await end(world);
    world.drop("docs/y.md", "Go on.\n");
    await world.settle();
    await end(world, { threadId: OTHER_THREAD });
    const result = world.results().find(({ id }) => id === world.accepted(1));
    expect(result).toMatchObject({ status: "failed", result: { reason: "codex opened another thread" } });
    expect(result?.frontMatter.thread).toBeUndefined();
    expect(world.committed("sessions/docs/session.jsonl")).not.toContain(OTHER_THREAD);
    world.drop("docs/z.md", "And on.\n");
    await world.settle();
    expect(world.runner.of("docs").request.resumeThread).toBe(THREAD);
  });

  it("is a new one when codex does not have the old one any more", async () => {
    const { world } = await running();
    await end(world);
    world.drop("docs/y.md", "Go on.\n");
    await world.settle();
    await end(world, { ...RETRYABLE, threadId: undefined, failure: failure("threadNotFound") });
    expect(world.runner.of("docs").request).toMatchObject({ resumeThread: undefined, run: 2 });
    await end(world, { threadId: OTHER_THREAD });
    world.drop("docs/z.md", "And on.\n");
    await world.settle();
    expect(world.runner.of("docs").request.resumeThread).toBe(OTHER_THREAD);
  });
});

describe("a run that ends without having been told to", () => {
  it("is made good at once when its worker vanished, then later, and at the fourth time in a row fails", async () => {
    const { world, find } = await running();
    const vanish = async (): Promise<void> => {
      world.runner.vanish(world.runner.of("docs"));
      await world.settle();
    };
    await vanish();
    expect(world.runner.started).toHaveLength(2);
    await vanish();
    expect(world.runner.started).toHaveLength(2);
    expect(await find()).toMatchObject({ status: "queued", attempts: 0, run: 3 });
    await world.advance(10_000);
    await vanish();
    await world.advance(20_000);
    await vanish();
    expect(await find()).toMatchObject({ status: "failed", reason: "the worker vanished 4 times in a row" });
  });

  it("is queued again, without an attempt, when somebody unknown interrupted it", async () => {
    const { world, find } = await running();
    await end(world, { outcome: "interrupted", failure: failure("killed") });
    expect(world.runner.started).toHaveLength(2);
    expect(await find()).toMatchObject({ status: "running", attempts: 1, run: 2 });
  });
});
