import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createRunDrops } from "../../../src/intake/drops/run-drops.ts";
import type { RunEvent } from "../../../src/run/driver.ts";
import { createTaskIndex } from "../../../src/store/tasks/task-index.ts";
import { DEFAULT_RIGHTS } from "../../../src/task/rights/rights.ts";
import type { FakeRun } from "../../fakes/fake-runner.ts";
import { AN_ITEM } from "../../support/an-item.ts";
import { createWorld, type World } from "../../support/world.ts";
import { finishAll, isOnDisk } from "../../support/world-actions.ts";

const WRITES = "for i in $(seq 30); do echo Do it. > inbox/$i.md; done";
const ID = "20261120-101010-abcdef";

interface AtWork {
  readonly world: World;
  readonly run: FakeRun;
  /** The task of that run. */
  readonly id: string;
}

/** A task whose agent is at work; everything else waits behind it. */
async function atWork(): Promise<AtWork> {
  const world = createWorld();
  world.settings.maxWorkers = 1;
  await world.start();
  world.drop("agent/work.md", "Make tasks.\n");
  await world.settle();
  await world.advance(60_000);
  return { world, run: world.runner.of("agent"), id: world.accepted(0) };
}

function command(world: World, phase: "started" | "completed", text = WRITES): RunEvent {
  const body = { kind: "command", command: text, exitCode: null, status: phase, output: "", outputBytes: 0 } as const;
  return { ...AN_ITEM, phase, id: "item_1", body, paths: [], atMs: world.clock.nowMs, isOld: false };
}

/** The agent runs a command for ten seconds; what is dropped in `during` was written while it ran. */
async function runCommand({ world, run }: AtWork, during: () => void, text = WRITES): Promise<void> {
  world.runner.act(run, command(world, "started", text));
  await world.advance(5_000);
  during();
  await world.settle();
  await world.advance(5_000);
  world.runner.act(run, command(world, "completed", text));
  await world.advance(60_000);
}

function dropMany(world: World, count: number, prefix = "x"): void {
  for (let n = 1; n <= count; n += 1) world.drop(`${prefix}${String(n).padStart(3, "0")}.md`, `Do ${prefix}${n}.\n`);
}

function errorFiles(world: World): readonly string[] {
  return readdirSync(join(world.dir, "inbox")).filter((name) => name.endsWith(".error.md"));
}

function parents(world: World): readonly unknown[] {
  return world
    .logged("accepted")
    .slice(1)
    .map(({ parent }) => parent);
}

describe("files that were written while a command of a run named the inbox", () => {
  it("become tasks of that run, as many as the policy says; the others stay, with what to do, until it says more", async () => {
    const work = await atWork();
    const { world, id } = work;
    await runCommand(work, () => dropMany(world, 30));
    expect(parents(world)).toEqual(Array(20).fill(id));
    expect(errorFiles(world)).toHaveLength(10);
    const said = readFileSync(join(world.dir, "inbox", "x021.error.md"), "utf8");
    expect(said).toContain(
      `run 1 of task ${id} has left this file; 20 of its files became tasks, and maxDropsPerRun is 20`,
    );
    expect(said).toContain("codex-inbox policy set maxDropsPerRun 40");
    await world.advance(3_600_000);
    expect(world.logged("accepted")).toHaveLength(21);

    world.settings.run = { ...world.settings.run, rights: { ...DEFAULT_RIGHTS, maxDropsPerRun: 29 } };
    await world.hint();
    expect(parents(world)).toEqual(Array(29).fill(id));
    expect(isOnDisk(world, "inbox/x030.md")).toBe(true);
  });

  it("carry their parent and its run in what is shown and committed, whatever they say themselves", async () => {
    const work = await atWork();
    const { world, id } = work;
    await runCommand(work, () => world.drop("docs/x.md", `---\nparent: ${ID}\nparentRun: 7\n---\nDo it.\n`));
    const child = world.accepted(-1);
    expect(await world.queries.find(child)).toMatchObject({ parent: id, parentRun: 1 });
    await finishAll(world);
    await finishAll(world);
    const file = world.results().find((one) => one.id === child);
    expect(file?.frontMatter).toMatchObject({ parent: id, parentRun: 1, extra: { parentRun: 7 } });
    expect(await world.queries.find(child)).toMatchObject({ status: "succeeded", parent: id, parentRun: 1 });
  });

  it("are none where the policy says so", async () => {
    const work = await atWork();
    const { world } = work;
    world.settings.run = { ...world.settings.run, rights: { ...DEFAULT_RIGHTS, maxDropsPerRun: 0 } };
    await runCommand(work, () => dropMany(world, 2));
    expect([world.logged("accepted").length, errorFiles(world).length]).toEqual([1, 2]);
  });

  it("are whoever's who saves them again when the command has ended", async () => {
    const work = await atWork();
    const { world } = work;
    await runCommand(work, () => dropMany(world, 21));
    world.drop("x021.md", "Do x21.\n");
    await world.settle();
    expect(world.logged("accepted").at(-1)).toMatchObject({ source: "inbox/x021.md", parent: undefined });
  });

  it("are counted over the end of the coordinator, and over that of the run", async () => {
    const work = await atWork();
    const { world, id } = work;
    world.runner.act(work.run, command(world, "started"));
    await world.advance(5_000);
    dropMany(world, 15, "a");
    await world.settle();
    await world.crash();
    await world.start();
    dropMany(world, 10, "b");
    await world.settle();
    expect(parents(world)).toEqual(Array(20).fill(id));
    expect(errorFiles(world)).toHaveLength(5);

    world.runner.end(work.run);
    await world.settle();
    await world.advance(3_600_000);
    await world.crash();
    await world.start();
    await world.hint();
    expect(world.logged("accepted")).toHaveLength(21);
  });
});

