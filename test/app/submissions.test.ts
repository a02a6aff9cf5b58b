import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, it } from "vitest";
import { failure } from "../fakes/fake-runner.ts";
import { createWorld } from "../support/world.ts";

const SUBMISSIONS = 300;
/** Far above what one costs, far below what anything takes that is waited for here: it does not end before the test. */
const MEDIAN_MAX_MS = 100;

it("is answered at once, whatever a burst, a stop, a login check, a search, a scan and a committer are at", async () => {
  const world = createWorld();
  world.settings.maxWorkers = 8;
  const coordinator = await world.start();
  for (let index = 0; index < 200; index += 1) world.drop(`s${index % 20}/${index}.md`, `Task ${index}.\n`);
  await world.settle();
  expect(world.runner.started).toHaveLength(8);

  const { promise: never, resolve: release } = Promise.withResolvers<void>();
  world.repository.user.beginMerge(); // The committer waits.
  world.waits.search = never; // So does each prompt,
  world.waits.scan = never; // the look at inbox/,
  world.waits.check = never; // and the check of codex that a missing one asks for.
  world.drop("more/x.md", "Never looked at.\n");
  const [first, second] = world.runner.started;
  if (first === undefined || second === undefined) throw new Error("nothing runs");
  world.runner.end(first);
  world.runner.end(second, { outcome: "failed", failure: failure("codexUnavailable"), lastMessage: "" });
  await nextTurn();
  world.request(world.accepted(5));
  world.clock.advance(6_000);

  const tookMs: number[] = [];
  for (let index = 0; index < SUBMISSIONS; index += 1) {
    const startedMs = performance.now();
    await nextTurn(); // As a request of its own would come.
    const { task, known } = await coordinator.submit(`---\nsessionKey: h${index % 7}\n---\nSent ${index}.\n`);
    tookMs.push(performance.now() - startedMs);
    expect([task.status, known]).toEqual(["queued", false]);
    if (index % 50 === 0) world.clock.advance(1_000);
  }
  const sorted = tookMs.toSorted((a, b) => a - b);
  const median = sorted[SUBMISSIONS / 2] ?? 0;
  console.log(
    `submission: median ${median.toFixed(2)} ms, worst ${(sorted.at(-1) ?? 0).toFixed(1)} ms of ${SUBMISSIONS}`,
  );
  expect(median).toBeLessThan(MEDIAN_MAX_MS);
  expect(world.logged("accepted")).toHaveLength(200 + SUBMISSIONS);
  expect(world.logged("stop")).toHaveLength(1);
  release();
});
