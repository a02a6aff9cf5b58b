import { expect, it, onTestFinished } from "vitest";
import { type FaultSite, failAt } from "../../src/base/fault-point.ts";
import { failure } from "../fakes/fake-runner.ts";
import { createWorld } from "../support/world.ts";

function broken(site: FaultSite, code: string): () => void {
  const mend = failAt(site, code);
  onTestFinished(() => void mend());
  return mend;
}

it.each(["ENOSPC", "EROFS", "EMFILE", "EIO", "EDQUOT"])(
  "while the journal cannot be written (%s) nothing is accepted or lost, it is said, and it goes on by itself",
  async (code) => {
    const world = createWorld();
    const coordinator = await world.start();
    let ended = false;
    coordinator.ended.then(
      () => {
        ended = true;
      },
      () => {
        ended = true;
      },
    );
    const mend = broken("journal", code);
    world.drop("docs/x.md", "Dropped meanwhile.\n");
    await world.advance(1_000);
    await expect(coordinator.submit("Sent meanwhile.\n")).rejects.toMatchObject({ code: "TRY_AGAIN" });
    for (let round = 0; round < 10; round += 1) await world.advance(1_000);
    expect(coordinator.health()).toMatchObject({ status: "waiting", world: { reason: expect.stringContaining(code) } });
    expect(world.logged("accepted")).toEqual([]);
    expect(world.runner.started).toEqual([]);
    mend();
    for (let round = 0; round < 20; round += 1) await world.advance(1_000);
    expect(coordinator.health()).toMatchObject({ status: "ok", world: null });
    expect(world.logged("accepted")).toHaveLength(1);
    expect(world.runner.started).toHaveLength(1);
    expect(ended).toBe(false);
    expect(world.logged("world-ok")).not.toEqual([]);
    await coordinator.submit("Sent again.\n");
    expect(world.logged("accepted")).toHaveLength(2);
  },
);

it("a task that can never run, and a stop, wait for the journal and come to pass", async () => {
  const world = createWorld();
  const coordinator = await world.start();
  world.drop("docs/x.md", "Fix it.\n");
  await world.settle();
  const mend = broken("journal", "ENOSPC");
  world.request(world.accepted(0));
  for (let round = 0; round < 5; round += 1) await world.advance(1_000);
  expect(coordinator.health().world).toMatchObject({ reason: expect.stringContaining("the disk is full") });
  expect(world.logged("stop")).toEqual([]);
  mend();
  for (let round = 0; round < 15; round += 1) await world.advance(1_000);
  expect(world.logged("stop")).toHaveLength(1);
  expect(coordinator.health().world).toBeNull();
});

it("resume --now lets one task try at once what holds all", async () => {
  const world = createWorld();
  const coordinator = await world.start();
  world.drop("a/x.md", "Fix it.\n");
  await world.settle();
  const untilMs = world.clock.nowMs + 3_600_000;
  world.runner.end(world.runner.of("a"), {
    outcome: "failed",
    failure: failure("usageLimit", untilMs),
    lastMessage: "",
  });
  await world.settle();
  expect(await coordinator.resume(undefined)).toMatchObject({
    changed: false,
    held: { reason: "usage limit reached", until: new Date(untilMs).toISOString() },
  });
  await world.advance(5_000);
  expect(world.runner.started).toHaveLength(1);
  await coordinator.resume(undefined, true);
  await world.settle();
  expect(world.runner.started).toHaveLength(2);
  expect(coordinator.health().codex).toMatchObject({
    reason: expect.stringMatching(/^usage limit reached; .* tries whether that is over$/),
    until: null,
  });
});

it("an inbox that cannot be read is told in health until it can be, and what was dropped is taken then", async () => {
  const world = createWorld();
  const coordinator = await world.start();
  world.waits.scan = Promise.reject(
    Object.assign(new Error("EACCES: permission denied, open 'inbox'"), { code: "EACCES" }),
  );
  world.waits.scan.catch(() => undefined);
  world.drop("docs/x.md", "Fix it.\n");
  for (let round = 0; round < 5; round += 1) await world.advance(1_000);
  expect(coordinator.health()).toMatchObject({
    status: "waiting",
    world: { reason: expect.stringContaining("cannot look at the branch and inbox/ (EACCES: permission denied") },
  });
  world.waits.scan = Promise.resolve();
  for (let round = 0; round < 15; round += 1) await world.advance(1_000);
  expect(coordinator.health()).toMatchObject({ status: "ok", world: null });
  expect(world.logged("accepted")).toHaveLength(1);
});
