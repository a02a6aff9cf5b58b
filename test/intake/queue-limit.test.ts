import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openPauseStore } from "../../src/dispatch/pauses.ts";
import { createQueueLimit, type QueueLimit } from "../../src/intake/queue-limit.ts";
import { waitFor } from "../support/wait-for.ts";
import { createWorld, type World } from "../support/world.ts";
import { isOnDisk } from "../support/world-actions.ts";

function bound(max: number): { readonly table: { size: number }; readonly bound: QueueLimit; readonly said: string[] } {
  const table = { size: 0 };
  const said: string[] = [];
  const log = (event: string): void => void said.push(event);
  return {
    table,
    bound: createQueueLimit({
      table,
      settings: () => ({ maxOpenTasks: max }),
      now: () => 7,
      log,
      disk: () => undefined,
    }),
    said,
  };
}

it("a disk whose last megabytes come and go is said to be full once, and to have room once it has had it for a minute", () => {
  const said: string[] = [];
  const state = { nowMs: 0, low: undefined as string | undefined };
  const limit = createQueueLimit({
    ...{ table: { size: 0 }, settings: () => ({ maxOpenTasks: 20 }), now: () => state.nowMs },
    ...{ log: (event: string) => void (event.startsWith("disk") && said.push(event)), disk: () => state.low },
  });
  const look = (atMs: number, low: string | undefined): readonly string[] => {
    Object.assign(state, { nowMs: atMs, low });
    limit.note(0);
    return said;
  };
  expect(look(0, undefined)).toEqual([]);
  for (const atMs of [1_000, 11_000, 21_000]) {
    expect(look(atMs, "full")).toEqual(["disk-low"]);
    expect(look(atMs + 5_000, undefined)).toEqual(["disk-low"]);
  }
  expect(look(85_999, undefined)).toEqual(["disk-low"]);
  expect(look(86_000, undefined)).toEqual(["disk-low", "disk-room"]);
});

describe("the bound on open tasks", () => {
  it("is told once when it is reached and once when there is room again, not with each task that ends", () => {
    const { table, bound: open, said } = bound(20);
    open.note(0);
    for (const [size, waiting] of [
      [20, 3],
      [20, 3],
      [19, 2],
      [20, 2],
      [19, 0],
      [20, 0],
    ] as const) {
      table.size = size;
      open.note(waiting);
    }
    expect(said).toEqual(["queue-full"]);
    table.size = 17;
    open.note(1);
    expect(said).toEqual(["queue-full"]);
    open.note(0);
    open.note(0);
    expect(said).toEqual(["queue-full", "queue-room"]);
  });

  it("of one is told, too", () => {
    const { table, bound: open, said } = bound(1);
    table.size = 1;
    open.note(0);
    expect(open.state()).toEqual({ reason: "1 of at most 1 open tasks (maxOpenTasks)", sinceMs: 7 });
    table.size = 0;
    open.note(0);
    expect(open.state()).toBeUndefined();
    expect(said).toEqual(["queue-full", "queue-room"]);
  });
});

async function full(max: number): Promise<World> {
  const world = createWorld();
  world.settings.maxOpenTasks = max;
  return world;
}

