import { expect, it } from "vitest";
import { createWorld, type World } from "../support/world.ts";

const MINUTE_MS = 60_000;

/** A world with one task that runs. */
async function worldWith(frontMatter: string): Promise<World> {
  const world = createWorld();
  world.settings.maxAttempts = 1;
  world.drop("docs/one.md", `---\n${frontMatter}\n---\nOne.\n`);
  await world.start();
  return world;
}

it("a run without an event for so long is ended as stalled", async () => {
  const world = await worldWith("timeoutMs: 7200000");
  await world.advance(30 * MINUTE_MS - 1);
  expect(world.runner.of("docs").stops).toEqual([]);
  await world.advance(1);
  await world.advance(1_000);
  const [task] = world.results();
  const reason = "stalled: no event for 30 min, and no command under way (stallTimeoutMs in codex-inbox.json)";
  expect(task?.frontMatter).toMatchObject({ status: "failed", failure: "stalled", reason, attempts: 1 });
  expect(world.logged("stop")).toMatchObject([{ cause: "stall" }]);
});

it("every event gives it more time, and a task may set its own", async () => {
  const world = await worldWith("stallTimeoutMs: 60000\ntimeoutMs: 7200000");
  const run = world.runner.of("docs");
  await world.advance(50_000);
  world.runner.act(run, { kind: "notice", atMs: world.clock.nowMs, isOld: false });
  await world.settle();
  await world.advance(50_000);
  expect(run.stops).toEqual([]);
  await world.advance(10_000);
  expect(world.logged("stop")).toMatchObject([{ cause: "stall" }]);
});

it.each([
  { name: "the wall clock", frontMatter: "timeoutMs: 60000\nstallTimeoutMs: 61000", cause: "timeout" },
  { name: "the silence", frontMatter: "timeoutMs: 61000\nstallTimeoutMs: 60000", cause: "stall" },
])("what was over first is the cause, also where nobody looked for long: $name", async ({ frontMatter, cause }) => {
  const world = await worldWith(frontMatter);
  world.runner.options.onStop = () => undefined;
  await world.advance(10 * MINUTE_MS);
  await world.advance(MINUTE_MS);
  expect(world.logged("stop")).toMatchObject([{ cause }]);
});
