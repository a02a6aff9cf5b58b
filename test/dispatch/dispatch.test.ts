import { describe, expect, it } from "vitest";
import { CoordinatorError } from "../../src/base/errors.ts";
import { failure } from "../fakes/fake-runner.ts";
import { createWorld, type World } from "../support/world.ts";

const ONE = "20261120-100000-aaaaaa";
const TWO = "20261120-100000-bbbbbb";

/** The prompts of the runs that were started, in order. */
function started(world: World): readonly string[] {
  return world.runner.started.map(({ request }) => request.prompt.trim());
}

async function end(
  world: World,
  sessionKey: string,
  verdict: Parameters<typeof world.runner.end>[1] = {},
): Promise<void> {
  world.runner.end(world.runner.of(sessionKey), verdict);
  await world.settle();
}

/** Drops `name` with front matter and a prompt of its name. */
async function ask(world: World, name: string, frontMatter = ""): Promise<string> {
  world.drop(`${name}.md`, `---\n${frontMatter}\n---\n${name}\n`);
  await world.settle();
  return world.accepted(-1);
}

describe("the order of runs", () => {
  it("is that of acceptance within a session, whatever their priority", async () => {
    const world = createWorld();
    await world.start();
    for (const name of ["docs/a", "docs/b", "docs/c"]) await ask(world, name, `priority: ${name === "docs/c" ? 0 : 4}`);
    expect(started(world)).toEqual(["docs/a"]);
    await end(world, "docs");
    await end(world, "docs");
    expect(started(world)).toEqual(["docs/a", "docs/b", "docs/c"]);
  });

  it("stays that of acceptance over a restart, and when the clock was set back", async () => {
    const world = createWorld();
    await world.start();
    for (const name of ["docs/a", "docs/b"]) await ask(world, name);
    await world.crash();
    world.clock.nowMs -= 3_600_000;
    await world.start();
    await ask(world, "docs/c");
    for (let n = 0; n < 3; n += 1) {
      await end(world, "docs");
      await world.advance(1_000);
    }
    expect(started(world)).toEqual(["docs/a", "docs/b", "docs/c"]);
  });

  it("is not overtaken while a failed task waits for its next attempt", async () => {
    const world = createWorld();
    await world.start();
    for (const name of ["docs/a", "docs/b"]) await ask(world, name);
    await end(world, "docs", { outcome: "failed", failure: failure("overloaded") });
    await world.advance(1_000);
    expect(started(world)).toEqual(["docs/a"]);
    await world.advance(5_000);
    expect(started(world)).toEqual(["docs/a", "docs/a"]);
  });

  it("puts the urgent sessions first where there are more than workers", async () => {
    const world = createWorld();
    await world.start();
    for (const name of ["busy1/a", "busy2/b", "calm/c", "urgent/d"])
      await ask(world, name, `priority: ${name.startsWith("urgent") ? 0 : 2}`);
    expect(started(world)).toEqual(["busy1/a", "busy2/b"]);
    await end(world, "busy1");
    expect(started(world).at(-1)).toBe("urgent/d");
  });
});

describe("the number of runs side by side", () => {
  it("never exceeds maxWorkers, and follows an edit of the settings", async () => {
    const world = createWorld();
    const coordinator = await world.start();
    const ids: string[] = [];
    for (const name of ["a/1", "b/2", "c/3", "d/4"]) ids.push(await ask(world, name));
    expect(started(world)).toHaveLength(2);
    expect(await coordinator.find(ids[3] ?? "")).toMatchObject({ status: "queued", hold: "all workers are busy" });
    world.settings.maxWorkers = 3;
    await world.advance(1_000);
    expect(started(world)).toHaveLength(3);
    world.settings.maxWorkers = 1;
    await end(world, "a");
    await end(world, "b");
    expect(started(world)).toHaveLength(3);
    await end(world, "c");
    expect(started(world)).toHaveLength(4);
  });

  it("is one for a thread, also when two sessions name it", async () => {
    const world = createWorld();
    const thread = "01a1f950-5f71-7472-a9b5-7a2032cb912c";
    const coordinator = await world.start();
    await ask(world, "a/1", `resume: ${thread}`);
    const second = await ask(world, "b/2", `resume: ${thread}`);
    expect(started(world)).toEqual(["a/1"]);
    expect((await coordinator.find(second)).hold).toMatch(/^thread .* is in use by/);
    await end(world, "a");
    expect(started(world)).toEqual(["a/1", "b/2"]);
  });
});

