import { expect, it } from "vitest";
import { CoordinatorError } from "../../src/base/errors.ts";
import { failAt } from "../../src/base/fault-point.ts";
import { createWorld, type World } from "../support/world.ts";

const emfile = (): Error => Object.assign(new Error("EMFILE: too many open files"), { code: "EMFILE" });

/** Returns a call that throws what `error` makes, the first `times` times. */
function failing(times: number, error: () => Error): () => void {
  let left = times;
  return () => {
    left -= 1;
    if (left >= 0) throw error();
  };
}

async function pass(world: World, seconds: number): Promise<void> {
  for (let n = 0; n < seconds; n += 1) await world.advance(1_000);
}

async function begin(text = "First.\n"): Promise<World> {
  const world = createWorld();
  await world.start();
  world.drop("docs/x.md", text);
  return world;
}

it("a run that was begun although that could not be seen at once is watched, and taken in", async () => {
  const world = await begin();
  world.runner.options.onStart = failing(1, emfile);
  await pass(world, 30);
  world.runner.end(world.runner.of("docs"));
  await pass(world, 5);
  expect(world.results().map(({ status }) => status)).toEqual(["succeeded"]);
  expect(world.runner.started).toHaveLength(1);
});

it("a run that was journaled and could not be begun for want of a resource is tried again", async () => {
  const world = await begin();
  world.runner.options.beforeStart = failing(1, emfile);
  await pass(world, 30);
  world.runner.end(world.runner.of("docs"));
  await pass(world, 5);
  expect(world.results().map(({ status }) => status)).toEqual(["succeeded"]);
});

it("a run that could not be begun is tried again once the journal can be written that says so", async () => {
  const world = await begin();
  let mend: () => void = () => undefined;
  world.runner.options.beforeStart = () => {
    world.runner.options.beforeStart = () => undefined;
    mend = failAt("journal", "ENOSPC");
    throw emfile();
  };
  await pass(world, 30);
  expect(world.runner.started).toHaveLength(0);
  mend();
  await pass(world, 60);
  world.runner.end(world.runner.of("docs"));
  await pass(world, 5);
  expect(world.results().map(({ status }) => status)).toEqual(["succeeded"]);
});

it("an adoption that fails for want of a resource is tried again, and nothing begins beside the run", async () => {
  const world = await begin();
  await world.settle();
  const [first] = world.runner.started;
  await world.crash();
  const { adopt } = world.runner;
  const fail = failing(3, emfile);
  world.runner.adopt = async (lease) => {
    fail();
    return adopt(lease);
  };
  await world.start();
  await pass(world, 60);
  expect([first?.probe, world.runner.started.length]).toEqual(["alive", 1]);
  world.runner.end(world.runner.of("docs"));
  await pass(world, 5);
  expect(world.results().map(({ status }) => status)).toEqual(["succeeded"]);
});

it("an adoption that fails for a fault of ours ends the run before another begins", async () => {
  const world = await begin();
  await world.settle();
  await world.crash();
  const { adopt } = world.runner;
  const fail = failing(1, () => new TypeError("broken"));
  world.runner.adopt = async (lease) => {
    fail();
    return adopt(lease);
  };
  await world.start();
  await pass(world, 120);
  expect(world.runner.started.map(({ probe }) => probe)).toEqual(["ended", "alive"]);
});

it("a verify command for which no process can be made is tried again, ever later, and its task does not fail", async () => {
  const world = await begin("---\nverifyCommand: npm test\n---\nFirst.\n");
  const { start } = world.verifier;
  const fail = failing(6, () => new CoordinatorError("CODEX", "cannot start a worker"));
  world.verifier.start = (request, isWanted) =>
    start(request, async () => {
      const wanted = await isWanted();
      if (wanted) fail();
      return wanted;
    });
  await world.settle();
  world.runner.end(world.runner.of("docs"));
  await pass(world, 90);
  expect(world.logged("start-delayed")).toHaveLength(6);
  world.verifier.end(world.verifier.current());
  await pass(world, 5);
  expect(world.results().map(({ status }) => status)).toEqual(["succeeded"]);
});

it("a stop of all runs while the journal cannot be written reaches every one of them when it can", async () => {
  const world = createWorld();
  const coordinator = await world.start();
  world.drop("docs/x.md", "First.\n");
  world.drop("code/x.md", "First.\n");
  await world.settle();
  const mend = failAt("journal", "ENOSPC");
  const stopped = coordinator.stopRuns();
  await pass(world, 5);
  expect(world.runner.started.map(({ probe }) => probe)).toEqual(["alive", "alive"]);
  mend();
  await pass(world, 60);
  await stopped;
  expect(world.runner.started.map(({ probe }) => probe)).toEqual(["ended", "ended"]);
});

it("a stop takes effect at once while a start that was journaled waits to be tried again", async () => {
  const world = await begin();
  world.runner.options.beforeStart = failing(100, emfile);
  await world.settle();
  expect(world.logged("start-delayed")).toHaveLength(1);
  world.request(world.accepted(0));
  await world.hint();
  expect(world.results().map(({ status }) => status)).toEqual(["cancelled"]);
});

it("a stop takes effect at once while a verify command waits to be tried again", async () => {
  const world = await begin("---\nverifyCommand: npm test\n---\nFirst.\n");
  world.verifier.start = async () => {
    throw new CoordinatorError("CODEX", "cannot start a worker");
  };
  await world.settle();
  world.runner.end(world.runner.of("docs"));
  await pass(world, 20); // It is tried again after 1, 2, 4, 8 and 16 s: the next time is more than ten seconds away.
  expect(world.logged("start-delayed")).toHaveLength(5);
  world.request(world.accepted(0));
  await world.hint();
  expect(world.results().map(({ status }) => status)).toEqual(["cancelled"]);
});

it("a verify command for which no process can ever be made fails its task after some tries, and says why", async () => {
  const world = await begin("---\nverifyCommand: npm test\n---\nFirst.\n");
  const { start } = world.verifier;
  const tooLong = Object.assign(new Error("spawn E2BIG"), { code: "E2BIG" });
  world.verifier.start = (request, isWanted) =>
    start(request, async () => {
      if (await isWanted()) throw new CoordinatorError("CODEX", "cannot start a worker", { cause: tooLong });
      return false;
    });
  await world.settle();
  world.runner.end(world.runner.of("docs"));
  await pass(world, 600);
  expect(world.logged("start-delayed")).toHaveLength(19);
  expect(world.results()).toMatchObject([{ status: "failed", frontMatter: { failure: "verifyUnavailable" } }]);
  expect(world.results()[0]?.frontMatter.reason).toContain("20 times in a row: cannot start a worker: spawn E2BIG");
});

it("a verify command is waited for without an end while the system has no more processes", async () => {
  const world = await begin("---\nverifyCommand: npm test\n---\nFirst.\n");
  const none = Object.assign(new Error("spawn EAGAIN"), { code: "EAGAIN" });
  world.verifier.start = async () => {
    throw new CoordinatorError("CODEX", "cannot start a worker", { cause: none });
  };
  await world.settle();
  world.runner.end(world.runner.of("docs"));
  await pass(world, 900);
  expect(world.logged("start-delayed").length).toBeGreaterThan(25);
  expect(world.results()).toEqual([]);
});
