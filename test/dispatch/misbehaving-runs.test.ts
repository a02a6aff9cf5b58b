import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { CoordinatorError } from "../../src/base/errors.ts";
import { failure } from "../fakes/fake-runner.ts";
import { end, running } from "../support/running-task.ts";
import { createWorld } from "../support/world.ts";

/** As `running`, with a second task beside it that must not notice anything. */
async function besideAnother(frontMatter = "") {
  const task = await running(frontMatter);
  task.world.drop("other/y.md", "Beside it.\n");
  await task.world.settle();
  return task;
}

async function expectOtherSucceeds({ world }: Awaited<ReturnType<typeof running>>): Promise<void> {
  world.runner.end(world.runner.of("other"));
  await world.settle();
  expect(world.results().find(({ sessionKey }) => sessionKey === "other")?.status).toBe("succeeded");
}

describe("a fault of ours in the run of one task", () => {
  it("fails that task after its attempts, with the reason, and no other", async () => {
    const task = await besideAnother("maxAttempts: 2");
    const { world } = task;
    world.runner.options.beforeOutcome = ({ request }) => {
      if (request.sessionKey === "docs") throw new RangeError("Maximum call stack size exceeded");
    };
    await end(world);
    expect(await task.find()).toMatchObject({ status: "queued", run: 2, attempts: 1 });
    await world.advance(10_000);
    await end(world);
    expect(await task.find()).toMatchObject({
      ...{ status: "failed", attempts: 2, run: 2 },
      reason: "internal error: Maximum call stack size exceeded",
    });
    expect(world.logged("internal-error")[0]?.reason).toContain("misbehaving-runs.test.ts");
    await expectOtherSucceeds(task);
  });

  it("does the same over a restart: the next coordinator is not ended by it either", async () => {
    const task = await besideAnother("maxAttempts: 1");
    const { world } = task;
    await world.crash();
    world.runner.options.beforeOutcome = ({ request }) => {
      if (request.sessionKey === "docs") throw new TypeError("broken");
    };
    world.runner.end(world.runner.of("docs"));
    await world.start();
    expect(world.results()).toMatchObject([{ id: task.id, status: "failed" }]);
    await expectOtherSucceeds(task);
  });

  it("before its start fails that task after its attempts", async () => {
    const world = createWorld();
    world.settings.maxAttempts = 2;
    Object.defineProperty(world, "added", {
      get() {
        throw new TypeError("notes that cannot be read");
      },
    });
    const coordinator = await world.start();
    world.drop("docs/x.md", "Fix it.\n");
    world.drop("other/y.md", "---\nmemory: false\n---\nBeside it.\n");
    await world.settle();
    await world.advance(20_000);
    expect(await coordinator.find(world.accepted(0))).toMatchObject({
      ...{ status: "failed", attempts: 2, reason: "internal error: notes that cannot be read" },
    });
    world.runner.end(world.runner.of("other"));
    await world.settle();
    expect(world.results().map(({ status }) => status)).toEqual(["failed", "succeeded"]);
  });

  it("in its verification fails that task", async () => {
    const task = await besideAnother("verifyCommand: npm test");
    const { world } = task;
    world.verifier.onStart = () => {
      throw new TypeError("broken");
    };
    await end(world);
    expect(await task.find()).toMatchObject({ status: "failed", reason: "internal error: broken" });
    await expectOtherSucceeds(task);
  });
});

describe("a moment in which the machine cannot do it", () => {
  const full = (): Error => Object.assign(new Error("ENOSPC: no space left on device"), { code: "ENOSPC" });

  it("while a run is taken in is waited for: nothing runs again", async () => {
    const task = await besideAnother();
    const { world } = task;
    let isFull = true;
    world.runner.options.beforeOutcome = () => {
      if (isFull) throw full();
    };
    await end(world);
    expect(await task.find()).toMatchObject({ status: "running" });
    isFull = false;
    await world.advance(30_000);
    expect(await task.find()).toMatchObject({ status: "succeeded", attempts: 1 });
    expect(world.runner.started).toHaveLength(2);
    await expectOtherSucceeds(task);
  });

  it("while a run is prepared is waited for: no attempt is used", async () => {
    const world = createWorld();
    let isFull = true;
    world.runner.options.beforePrepare = () => {
      if (isFull) throw full();
    };
    const coordinator = await world.start();
    world.drop("docs/x.md", "Fix it.\n");
    await world.settle();
    await world.advance(3_000);
    expect(await coordinator.find(world.accepted(0))).toMatchObject({ status: "queued", attempts: 0 });
    isFull = false;
    await world.advance(30_000);
    expect(await coordinator.find(world.accepted(0))).toMatchObject({ status: "running", attempts: 1, run: 1 });
  });
});

