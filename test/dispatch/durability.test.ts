import { expect, it } from "vitest";
import { openStopRequests } from "../../src/dispatch/stop-requests.ts";
import { createWorld, type World } from "../support/world.ts";

/** Lets nothing that is journaled become durable until the result is called. */
function stopDisk(world: World): () => void {
  const { promise, resolve } = Promise.withResolvers<void>();
  world.waits.sync = promise;
  return () => {
    world.waits.sync = Promise.resolve();
    resolve();
  };
}

it("a submission is answered once it is durable", async () => {
  const world = createWorld();
  const coordinator = await world.start();
  const go = stopDisk(world);
  const answers: string[] = [];
  const text = "---\nid: 20261120-141530-k3f9x2\n---\nHello\n";
  void coordinator.submit(text).then(({ known }) => answers.push(`known: ${known}`));
  await world.settle();
  void coordinator.submit(text).then(({ known }) => answers.push(`known: ${known}`));
  await world.settle();
  expect(answers).toEqual([]);
  go();
  await world.settle();
  expect(answers.sort()).toEqual(["known: false", "known: true"]);
});

it("a drop leaves its claim once it is durable, and an agent begins once its start is", async () => {
  const world = createWorld();
  const coordinator = await world.start();
  const go = stopDisk(world);
  world.drop("docs/x.md", "Fix it.\n");
  await world.advance(1_000);
  await world.advance(1_000);
  expect(world.calls("intake.release")).toBe(0);
  expect(coordinator.health().tasks).toMatchObject({ running: 1 });
  expect(world.runner.started).toEqual([]);
  go();
  await world.settle();
  expect(world.calls("intake.release")).toBe(1);
  expect(world.runner.started).toHaveLength(1);
});

it("a task that is stopped while its start becomes durable has a run that is stopped", async () => {
  const world = createWorld();
  await world.start();
  const go = stopDisk(world);
  world.drop("docs/x.md", "Fix it.\n");
  await world.settle();
  world.request(world.accepted(0));
  await world.advance(1_000);
  expect(world.logged("stop")).toHaveLength(1);
  go();
  await world.advance(1_000);
  for (let seconds = 0; seconds < 5; seconds += 1) await world.advance(1_000);
  expect(world.results()).toMatchObject([{ status: "cancelled" }]);
});

it("a verify command begins once the end of the turn is durable", async () => {
  const world = createWorld();
  await world.start();
  world.drop("docs/x.md", "---\nverifyCommand: npm test\n---\nFix it.\n");
  await world.settle();
  const go = stopDisk(world);
  world.runner.end(world.runner.of("docs"));
  await world.advance(1_000);
  expect(world.verifier.started).toEqual([]);
  go();
  await world.settle();
  expect(world.verifier.started).toHaveLength(1);
});

it("a result is committed once it is durable, and a stop request is taken away once the stop is", async () => {
  const world = createWorld();
  await world.start();
  world.drop("docs/x.md", "Fix it.\n");
  world.drop("other/y.md", "Fix that.\n");
  await world.settle();
  const go = stopDisk(world);
  world.runner.end(world.runner.of("docs"));
  const other = world.accepted(1);
  world.request(other);
  await world.advance(1_000);
  await world.advance(1_000);
  expect(world.results()).toEqual([]);
  expect(world.logged("stop")).toHaveLength(1);
  expect(openStopRequests(world.paths.stopRequests).pending()).toEqual([other]);
  go();
  await world.advance(1_000);
  expect(world.results()).not.toEqual([]);
  expect(openStopRequests(world.paths.stopRequests).pending()).toEqual([]);
});