describe("a task that depends on another one", () => {
  it("runs once that has succeeded, and says until then what it waits for", async () => {
    const world = createWorld();
    const coordinator = await world.start();
    await ask(world, "a/1", `id: ${ONE}`);
    const second = await ask(world, "b/2", `dependsOn: ${ONE}`);
    expect(await coordinator.find(second)).toMatchObject({ hold: `waits for ${ONE}` });
    await end(world, "a");
    expect(started(world)).toEqual(["a/1", "b/2"]);
  });

  it("runs at once where that has succeeded long ago, as the ledger of its day says", async () => {
    const world = createWorld();
    const row = `| 2026-11-20T10:00:00.000Z | ${ONE} | a | 1 | succeeded |  |\n`;
    world.repository.user.commit({ "tasks/2026-11-20/bbbbbb-0001.md": row });
    await world.start();
    await ask(world, "b/2", `dependsOn: ${ONE}`);
    expect(started(world)).toEqual(["b/2"]);
  });

  it.each([
    {
      name: "fails when that fails for good",
      verdict: { outcome: "failed", failure: failure("badRequest") },
      word: "failed",
    },
    { name: "fails when that was stopped", verdict: undefined, word: "was cancelled" },
  ] as const)("$name, and so does what depends on it in turn", async ({ verdict, word }) => {
    const world = createWorld();
    const coordinator = await world.start();
    const first = await ask(world, "a/1", `id: ${ONE}`);
    await ask(world, "b/2", `id: ${TWO}\ndependsOn: ${ONE}`);
    const third = await ask(world, "c/3", `dependsOn: ${TWO}`);
    if (verdict === undefined) {
      world.request(first);
      await world.advance(1_000);
    } else await end(world, "a", verdict);
    expect(await coordinator.find(TWO)).toMatchObject({
      status: "failed",
      reason: `it depends on ${ONE}, which ${word}`,
    });
    expect(await coordinator.find(third)).toMatchObject({
      status: "failed",
      reason: `it depends on ${TWO}, which failed`,
    });
    expect(started(world)).toEqual(["a/1"]);
    expect(world.subjects()[0]).toMatch(/^c: failed: c\/3 \(it depends on /);
  });

  it("is held as long as nobody knows the other one, and goes on when that was accepted later", async () => {
    const world = createWorld();
    const coordinator = await world.start();
    const second = await ask(world, "b/2", `dependsOn: ${ONE}`);
    expect((await coordinator.find(second)).hold).toBe(`depends on ${ONE}, which no task here is called`);
    await ask(world, "a/1", `id: ${ONE}`);
    expect((await coordinator.find(second)).hold).toBe(`waits for ${ONE}`);
    await end(world, "a");
    expect(started(world)).toEqual(["a/1", "b/2"]);
  });

  it("goes on when a commit of somebody else's brings the end of the other one", async () => {
    const world = createWorld();
    await world.start();
    await ask(world, "b/2", `dependsOn: ${ONE}`);
    const ledger = world.committed("tasks.md") ?? "";
    world.repository.user.commit({
      "tasks.md": `${ledger}| 2026-11-20T10:00:00.000Z | ${ONE} | a | 1 | succeeded |  |\n`,
    });
    await world.advance(1_000);
    expect(started(world)).toEqual(["b/2"]);
  });

  it("fails, with all the others, where they wait for each other in a circle", async () => {
    const world = createWorld();
    const coordinator = await world.start();
    await ask(world, "a/1", `id: ${ONE}\ndependsOn: ${TWO}`);
    await ask(world, "b/2", `id: ${TWO}\ndependsOn: ${ONE}`);
    for (const id of [ONE, TWO]) expect((await coordinator.find(id)).reason).toMatch(/^it would wait for ever/);
    expect(started(world)).toEqual([]);
  });
});

describe("a task with a time", () => {
  it("does not start before it, and starts then by itself", async () => {
    const world = createWorld();
    const coordinator = await world.start();
    const id = await ask(world, "a/1", "notBefore: 2026-11-20T16:00:00Z");
    expect(await coordinator.find(id)).toMatchObject({ status: "queued", hold: "not before 2026-11-20T16:00:00Z" });
    await world.advance(3_600_000);
    expect(started(world)).toEqual([]);
    await world.advance(2_700_000);
    expect(started(world)).toEqual(["a/1"]);
  });
});

describe("while codex is not available", () => {
  const GONE = "codex not found: install it";

  function takeAway(world: World): void {
    world.problems.codex = GONE;
    world.runner.options.beforeStart = () => {
      throw new CoordinatorError("CODEX", GONE);
    };
  }
  function bringBack(world: World): void {
    world.problems.codex = undefined;
    world.runner.options.beforeStart = () => undefined;
  }

  it("a run that could not run it used no attempt, and the next one waits until codex is found", async () => {
    const world = createWorld();
    const coordinator = await world.start();
    world.problems.codex = GONE;
    world.runner.options.onStart = (run) =>
      world.runner.end(run, { outcome: "failed", failure: failure("codexUnavailable") });
    const id = await ask(world, "a/1");
    for (let n = 0; n < 20; n += 1) await world.advance(10_000);
    expect(world.runner.started).toHaveLength(1);
    expect(await coordinator.find(id)).toMatchObject({ status: "queued", hold: GONE, attempts: 0 });
    expect(coordinator.health()).toMatchObject({ status: "waiting", codex: { reason: GONE } });
    world.problems.codex = undefined;
    world.runner.options.onStart = () => undefined;
    await world.advance(5_000);
    expect(await coordinator.find(id)).toMatchObject({ status: "running", attempts: 1, run: 2 });
  });

  it("does not go on for ever where codex is found and still cannot be run", async () => {
    const world = createWorld();
    const coordinator = await world.start();
    world.runner.options.onStart = (run) =>
      world.runner.end(run, { outcome: "failed", failure: failure("codexUnavailable") });
    const id = await ask(world, "a/1");
    for (let n = 0; n < 20; n += 1) await world.advance(10_000);
    expect(world.runner.started).toHaveLength(4);
    expect(await coordinator.find(id)).toMatchObject({
      status: "failed",
      reason: "codex could not be run 4 times in a row",
    });
  });

  it("what could run is held with the reason, and goes on by itself when codex is back", async () => {
    const world = createWorld();
    const coordinator = await world.start();
    takeAway(world);
    const id = await ask(world, "a/1");
    const since = new Date(world.clock.nowMs).toISOString();
    await world.advance(1_000);
    expect(await coordinator.find(id)).toMatchObject({ status: "queued", hold: GONE, attempts: 0 });
    expect(coordinator.health()).toMatchObject({ status: "waiting", codex: { reason: GONE, since } });
    await world.advance(60_000);
    expect(coordinator.health().codex?.since).toBe(since);
    bringBack(world);
    await world.advance(5_000);
    expect(started(world)).toEqual(["a/1"]);
    expect(coordinator.health()).toMatchObject({ status: "ok", codex: null });
    expect(world.logged("codex-gone")).toHaveLength(1);
    expect(world.logged("codex-back")).toHaveLength(1);
    expect(await coordinator.find(id)).toMatchObject({ status: "running", attempts: 1 });
  });
});

describe("a task that asks for what is not there", () => {
  it.each([
    { key: "workdir", value: "nowhere", reason: "workdir: there is no folder nowhere in the working tree" },
    { key: "images", value: "[a.png]", reason: "images: there is no file a.png in the working tree" },
    { key: "workdir", value: "README.md", reason: "workdir: README.md is not a folder" },
  ])("fails at its start: $reason", async ({ key, value, reason }) => {
    const world = createWorld();
    const coordinator = await world.start();
    const id = await ask(world, "a/1", `${key}: ${value}`);
    expect(await coordinator.find(id)).toMatchObject({ status: "failed", reason, attempts: 0 });
    expect(started(world)).toEqual([]);
    expect(await ask(world, "a/2")).not.toBe(id);
    expect(started(world)).toEqual(["a/2"]);
  });
});