describe("a full queue", () => {
  it("leaves drops in the inbox, in their order, until there is room", async () => {
    const world = await full(2);
    const coordinator = await world.start();
    for (const name of ["a/1", "b/2", "c/3", "d/4"]) world.drop(`${name}.md`, `${name}\n`);
    await world.settle();
    expect(world.logged("accepted").map(({ source }) => source)).toEqual(["inbox/a/1.md", "inbox/b/2.md"]);
    expect(coordinator.health()).toMatchObject({
      status: "waiting",
      full: { reason: "2 of at most 2 open tasks (maxOpenTasks); 2 dropped files wait in inbox/" },
    });
    await world.advance(60_000);
    await world.hint();
    expect(world.logged("queue-full")).toHaveLength(1);
    world.runner.end(world.runner.of("a"));
    await world.settle();
    await world.advance(1_000);
    expect(world.logged("accepted")).toHaveLength(3);
    for (const session of ["b", "c"]) world.runner.end(world.runner.of(session));
    await world.settle();
    await world.advance(1_000);
    world.runner.end(world.runner.of("d"));
    await world.settle();
    await world.advance(1_000);
    expect(world.results().map(({ title }) => title)).toEqual(["a/1", "b/2", "c/3", "d/4"]);
    expect(world.logged("queue-room")).toHaveLength(1);
    expect(coordinator.health()).toMatchObject({ status: "ok", full: null });
  });

  it("refuses a submitted task, but knows the one that is there", async () => {
    const world = await full(1);
    const coordinator = await world.start();
    const id = "20261120-100000-aaaaaa";
    await coordinator.submit(`---\nid: ${id}\n---\nOne\n`);
    await expect(coordinator.submit("Two\n")).rejects.toMatchObject({
      code: "QUEUE_FULL",
      message:
        "the queue is full, with 1 of at most 1 open tasks: try again when some have ended, or set maxOpenTasks higher",
    });
    expect(await coordinator.submit(`---\nid: ${id}\n---\nOne\n`)).toMatchObject({ known: true });
  });

  it("takes a file that replaces a task of its own", async () => {
    const world = await full(1);
    openPauseStore(world.paths.paused).pause(undefined, undefined, 0);
    const coordinator = await world.start();
    world.drop("a/1.md", "One\n");
    await world.settle();
    world.drop("a/1.md", "Two\n");
    await world.settle();
    expect(world.logged("replaced")).toHaveLength(1);
    expect(coordinator.health().tasks.queued).toBe(1);
  });

  it("stays full over a crash, and takes more at once when the bound is raised", async () => {
    const world = await full(1);
    await world.start();
    for (const name of ["a/1", "b/2"]) world.drop(`${name}.md`, `${name}\n`);
    await world.settle();
    await world.crash();
    const coordinator = await world.start();
    expect(world.logged("accepted")).toHaveLength(1);
    expect(coordinator.health().full).not.toBeNull();
    world.settings.maxOpenTasks = 2;
    await world.advance(1_000);
    expect(world.logged("accepted")).toHaveLength(2);
  });

  it("of held tasks is idle although files wait", async () => {
    const world = await full(1);
    openPauseStore(world.paths.paused).pause(undefined, undefined, 0);
    const coordinator = await world.start();
    for (const name of ["a/1", "b/2"]) world.drop(`${name}.md`, `${name}\n`);
    await world.settle();
    expect(await coordinator.idle()).toMatchObject({ held: 1 });
  });
});

describe("a disk that is nearly full", () => {
  it("keeps drops in inbox/ and refuses submissions, says so, and goes on once there is room", async () => {
    const world = createWorld();
    const coordinator = await world.start();
    world.settings.minFreeMb = 1_000_000_000;
    const low = /^the disk is nearly full, with \d+ MB free of the 1000000000 that it takes \(minFreeMb\)/;
    const isLow = (): boolean => low.test(coordinator.health().full?.reason ?? "");
    await expect(coordinator.submit("Now.\n")).resolves.toMatchObject({ known: false }); // Nobody had looked yet.
    await waitFor(() => isLow() || world.advance(5_000).then(isLow), { what: "a look at the disk" });
    world.drop("docs/1.md", "Later.\n");
    await world.advance(5_000);
    await expect(coordinator.submit("Too late.\n")).rejects.toMatchObject({
      ...{ code: "QUEUE_FULL", message: expect.stringMatching(low) },
    });
    expect(coordinator.health().status).toBe("waiting");
    expect(isOnDisk(world, "inbox/docs/1.md")).toBe(true);
    world.settings.minFreeMb = 1;
    await waitFor(() => world.advance(30_000).then(() => !isOnDisk(world, "inbox/docs/1.md")), {
      what: "the drop to be taken",
    });
    expect(coordinator.health().full).toBeNull();
    expect(world.logged("queue-full")).toMatchObject([{ reason: expect.stringMatching(low) }]);
    await world.advance(60_000);
    await world.advance(60_000);
    const segments = readdirSync(world.paths.events).map((name) =>
      readFileSync(join(world.paths.events, name), "utf8"),
    );
    const text = segments.join("");
    expect([world.logged("disk-low").length, world.logged("disk-room").length]).toEqual([1, 1]);
    expect(text).toMatch(/"what":"disk-low","session":null,"reason":"the disk is nearly full.*"what":"disk-room"/s);
  });
});