it("a file that a patch of a run wrote is that run's, until another writes it", async () => {
  const { world, run, id } = await atWork();
  const body = { kind: "files", status: "completed", changes: [{ path: "inbox/x.md", change: "add" }] } as const;
  const paths = [join(world.dir, "inbox", "x.md")];
  world.drop("x.md", "Do it.\n", { fresh: true });
  world.runner.act(run, {
    ...{ ...AN_ITEM, phase: "completed", id: "item_1", body, paths, atMs: world.clock.nowMs, isOld: false },
  });
  await world.advance(5_000);
  expect(world.logged("accepted").at(-1)).toMatchObject({ source: "inbox/x.md", parent: id, parentRun: 1 });
  world.drop("x.md", "Do something else.\n");
  await world.settle();
  expect(world.logged("replaced")).toHaveLength(1);
  expect(await world.queries.find(world.accepted(-1))).toMatchObject({ parent: null, parentRun: null });
});

it("a file that is taken at once waits for what a live run may still say of it, and not without one", async () => {
  const { world, run, id } = await atWork();
  world.drop(`${ID}.md`, "Do it.\n", { fresh: true });
  await world.advance(100);
  expect(world.logged("accepted")).toHaveLength(1);
  world.runner.act(run, command(world, "started"));
  await world.advance(500);
  expect(world.logged("accepted").at(-1)).toMatchObject({ task: ID, parent: id });
  await finishAll(world);
  world.drop("20261120-101010-bbbbbb.md", "Do it.\n", { fresh: true });
  await world.settle();
  expect(world.logged("accepted")).toHaveLength(3);
});

it("300 files that a user drops while an agent works elsewhere are the user's, and keep the parent they name", async () => {
  const work = await atWork();
  const { world } = work;
  await runCommand(
    work,
    () => {
      dropMany(world, 300);
      world.drop("named.md", `---\nparent: ${ID}\n---\nDo it.\n`);
    },
    "npm test",
  );
  expect(parents(world)).toEqual(Array(301).fill(undefined));
  expect(errorFiles(world)).toEqual([]);
  const named = world.logged("accepted").find(({ source }) => source === "inbox/named.md");
  expect(await world.queries.find(String(named?.task))).toMatchObject({ parent: ID, parentRun: null });
});

it("what a run has dropped counts as long as the coordinator is at work, also when its tasks are finished and forgotten", () => {
  const [run, other] = [
    { task: "t", run: 1 },
    { task: "t", run: 2 },
  ];
  const known = { count: 3 };
  const refused: string[] = [];
  const drops = createRunDrops({
    authors: { catchUp: async () => undefined, authorOf: (path) => (path.includes("other") ? other : run) },
    table: { index: { ...createTaskIndex(), droppedBy: ({ run: number }) => (number === 1 ? known.count : 0) } },
    recent: { droppedBy: () => 0 },
    intake: { refuse: ({ path }) => refused.push(path) },
    rights: () => ({ maxDropsPerRun: 4 }),
    log: () => undefined,
  });
  const judge = (path: string): string =>
    drops.judge({ path, blob: "b", modifiedAtMs: 0, changedAtMs: 0 }, { path, blob: "b", tracked: "untracked" }).kind;
  expect(judge("inbox/a.md")).toBe("take");
  known.count = 4; // Those of an earlier coordinator, and this one.
  drops.accepted(run);
  known.count = 0;
  expect([judge("inbox/b.md"), judge("inbox/other.md")]).toEqual(["refused", "take"]);
  expect(refused).toEqual(["inbox/b.md"]);
});
