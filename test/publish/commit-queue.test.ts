import { describe, expect, it } from "vitest";
import { readTaskJournal } from "../../src/store/journal/journal-reader.ts";
import { parseTranscript } from "../../src/task/session/transcript.ts";
import { createWorld, type World } from "../support/world.ts";

/** Lets `count` tasks end while git is not ours to touch. */
async function pile(world: World, count: number, sessionOf: (n: number) => string): Promise<readonly string[]> {
  world.settings.maxWorkers = count;
  world.runner.options.onStart = (run) => world.runner.end(run);
  world.repository.user.beginMerge();
  for (let n = 0; n < count; n += 1) world.drop(`${sessionOf(n)}/${n}.md`, `Do ${n}.\n`);
  await world.settle();
  return world.logged("accepted").map(({ task }) => String(task));
}

describe("finished tasks", () => {
  it("that are ready together are committed one by one and become visible at once, the ledger with the last", async () => {
    const world = createWorld();
    const coordinator = await world.start();
    const ids = await pile(world, 3, (n) => `s${n}`);
    expect(coordinator.health().tasks).toEqual({ queued: 0, running: 0, uncommitted: 3 });
    expect(coordinator.health()).toMatchObject({ status: "waiting", committer: { reason: "a merge is under way" } });
    expect(await coordinator.find(ids[0] ?? "")).toMatchObject({
      status: "succeeded",
      committed: false,
      result: "Done.",
    });
    world.repository.user.endMerge();
    await world.settle();
    expect(world.subjects().slice(0, 3)).toEqual(["s2: Do 2. (0.0 s)", "s1: Do 1. (0.0 s)", "s0: Do 0. (0.0 s)"]);
    // The first had begun to wait before the others were ready.
    const sizes = world.logged("committed").map(({ tasks }) => Number(tasks));
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(3);
    const ledgers = [
      "",
      ...world.repository
        .log()
        .slice(0, 3)
        .reverse()
        .map(({ files }) => files.get("tasks.md")),
    ];
    const changed = ledgers.slice(1).map((ledger, index) => ledger !== ledgers[index]);
    expect(changed).toEqual(sizes.flatMap((size) => [...Array(size - 1).fill(false), true]));
    expect(coordinator.health()).toMatchObject({ status: "ok", committer: null, tasks: { uncommitted: 0 } });
    expect(await coordinator.find(ids[0] ?? "")).toMatchObject({ status: "succeeded", committed: true });
  });

  it("are at most fifty in a batch; the others follow at once", async () => {
    const world = createWorld();
    await world.start();
    const ids = await pile(world, 120, (n) => `s${n % 7}`);
    world.repository.user.endMerge();
    await world.settle();
    const sizes = world.logged("committed").map(({ tasks }) => Number(tasks));
    expect(sizes.slice(1)).toEqual([50, 50, 20 - (sizes[0] ?? 0)]); // The first had begun to wait before the others were ready.
    expect(
      world
        .results()
        .map(({ id }) => id)
        .sort(),
    ).toEqual([...ids].sort());
    expect(world.rows()).toHaveLength(360);
    expect(parseTranscript(world.committed("sessions/s0/transcript.jsonl") ?? "")).toHaveLength(36);
  });

  it("are committed in the order of their ends", async () => {
    const world = createWorld();
    await world.start();
    for (const name of ["a/1", "b/2"]) world.drop(`${name}.md`, `Do ${name}.\n`);
    await world.settle();
    world.repository.user.beginMerge();
    world.runner.end(world.runner.of("b"));
    await world.settle();
    await world.advance(1_000);
    world.runner.end(world.runner.of("a"));
    await world.settle();
    world.repository.user.endMerge();
    await world.settle();
    expect(world.subjects().slice(0, 2)).toEqual(["a: Do a/1. (1 s)", "b: Do b/2. (0.0 s)"]);
  });
});

