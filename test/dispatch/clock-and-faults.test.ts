import { expect, it } from "vitest";
import { failAt } from "../../src/base/fault-point.ts";
import { failure } from "../fakes/fake-runner.ts";
import { createWorld, type World } from "../support/world.ts";

const SIX_HOURS_MS = 6 * 3_600_000;

async function pass(world: World, seconds: number): Promise<void> {
  for (let n = 0; n < seconds; n += 1) await world.advance(1_000);
}

async function finishOne(world: World): Promise<void> {
  world.drop("docs/x.md", "First.\n");
  await world.settle();
  world.runner.end(world.runner.of("docs"));
  await pass(world, 3);
  expect(world.results()).toHaveLength(1);
}

it("a clock that is set back does not keep a full disk waiting that is mended", async () => {
  const world = createWorld();
  const coordinator = await world.start();
  const mend = failAt("journal", "ENOSPC");
  await expect(coordinator.submit("Hello\n")).rejects.toThrow();
  mend();
  world.clock.set(world.clock.nowMs - SIX_HOURS_MS);
  await coordinator.submit("Hello again\n");
  await pass(world, 60);
  expect(world.runner.started).toHaveLength(1);
  expect(coordinator.health()).toMatchObject({ world: null });
});

it("a clock that is set back does not hide that the branch was moved", async () => {
  const world = createWorld();
  await world.start();
  const before = world.repository.tip;
  await finishOne(world);
  world.clock.set(world.clock.nowMs - SIX_HOURS_MS);
  world.repository.tip = before;
  await pass(world, 60);
  expect(world.results()).toHaveLength(1);
});

it.each<{ name: string; isRestarted: boolean }>([
  { name: "while it waits", isRestarted: false },
  { name: "before the next coordinator begins", isRestarted: true },
])(
  "a clock that is set back $name makes a retry wait at most twice as long, not for hours",
  async ({ isRestarted }) => {
    const world = createWorld();
    await world.start();
    world.drop("docs/x.md", "First.\n");
    await world.settle();
    world.runner.end(world.runner.of("docs"), { outcome: "failed", failure: failure("overloaded") });
    await pass(world, 1);
    if (isRestarted) await world.crash();
    world.clock.set(world.clock.nowMs - SIX_HOURS_MS);
    if (isRestarted) await world.start();
    await pass(world, 3);
    expect(world.runner.started).toHaveLength(2);
  },
);

it("what became of a dependency is asked again where the machine was short of something", async () => {
  const world = createWorld();
  const coordinator = await world.start();
  await finishOne(world);
  await coordinator.submit(`---\nsessionKey: other\ndependsOn: [${world.accepted(0)}]\n---\nSecond.\n`);
  world.repository.unreadable = Object.assign(new Error("too many open files"), { code: "EMFILE" });
  await pass(world, 2);
  world.repository.unreadable = undefined;
  await pass(world, 60);
  expect(world.runner.started).toHaveLength(2);
});
