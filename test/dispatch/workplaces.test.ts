import { describe, expect, it } from "vitest";
import type { RunningCoordinator } from "../../src/app/start-coordinator.ts";
import { createWorld, type World } from "../support/world.ts";

/** The coordinator of a world, as the interfaces see it. */
const coordinators = new WeakMap<World, RunningCoordinator>();

async function start(world: World): Promise<World> {
  coordinators.set(world, await world.start());
  return world;
}

async function oneWriter(): Promise<World> {
  const world = createWorld();
  Object.assign(world.settings, { sharedWriters: 1, maxWorkers: 8 });
  return start(world);
}

async function ask(world: World, name: string, frontMatter = ""): Promise<string> {
  world.drop(`${name}.md`, `---\n${frontMatter}\n---\n${name}\n`);
  await world.settle();
  return world.accepted(-1);
}

function started(world: World): readonly string[] {
  return world.runner.started.map(({ request }) => request.prompt.trim());
}

async function end(world: World, session: string): Promise<void> {
  world.runner.end(world.runner.of(session), {});
  await world.settle();
}

async function holdOf(world: World, id: string): Promise<string | null | undefined> {
  return (await coordinators.get(world)?.show(id))?.hold;
}

describe("the shared checkout", () => {
  it("has one writer at a time, until its verification has ended; who only reads runs beside it", async () => {
    const world = await oneWriter();
    const one = await ask(world, "a/one", "verifyCommand: npm test");
    const two = await ask(world, "b/two");
    await ask(world, "c/three", "sandbox: read-only");
    expect(started(world)).toEqual(["a/one", "c/three"]);
    expect(await holdOf(world, two)).toBe(`${one} writes to the shared checkout`);
    const setting = { name: "setting", points: 0, why: "all work in the same checkout here (workplace: shared)" };
    const [first, second] = await Promise.all([one, two].map((id) => coordinators.get(world)?.show(id)));
    expect(first?.workplace).toMatchObject({ kind: "shared", terms: [setting] });
    expect(second?.workplace).toBeNull();
    await end(world, "a");
    expect(world.verifier.started).toHaveLength(1);
    expect(started(world)).toEqual(["a/one", "c/three"]);
    world.verifier.end(world.verifier.current());
    await world.settle();
    expect(started(world)).toEqual(["a/one", "c/three", "b/two"]);
  });

  it("keeps its writer over a crash of the coordinator", async () => {
    const world = await oneWriter();
    await ask(world, "a/one");
    await ask(world, "b/two");
    await world.crash();
    await world.start();
    expect(started(world)).toEqual(["a/one"]);
    await end(world, "a");
    expect(started(world)).toEqual(["a/one", "b/two"]);
  });

  it("has as many writers as the settings say, also when they are edited meanwhile", async () => {
    const world = await oneWriter();
    for (const name of ["a/one", "b/two", "c/three"]) await ask(world, name);
    expect(started(world)).toEqual(["a/one"]);
    world.settings.sharedWriters = 2;
    await world.advance(1_000);
    expect(started(world)).toEqual(["a/one", "b/two"]);
  });
});

describe("a task without room for its worktree", () => {
  const FULL = "no room for one more worktree: there are 20 worktrees (worktree.maxCount: 20)";

  it("waits with the reason, while others go on, and goes as soon as a session has ended its work", async () => {
    const world = await oneWriter();
    await ask(world, "a/one");
    world.noRoom = FULL;
    const two = await ask(world, "b/two", "worktree: always");
    const three = await ask(world, "b/three");
    await ask(world, "c/four", "sandbox: read-only");
    expect(started(world)).toEqual(["a/one", "c/four"]);
    expect([await holdOf(world, two), await holdOf(world, three)]).toEqual([FULL, `behind ${two} in session b`]);
    expect((await coordinators.get(world)?.show(two))?.holdRemedy).toMatch(/^it goes when a session .* worktree gc/);
    const tries = (): number => world.log.filter(({ event }) => event === "start-delayed").length;
    expect(tries()).toBe(1);
    await world.advance(10_000);
    expect(tries()).toBe(1);
    await end(world, "c");
    expect(tries()).toBe(2);
    world.noRoom = undefined;
    await end(world, "a");
    expect(started(world)).toEqual(["a/one", "c/four", "b/two"]);
    expect(await holdOf(world, two)).toBeNull();
  });

  it("is looked at again at once where a session has ended its work while room was looked for", async () => {
    const world = await oneWriter();
    await ask(world, "a/one");
    const looked = Promise.withResolvers<string>();
    world.noRoom = looked.promise;
    await ask(world, "b/two", "worktree: always");
    await end(world, "a");
    const idle = coordinators.get(world)?.idle();
    looked.resolve(FULL);
    await world.settle();
    expect(world.logged("start-delayed")).toHaveLength(1);
    world.noRoom = undefined;
    await world.advance(250);
    expect(started(world)).toEqual(["a/one", "b/two"]);
    await end(world, "b");
    expect(await idle).toMatchObject({ held: 0 });
  });

  it("is looked at again after half a minute, can be stopped, and keeps nobody from ending who waits for the end", async () => {
    const world = await oneWriter();
    world.noRoom = FULL;
    const one = await ask(world, "a/one", "worktree: always");
    const two = await ask(world, "b/two", "worktree: always");
    expect(await coordinators.get(world)?.idle()).toMatchObject({ held: 2 });
    await coordinators.get(world)?.stop(two);
    await world.settle();
    world.noRoom = undefined;
    await world.advance(30_000);
    expect(started(world)).toEqual(["a/one"]);
    expect((await coordinators.get(world)?.show(one))?.status).toBe("running");
  });
});

describe("locks", () => {
  it("keep tasks of other sessions waiting for as long as one that has them runs", async () => {
    const world = await start(createWorld());
    await ask(world, "a/one", "locks: [db/]");
    const two = await ask(world, "b/two", "locks: db/migrations");
    expect(started(world)).toEqual(["a/one"]);
    expect(await holdOf(world, two)).toBe("session a keeps db/migrations to itself");
    await end(world, "a");
    expect(started(world)).toEqual(["a/one", "b/two"]);
  });
});