describe("after a batch", () => {
  /** Has each of the sessions run a task; they are ended by name. */
  async function runIn(world: World, sessions: readonly string[]): Promise<void> {
    world.settings.maxWorkers = sessions.length;
    for (const session of sessions) world.drop(`${session}/do.md`, `Do ${session}.\n`);
    await world.settle();
  }
  const end = async (world: World, session: string): Promise<number> => {
    world.runner.end(world.runner.of(session));
    await world.settle();
    return world.results().length;
  };

  it("those that end while others run are collected, ten times as long as the index takes", async () => {
    const world = createWorld();
    world.repository.indexMs = 12;
    await world.start();
    await runIn(world, ["a", "b", "c", "d"]);
    expect([await end(world, "a"), await end(world, "b"), await end(world, "c")]).toEqual([1, 1, 1]);
    await world.advance(119);
    expect(world.results()).toHaveLength(1);
    await world.advance(1);
    expect(world.results()).toHaveLength(3);
    expect(world.logged("committed").map(({ tasks }) => tasks)).toEqual([1, 2]);
  });

  it("nobody waits where nothing else ran, unless the index is dear", async () => {
    for (const [indexMs, committed] of [
      [12, 2],
      [60, 1],
    ] as const) {
      const world = createWorld();
      world.repository.indexMs = indexMs;
      await world.start();
      await runIn(world, ["a"]);
      await end(world, "a");
      await runIn(world, ["b"]);
      expect(await end(world, "b")).toBe(committed);
    }
  });
});

describe("a batch that fails", () => {
  it("ends the coordinator with its cause, and the next one commits what was in it", async () => {
    const world = createWorld();
    const coordinator = await world.start();
    const ids = await pile(world, 2, (n) => `s${n}`);
    world.repository.failure = new Error("the disk is full");
    world.repository.user.endMerge();
    await expect(coordinator.ended).rejects.toThrow("the disk is full");
    await expect(coordinator.drain()).rejects.toThrow("the disk is full");
    await expect(coordinator.idle()).rejects.toThrow("the disk is full");
    await coordinator.leave();
    expect(world.results()).toEqual([]);
    expect(readTaskJournal(world.paths.journal).openIds()).toEqual([...ids].sort());
    world.repository.failure = undefined;
    await world.start();
    expect(
      world
        .results()
        .map(({ id }) => id)
        .sort(),
    ).toEqual([...ids].sort());
    expect(world.runner.started).toHaveLength(2);
  });

  it("because the machine is short of something is made again, and health says why it waits", async () => {
    const world = createWorld();
    const coordinator = await world.start();
    const ids = await pile(world, 2, (n) => `s${n}`);
    world.repository.failure = Object.assign(new Error("no space left"), { code: "ENOSPC" });
    world.repository.user.endMerge();
    const reason = expect.stringMatching(/^cannot record what was committed \(ENOSPC\): the disk is full/);
    await world.settle();
    expect(coordinator.health()).toMatchObject({ status: "waiting", committer: { reason }, tasks: { uncommitted: 2 } });
    await world.advance(250); // Fails once more: the next pause is twice as long.
    world.repository.failure = undefined;
    await world.hint(); // An event does not cut it short.
    await world.advance(499);
    expect(world.results()).toEqual([]);
    await world.advance(1);
    expect(coordinator.health()).toMatchObject({ status: "ok", committer: null, tasks: { uncommitted: 0 } });
    const done = world.results().map(({ id }) => id);
    expect(done.sort()).toEqual([...ids].sort());
    expect(world.runner.started).toHaveLength(2);
  });

  it("is given up when the coordinator leaves, without a word of failure, and comes again", async () => {
    const world = createWorld();
    const coordinator = await world.start();
    const [id] = await pile(world, 1, () => "docs");
    await coordinator.leave();
    await coordinator.ended;
    expect(world.results()).toEqual([]);
    world.repository.user.endMerge();
    await world.start();
    expect(world.results()).toMatchObject([{ id, status: "succeeded" }]);
  });
});

describe("a file of ours that the user has edited in the work tree", () => {
  it("is told of and left alone", async () => {
    const world = createWorld();
    await world.start();
    world.repository.user.write("tasks.md", "My notes.\n");
    world.runner.options.onStart = (run) => world.runner.end(run);
    world.drop("docs/x.md", "Fix it.\n");
    await world.settle();
    expect(world.logged("left-alone")).toMatchObject([{ path: "tasks.md" }]);
    expect(world.repository.user.read("tasks.md")).toBe("My notes.\n");
    expect(world.rows()).toHaveLength(3);
  });
});
