import { expect, it } from "vitest";
import type { RunningCoordinator } from "../../src/app/start-coordinator.ts";
import { THREAD } from "../fakes/fake-runner.ts";
import { createWorld, type World } from "../support/world.ts";

/** Two sessions whose thread is the same one: "two" was told to go on in that of "one". */
async function withSharedThread(): Promise<{ readonly world: World; readonly coordinator: RunningCoordinator }> {
  const world = createWorld();
  const coordinator = await world.start();
  world.runner.options.onStart = (run) => world.runner.end(run);
  world.drop("one/first.md", "First.\n");
  await world.settle();
  world.drop("two/adopts.md", `---\nresume: ${THREAD}\n---\nAdopts.\n`);
  await world.settle();
  expect(world.results().map(({ status }) => status)).toEqual(["succeeded", "succeeded"]);
  world.runner.options.onStart = () => undefined;
  return { world, coordinator };
}

const threads = (world: World): readonly unknown[] =>
  world.runner.started.filter(({ probe }) => probe === "alive").map(({ request }) => request.resumeThread);

it("one thread has one writer, also where two sessions have come to the same one and no task names it", async () => {
  const { world, coordinator } = await withSharedThread();
  world.settings.maxWorkers = 4;
  world.drop("one/second.md", "Second.\n");
  world.drop("two/second.md", "Second.\n");
  world.drop("three/other.md", "Other.\n");
  await world.advance(1_000);
  expect(threads(world).filter((thread) => thread === THREAD)).toHaveLength(1);
  expect(threads(world)).toHaveLength(2); // Who waits for the thread keeps no other task from its worker.
  const [writer] = world.runner.started.filter(
    ({ probe, request }) => probe === "alive" && request.resumeThread === THREAD,
  );
  if (writer === undefined) throw new Error("nothing has started");
  await world.advance(1_000);
  const { tasks } = await coordinator.list({ finished: 0 });
  expect(tasks.filter(({ status }) => status === "queued")).toMatchObject([
    { hold: `thread ${THREAD} is in use by ${writer.request.taskId}` },
  ]);
  const tried = world.calls("sessions.read");
  for (let second = 0; second < 10; second += 1) await world.advance(1_000);
  expect(world.calls("sessions.read")).toBe(tried); // It is not tried again and again: the end of the writer is what it waits for.
  world.runner.end(writer);
  await world.advance(1_000);
  expect(threads(world).filter((thread) => thread === THREAD)).toHaveLength(1);
});
