import { describe, expect, it } from "vitest";
import { openPauseStore, type PauseStore } from "../../src/dispatch/pauses.ts";
import { failure } from "../fakes/fake-runner.ts";
import { createWorld, type World } from "../support/world.ts";

function boxOf(world: World): PauseStore {
  return openPauseStore(world.paths.paused);
}

async function ask(world: World, name: string, frontMatter = ""): Promise<string> {
  world.drop(`${name}.md`, `---\n${frontMatter}\n---\n${name}\n`);
  await world.settle();
  return world.accepted(-1);
}

function started(world: World): readonly string[] {
  return world.runner.started.map(({ request }) => request.prompt.trim());
}

const SINCE = "2026-11-20T14:15:30Z";

describe("a pause of the whole queue", () => {
  it("starts nothing new, accepts what is dropped, and lets what runs go on", async () => {
    const world = createWorld();
    const coordinator = await world.start();
    const running = await ask(world, "a/1");
    boxOf(world).pause(undefined, "a release", world.clock.nowMs);
    await world.advance(1_000);
    const held = await ask(world, "b/2");
    expect(started(world)).toEqual(["a/1"]);
    expect(await coordinator.find(held)).toMatchObject({ status: "queued", hold: `paused since ${SINCE}: a release` });
    expect((await world.queries.find(held)).hold).toBe(`paused since ${SINCE}: a release`);
    expect(coordinator.health()).toMatchObject({ status: "waiting", paused: { queue: { reason: "a release" } } });
    expect((await world.queries.status()).paused.queue).toEqual({
      since: "2026-11-20T14:15:30.000Z",
      reason: "a release",
      takenBy: null,
    });
    world.runner.end(world.runner.of("a"));
    await world.settle();
    expect(await coordinator.find(running)).toMatchObject({ status: "succeeded", committed: true });
    expect(started(world)).toEqual(["a/1"]);
    boxOf(world).resume(undefined);
    await world.advance(1_000);
    expect(started(world)).toEqual(["a/1", "b/2"]);
    expect(world.logged("paused")).toHaveLength(1);
    expect(world.logged("resumed")).toHaveLength(1);
  });

  it("holds over restarts, also one made while nobody served", async () => {
    const world = createWorld();
    boxOf(world).pause(undefined, undefined, world.clock.nowMs);
    await world.start();
    await ask(world, "a/1");
    await world.crash();
    await world.start();
    await world.advance(60_000);
    expect(started(world)).toEqual([]);
    boxOf(world).resume(undefined);
    await world.advance(1_000);
    expect(started(world)).toEqual(["a/1"]);
  });

  it("keeps a failed task from its next attempt until it is over", async () => {
    const world = createWorld();
    await world.start();
    await ask(world, "a/1");
    boxOf(world).pause(undefined, undefined, world.clock.nowMs);
    world.runner.end(world.runner.of("a"), { outcome: "failed", failure: failure("overloaded") });
    await world.advance(1_000);
    await world.advance(600_000);
    expect(started(world)).toEqual(["a/1"]);
    boxOf(world).resume(undefined);
    await world.advance(1_000);
    expect(started(world)).toEqual(["a/1", "a/1"]);
  });

  it("sends nobody to see whether a usage limit is over", async () => {
    const world = createWorld();
    await world.start();
    await ask(world, "a/1");
    world.runner.end(world.runner.of("a"), { outcome: "failed", failure: failure("usageLimit") });
    await world.settle();
    boxOf(world).pause(undefined, undefined, world.clock.nowMs);
    await world.advance(86_400_000);
    expect(started(world)).toEqual(["a/1"]);
    boxOf(world).resume(undefined);
    await world.advance(1_000);
    expect(started(world)).toEqual(["a/1", "a/1"]);
  });

  it("leaves a coordinator idle that has nothing else to do", async () => {
    const world = createWorld();
    boxOf(world).pause(undefined, undefined, world.clock.nowMs);
    const coordinator = await world.start();
    await ask(world, "a/1");
    const idle = coordinator.idle();
    await world.settle();
    expect(await idle).toEqual({ failed: 0, broken: 0, held: 1 });
  });
});

describe("a pause of a session", () => {
  it("holds that one alone", async () => {
    const world = createWorld();
    const coordinator = await world.start();
    boxOf(world).pause("a", "under review", world.clock.nowMs);
    const first = await ask(world, "a/1");
    const second = await ask(world, "a/2");
    await ask(world, "b/3");
    expect(started(world)).toEqual(["b/3"]);
    for (const id of [first, second])
      expect((await coordinator.find(id)).hold).toBe(`session a is paused since ${SINCE}: under review`);
    expect(coordinator.health()).toMatchObject({ status: "ok", paused: { queue: null, sessions: [{ session: "a" }] } });
    boxOf(world).resume("a");
    await world.advance(1_000);
    expect(started(world)).toEqual(["b/3", "a/1"]);
  });
});
