import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { failure } from "../fakes/fake-runner.ts";
import { end, running } from "../support/running-task.ts";

describe("a stop", () => {
  it("ends a running task: it is stopping until the run has ended, then cancelled", async () => {
    const { world, id, find } = await running();
    world.runner.options.onStop = () => undefined;
    world.request(id);
    await world.advance(1_000);
    expect(await find()).toMatchObject({ status: "stopping" });
    expect(world.runner.of("docs").stops).toEqual([10_000]);
    await world.advance(5_000);
    expect(world.runner.of("docs").stops).toEqual([10_000]);
    await end(world, { outcome: "interrupted", lastMessage: "", failure: failure("killed") });
    expect(await find()).toMatchObject({ status: "cancelled", reason: "stopped by the user" });
    expect(world.subjects()[0]).toBe("docs: cancelled: Fix it.");
  });

  it("cancels a queued task at once, and leaves the others of its session their turn", async () => {
    const { world, id } = await running();
    world.drop("docs/y.md", "Second.\n");
    world.drop("docs/z.md", "Third.\n");
    await world.settle();
    world.request(world.accepted(1));
    await world.advance(1_000);
    expect(world.results()).toMatchObject([{ id: world.accepted(1), status: "cancelled", prompt: "Second.\n" }]);
    await end(world);
    expect(world.runner.of("docs").request.prompt).toBe("Third.\n");
    expect(world.results().find((file) => file.id === id)?.status).toBe("succeeded");
  });

  it("comes too late for a run that had succeeded before it took effect", async () => {
    const { world, id, find } = await running();
    world.runner.options.onStop = (run) => world.runner.end(run, { lastMessage: "Done already." });
    world.request(id);
    await world.advance(1_000);
    expect(await find()).toMatchObject({ status: "succeeded", result: "Done already." });
  });

  it("is asked for again when it could not be carried out", async () => {
    const { world, id, find } = await running();
    world.runner.options.onStop = () => {
      throw new Error("a process does not end");
    };
    world.request(id);
    await world.advance(1_000);
    expect(world.logged("stop-failed")).not.toEqual([]);
    world.runner.options.onStop = (run) => world.runner.end(run, { outcome: "interrupted", lastMessage: "" });
    await world.advance(1_000);
    expect(await find()).toMatchObject({ status: "cancelled" });
  });

  it("of a task that is not open is noted and forgotten", async () => {
    const { world, id } = await running();
    await end(world);
    world.request(id);
    await world.advance(1_000);
    await world.advance(1_000);
    expect(world.logged("stop-ignored")).toMatchObject([{ task: id, reason: "it is not open" }]);
  });

  it("that was wished for while nobody served is carried out by the next coordinator", async () => {
    const { world, id } = await running();
    await world.crash();
    world.request(id);
    await world.start();
    await world.advance(1_000);
    expect(world.results()).toMatchObject([{ id, status: "cancelled" }]);
  });

  it("is carried out so also where its verify command was ended for it before the next start", async () => {
    const { world, id } = await running("verifyCommand: npm test\nmaxVerifyAttempts: 1");
    await end(world);
    const verification = world.verifier.current();
    await world.crash();
    world.request(id);
    world.verifier.end(verification, { exitCode: 143, signal: "SIGTERM" });
    world.waits.reap = turns(20); // The outcome is there before the first tick.
    await world.start();
    await world.advance(1_000);
    expect(world.results()).toMatchObject([{ id, status: "cancelled", result: { reason: "stopped by the user" } }]);
    expect(world.logged("stop")).toHaveLength(1);
    await world.advance(1_000);
    expect(world.logged("stop-ignored")).toEqual([]);
  });
});

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await nextTurn();
}

describe("a time limit", () => {
  it("ends a run that takes longer than its task allows, which counts as a failed attempt", async () => {
    const { world, find } = await running("timeoutMs: 60000");
    await world.advance(59_000);
    expect(world.runner.of("docs").stops).toEqual([]);
    await world.advance(1_000);
    expect(await find()).toMatchObject({ status: "queued", attempts: 1, run: 2 });
    await world.advance(10_000);
    await world.advance(60_000);
    await world.advance(20_000);
    await world.advance(60_000);
    expect(await find()).toMatchObject({
      status: "failed",
      reason: "timed out: the run took longer than 1 min (timeoutMs of the task)",
      attempts: 3,
    });
  });

  it("is counted from the start of the run, over a restart", async () => {
    const { world, id } = await running("timeoutMs: 60000\nmaxAttempts: 1");
    await world.advance(30_000);
    await world.crash();
    await world.start();
    await world.advance(29_000);
    expect(world.runner.of("docs").stops).toEqual([]);
    await world.advance(1_000);
    await world.advance(1_000);
    expect(world.results()).toMatchObject([
      { id, status: "failed", result: { reason: "timed out: the run took longer than 1 min (timeoutMs of the task)" } },
    ]);
  });

  it("stays the cause when the user stops the task after it: it is only not tried again", async () => {
    const { world, id, find } = await running("timeoutMs: 60000");
    world.runner.options.onStop = () => undefined;
    await world.advance(60_000);
    world.request(id);
    await world.advance(1_000);
    await end(world, { outcome: "interrupted", lastMessage: "" });
    expect(await find()).toMatchObject({
      status: "failed",
      reason: "timed out: the run took longer than 1 min (timeoutMs of the task)",
      attempts: 1,
    });
  });

  it("does not change the cause of a stop by the user", async () => {
    const { world, id, find } = await running("timeoutMs: 60000");
    world.runner.options.onStop = () => undefined;
    world.request(id);
    await world.advance(1_000);
    await world.advance(100_000);
    await end(world, { outcome: "interrupted", lastMessage: "" });
    expect(await find()).toMatchObject({ status: "cancelled", reason: "stopped by the user" });
  });
});
