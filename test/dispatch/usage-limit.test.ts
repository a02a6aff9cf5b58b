import { existsSync } from "node:fs";
import { expect, it } from "vitest";
import { failure } from "../fakes/fake-runner.ts";
import { AN_ITEM } from "../support/an-item.ts";
import { createWorld, type World } from "../support/world.ts";

const HOUR_MS = 3_600_000;
/** Ten tasks in four sessions. */
const TASKS = ["a/1", "a/2", "a/3", "b/1", "b/2", "b/3", "c/1", "c/2", "d/1", "d/2"];

function worldWith(tasks: readonly string[]): World {
  const world = createWorld();
  world.settings.maxWorkers = 4;
  for (const task of tasks) world.drop(`${task}.md`, `${task}\n`);
  return world;
}

function running(world: World): readonly string[] {
  return world.runner.started.filter(({ probe }) => probe === "alive").map(({ request }) => request.prompt.trim());
}

function newest({ runner }: World) {
  const run = runner.started.at(-1);
  if (run === undefined) throw new Error("nothing has run");
  return run;
}

function limited(untilMs: number) {
  return { outcome: "failed", failure: failure("usageLimit", untilMs), lastMessage: "" } as const;
}

it("a usage limit parks every session, over a restart, and each task then goes on once", async () => {
  const world = worldWith(TASKS);
  const { runner, clock } = world;
  const resetMs = clock.nowMs + 2 * HOUR_MS;
  await world.start();
  expect(running(world)).toEqual(["a/1", "b/1", "c/1", "d/1"]);

  runner.end(runner.of("b"), limited(resetMs));
  await world.settle();
  runner.end(runner.of("a"));
  runner.end(runner.of("c"), limited(resetMs));
  await world.settle();
  expect(running(world)).toEqual(["d/1"]); // It was under way, and goes on.
  await world.crash();
  runner.end(runner.of("d"));
  const restarted = await world.start();
  await world.advance(HOUR_MS);
  expect(running(world)).toEqual([]);
  expect(restarted.health()).toMatchObject({
    status: "waiting",
    codex: { reason: "usage limit reached", until: new Date(resetMs).toISOString() },
  });
  const { tasks: open } = await world.queries.list({ finished: 0 });
  expect(open.map(({ status }) => status)).toEqual(Array.from({ length: 8 }, () => "queued"));
  const hold = `usage limit reached, until ${new Date(resetMs).toISOString().replace(".000Z", "Z")}`;
  const heads = open.filter((task) => !task.hold?.startsWith("behind "));
  expect(heads.map((task) => task.hold)).toEqual([hold, hold, hold, hold]);
  expect((await world.queries.status()).codex).toMatchObject({ reason: "usage limit reached" });

  await world.advance(HOUR_MS - 1);
  expect(running(world)).toEqual([]);
  await world.advance(1);
  expect(running(world)).toHaveLength(1); // One goes first.
  await world.advance(10_000);
  expect(running(world)).toHaveLength(1);
  runner.act(newest(world), {
    ...{ ...AN_ITEM, phase: "completed", id: "item_0", paths: [], atMs: world.clock.nowMs, isOld: false },
    body: { kind: "assistant", text: "Hello." },
  });
  await world.advance(1_000);
  expect(running(world)).toHaveLength(4);
  expect(existsSync(world.paths.codexHold)).toBe(false);
  expect(restarted.health().codex).toBe(null);

  runner.options.onStart = (run) => runner.end(run);
  for (const run of runner.started) if (run.probe === "alive") runner.end(run);
  for (let turn = 0; turn < 4; turn += 1) await world.advance(1_000);
  const results = world.results();
  expect(results.map(({ prompt }) => prompt.trim()).sort()).toEqual(TASKS);
  for (const { status, frontMatter } of results) expect([status, frontMatter.attempts]).toEqual(["succeeded", 1]);
  const runs = runner.started.map(({ request }) => request.prompt.trim()).sort();
  expect(runs).toEqual([...TASKS, "b/1", "c/1"].sort());
});

it("one that meets the limit again parks all again, and later each time", async () => {
  const world = worldWith(["a/1", "b/1"]);
  const { runner, clock } = world;
  await world.start();
  const first = clock.nowMs + HOUR_MS;
  for (const key of ["a", "b"]) runner.end(runner.of(key), limited(first));
  await world.settle();
  await world.advance(HOUR_MS);
  expect(running(world)).toHaveLength(1);
  // Codex names the same minute again: it is tried again soon, but not at once.
  runner.end(newest(world), limited(first));
  await world.settle();
  expect(running(world)).toEqual([]);
  await world.advance(7_499);
  expect(running(world)).toEqual([]);
  await world.advance(1);
  expect(running(world)).toHaveLength(1);
});

it("a wrong login holds all tasks until something is changed, and one goes first", async () => {
  const world = worldWith(["a/1", "b/1", "c/1"]);
  const { runner } = world;
  await world.start();
  for (const key of ["a", "b", "c"])
    runner.end(runner.of(key), { outcome: "failed", failure: failure("notLoggedIn"), lastMessage: "" });
  await world.settle();
  expect(running(world)).toEqual([]);
  world.settings.retryBaseMs = 60_000;
  runner.options.onStart = (run) => {
    if (world.problems.stamp === "") runner.end(run, { outcome: "failed", failure: failure("notLoggedIn") });
  };
  await world.advance(4_000);
  expect(running(world)).toEqual([]);
  await world.advance(4_000);
  expect(running(world)).toEqual([]);
  world.problems.stamp = "logged in";
  await world.advance(4_000);
  expect(running(world)).toHaveLength(1);
  runner.end(newest(world));
  await world.settle();
  expect(running(world)).toHaveLength(2); // Whoever met it waits for nothing of its own.
});

it("a changed login ends a usage limit at once, also for the task that met it", async () => {
  const world = worldWith(["a/1"]);
  const { runner, clock } = world;
  await world.start();
  runner.end(runner.of("a"), limited(clock.nowMs + 48 * HOUR_MS));
  await world.settle();
  await world.advance(HOUR_MS);
  expect(running(world)).toEqual([]);
  world.problems.stamp = "another account";
  await world.advance(5_000);
  expect(running(world)).toEqual(["a/1"]);
});

it("a trial that is lost with its coordinator is made again", async () => {
  const world = worldWith(["a/1"]);
  const { runner, clock } = world;
  await world.start();
  runner.end(runner.of("a"), limited(clock.nowMs + HOUR_MS));
  await world.settle();
  await world.advance(HOUR_MS);
  const trial = newest(world);
  await world.crash();
  runner.vanish(trial);
  await world.start();
  await world.advance(60_000);
  expect(running(world)).toEqual(["a/1"]);
  expect(newest(world).request.run).toBe(3);
});

it("a hold whose time has come is told no more, where no task is left to try", async () => {
  const world = worldWith(["a/1"]);
  const { runner, clock } = world;
  const coordinator = await world.start();
  const untilMs = clock.nowMs + HOUR_MS;
  runner.end(runner.of("a"), limited(untilMs));
  await world.settle();
  world.request(world.accepted(0));
  await world.advance(1_000);
  expect(world.results()).toMatchObject([{ status: "cancelled" }]);
  expect(coordinator.health().codex).toMatchObject({ until: new Date(untilMs).toISOString() });
  expect((await world.queries.status()).codex).not.toBe(null);
  await world.advance(untilMs - clock.nowMs);
  expect(coordinator.health()).toMatchObject({ status: "ok", codex: null });
  expect((await world.queries.status()).codex).toBe(null);
});