describe("an agent that writes without end", () => {
  it("is ended at once, with that as the cause, and costs an attempt", async () => {
    const { world, find } = await running("maxAttempts: 1");
    world.runner.act(world.runner.of("docs"), { kind: "output", bytes: 256 * 1024 * 1024 });
    await world.settle();
    expect(world.runner.of("docs").stops).toEqual([]);
    world.runner.act(world.runner.of("docs"), { kind: "output", bytes: 256 * 1024 * 1024 + 1 });
    await world.settle();
    expect(world.runner.started[0]?.stops).toEqual([0]);
    expect(await find()).toMatchObject({
      status: "failed",
      failure: "printedTooMuch",
      reason: "printed too much",
      attempts: 1,
    });
    expect(world.logged("stop")).toMatchObject([{ cause: "output" }]);
  });
});

describe("a worker slot", () => {
  it("is free when the process of its run has ended, however long it takes to take that in", async () => {
    const { world, find } = await running();
    world.settings.maxWorkers = 1;
    world.drop("other/y.md", "Next.\n");
    await world.settle();
    expect(world.runner.started).toHaveLength(1);
    let takeIn: () => void = () => undefined;
    const isTaken = new Promise<void>((resolve) => {
      takeIn = resolve;
    });
    world.runner.options.beforeOutcome = () => isTaken;
    await end(world);
    expect(world.runner.started).toHaveLength(2);
    expect(await find()).toMatchObject({ status: "running" });
    takeIn();
    await world.settle();
    expect(await find()).toMatchObject({ status: "succeeded" });
  });
});

describe("a run that is being prepared", () => {
  async function preparing(frontMatter = "") {
    const world = createWorld();
    let prepared: () => void = () => undefined;
    const isPrepared = new Promise<void>((resolve) => {
      prepared = resolve;
    });
    world.runner.options.beforePrepare = () => isPrepared;
    const coordinator = await world.start();
    world.drop("docs/x.md", `---\n${frontMatter}\n---\nFix it.\n`);
    await world.settle();
    const id = world.accepted(0);
    return { world, coordinator, id, prepared, find: () => coordinator.find(id) };
  }

  it("takes its slot at once, and is started once", async () => {
    const { world, coordinator, prepared } = await preparing();
    expect(coordinator.health().tasks.running).toBe(1);
    await world.advance(3_000);
    prepared();
    await world.settle();
    expect(world.runner.started).toHaveLength(1);
  });

  it("never starts when its end is asked for meanwhile", async () => {
    const { world, id, prepared, find } = await preparing();
    world.request(id);
    await world.advance(1_000);
    expect(await find()).toMatchObject({ status: "cancelled" });
    prepared();
    await world.settle();
    expect(world.runner.started).toEqual([]);
    expect(world.results()).toMatchObject([{ id, status: "cancelled" }]);
  });

  it("waits for the next coordinator when this one is told to end its runs", async () => {
    const { world, coordinator, prepared } = await preparing();
    const stopped = coordinator.stopRuns();
    await world.settle();
    prepared();
    await stopped;
    expect(world.runner.started).toEqual([]);
    await world.start();
    expect(world.runner.started).toHaveLength(1);
  });

  it("that no process can be made for uses no attempt, and goes on under the next number", async () => {
    const { world, prepared, find } = await preparing();
    world.runner.options.beforeStart = () => {
      world.runner.options.beforeStart = () => undefined;
      throw new CoordinatorError("CODEX", "no process can be made");
    };
    prepared();
    await world.settle();
    expect(await find()).toMatchObject({ status: "running", run: 2, attempts: 1 });
    expect(world.logged("codex-gone")).toMatchObject([{ reason: "no process can be made" }]);
    expect(world.runner.started).toHaveLength(1);
  });
});

describe("what a run changed", () => {
  it("is in its result as it was recorded", async () => {
    const { world } = await running();
    world.changed = [
      { path: "by-patch.ts", change: "modified", by: "patch" },
      { path: "by-user.ts", change: "modified", by: "other" },
    ];
    await end(world);
    expect(world.results()[0]?.result?.changedFiles).toEqual(world.changed);
  });
});

describe("an agent's run that failed", () => {
  it("leaves its slot to the next even where the folder that it worked in is gone", async () => {
    const world = createWorld();
    mkdirSync(join(world.dir, "sub"));
    await world.start();
    world.drop("docs/x.md", "---\nworkdir: sub\nmaxAttempts: 1\n---\nFix it.\n");
    await world.settle();
    await end(world, { outcome: "failed", failure: failure("crashed"), lastMessage: "" });
    expect(world.results()).toMatchObject([{ status: "failed" }]);
  });
});
