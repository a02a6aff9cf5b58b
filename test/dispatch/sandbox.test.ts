import { describe, expect, it } from "vitest";
import { DEFAULT_RIGHTS } from "../../src/task/rights/rights.ts";
import { failure } from "../fakes/fake-runner.ts";
import { end } from "../support/running-task.ts";
import { createWorld, type World } from "../support/world.ts";

const BROKEN = "codex's sandbox does not work (bwrap: no): allow user namespaces";
const FULL = "---\nsandbox: danger-full-access\n---\n";

async function brokenWorld(): Promise<World> {
  const world = createWorld();
  world.problems.sandbox = BROKEN;
  world.settings.run = { ...world.settings.run, rights: { ...DEFAULT_RIGHTS, sandbox: "danger-full-access" } };
  return world;
}

async function accept(world: World, name: string, text: string): Promise<string> {
  world.drop(name, text);
  await world.hint();
  return world.accepted(-1);
}

describe("a sandbox that does not work", () => {
  it("is said at the start; tasks that need it wait with the reason, and the others do not", async () => {
    const world = await brokenWorld();
    const coordinator = await world.start();
    expect(world.logged("sandbox-broken")).toMatchObject([{ reason: BROKEN }]);
    expect(coordinator.health()).toMatchObject({ status: "waiting", sandbox: { reason: BROKEN } });
    const waiting = await accept(world, "a/1.md", "First.\n");
    const full = await accept(world, "b/2.md", `${FULL}Second.\n`);
    expect(await coordinator.find(waiting)).toMatchObject({ status: "queued", hold: BROKEN, attempts: 0 });
    expect(await coordinator.find(full)).toMatchObject({ status: "running" });
    await world.advance(3_600_000);
    expect(world.runner.started).toHaveLength(1);
  });

  it("is tried again by itself, and at once where codex or the kernel's settings have changed", async () => {
    const world = await brokenWorld();
    const coordinator = await world.start();
    const id = await accept(world, "a/1.md", "First.\n");
    world.problems.sandbox = undefined;
    await world.advance(4_000);
    expect(await coordinator.find(id)).toMatchObject({ hold: BROKEN });
    world.problems.sandboxStamp = "another codex";
    await world.advance(5_000);
    expect(await coordinator.find(id)).toMatchObject({ status: "running" });
    expect(world.logged("sandbox-back")).toHaveLength(1);
    expect(coordinator.health()).toMatchObject({ status: "ok", sandbox: null });

    world.problems.sandbox = BROKEN;
    world.problems.sandboxStamp = "yet another";
    await world.advance(5_000);
    const second = await accept(world, "b/2.md", "Second.\n");
    expect(await coordinator.find(second)).toMatchObject({ hold: BROKEN });
    world.problems.sandbox = undefined;
    await world.advance(30_000);
    expect(await coordinator.find(second)).toMatchObject({ status: "running" });
  });

  it("holds the others once a run has met it, at no attempt, and not for ever where trying it finds nothing", async () => {
    const world = createWorld();
    const coordinator = await world.start();
    world.runner.options.onStart = (run) =>
      world.runner.end(run, { outcome: "failed", failure: failure("sandboxUnavailable") });
    world.problems.sandbox = BROKEN;
    const id = await accept(world, "a/1.md", "First.\n");
    expect(await coordinator.find(id)).toMatchObject({ status: "queued", hold: BROKEN, attempts: 0 });
    expect(world.runner.started).toHaveLength(1);
    world.problems.sandbox = undefined;
    for (let n = 0; n < 20; n += 1) await world.advance(30_000);
    expect(await coordinator.find(id)).toMatchObject({
      status: "failed",
      reason: "codex's sandbox does not work 4 times in a row",
    });
  });

  it("holds a verification until it works; the agent is not asked again", async () => {
    const world = createWorld();
    const coordinator = await world.start();
    const id = await accept(world, "docs/1.md", "---\nverifyCommand: npm test\n---\nFirst.\n");
    await end(world);
    world.problems.sandbox = BROKEN;
    const said = "bwrap: Creating new namespace failed";
    world.verifier.end(world.verifier.current(), { sandbox: "workspace-write", begun: false, exitCode: 1, said });
    await world.settle();
    expect(await coordinator.find(id)).toMatchObject({ status: "verifying" });
    expect(coordinator.health()).toMatchObject({ sandbox: { reason: BROKEN } });
    expect(world.verifier.started).toHaveLength(1);
    world.problems.sandbox = undefined;
    await world.advance(30_000);
    world.verifier.end(world.verifier.current());
    await world.settle();
    expect(world.results()).toMatchObject([{ status: "succeeded", frontMatter: { attempts: 1 } }]);
    expect(world.runner.started).toHaveLength(1);
  });
});
