import { describe, expect, it } from "vitest";
import { createWorld, type World } from "../../support/world.ts";

const ID = "20261119-090000-zzzzzz";
const ROW = `| 2026-11-19T09:00:00.000Z | ${ID} | there | 1 | queued | inbox/x.md |\n`;

/** The file of a task that another clone has accepted. */
function theirs(frontMatter = "status: queued", folder = "2026-11-19", prompt = "Fix it.\n"): Record<string, string> {
  const keys = `format: 3\nid: ${ID}\nsessionKey: there\ntitle: Theirs\nacceptedBy: zzzzzz\nattempts: 0\nrun: 1\n`;
  return { [`sessions/there/${folder}/${ID}.md`]: `---\n${keys}${frontMatter}\n---\n${prompt}` };
}

function merge(world: World, files: Readonly<Record<string, string>>): void {
  world.repository.user.commit(files);
}

describe("an open task of another clone", () => {
  it("is told of and does not run here, now or after a merge", async () => {
    const world = createWorld();
    await world.start();
    merge(world, { ...theirs(), "tasks.md": ROW });
    await world.advance(1_000);
    expect(world.logged("other-clone")).toMatchObject([{ task: ID, session: "there", status: "queued" }]);
    expect(world.runner.started).toEqual([]);
    await world.crash();
    await world.start();
    expect(world.runner.started).toEqual([]);
    world.drop(`${ID}.md`, "Fix it.\n"); // The same drop, once more.
    await world.settle();
    expect(world.logged("accepted")).toEqual([]);
  });

  it("is no open task when its file says that it has ended: a merge has brought old rows back", async () => {
    const world = createWorld();
    const coordinator = await world.start();
    merge(world, { ...theirs("status: succeeded"), "tasks.md": ROW });
    await world.advance(1_000);
    expect(world.logged("other-clone")).toEqual([]);
    expect(await coordinator.idle()).toMatchObject({ held: 0 });
  });

  it("is found in whatever folder of its day it lies", async () => {
    const world = createWorld();
    await world.start();
    merge(world, { ...theirs("status: queued", "2026-11-19-3"), "tasks.md": ROW });
    await world.advance(1_000);
    expect(world.logged("other-clone")).toHaveLength(1);
  });

  it("holds what depends on it here until it has ended there", async () => {
    const world = createWorld();
    const coordinator = await world.start();
    merge(world, { ...theirs(), "tasks.md": ROW });
    world.drop("docs/x.md", `---\ndependsOn: ${ID}\n---\nThen this.\n`);
    await world.advance(1_000);
    expect(await coordinator.find(world.accepted(0))).toMatchObject({ hold: `waits for ${ID}` });
    merge(world, { ...theirs("status: succeeded"), "tasks.md": ROW + ROW.replace("queued", "succeeded") });
    await world.advance(1_000);
    expect(world.runner.started.map(({ request }) => request.prompt)).toEqual(["Then this.\n"]);
  });
});

describe("taking over", () => {
  it("runs such a task here, as it was asked for there, and commits its end", async () => {
    const world = createWorld();
    const asked = "status: queued\npriority: 0\ntimeoutMs: 5000\nmyKey: kept\nextra:\n  thread: mine";
    merge(world, { ...theirs(asked), "tasks.md": ROW });
    const coordinator = await world.start({ takeOver: true });
    expect(world.logged("taken-over")).toMatchObject([{ task: ID, session: "there" }]);
    const { request } = world.runner.of("there");
    expect(request).toMatchObject({ taskId: ID, prompt: "Fix it.", sessionKey: "there" });
    expect(await coordinator.find(ID)).toMatchObject({ priority: 0, acceptedAt: "2026-11-19T09:00:00.000Z" });
    world.runner.end(world.runner.of("there"));
    await world.settle();
    expect(world.results()).toMatchObject([
      {
        id: ID,
        status: "succeeded",
        title: "Theirs",
        frontMatter: { acceptedBy: "aaaaaa", myKey: "kept", timeoutMs: 5_000 },
      },
    ]);
    expect(world.results()[0]?.path).toBe(`sessions/there/2026-11-19/${ID}.md`);
    expect(await coordinator.idle()).toEqual({ failed: 0, broken: 0, held: 0 });
  });

  it("takes each task once, over restarts too", async () => {
    const world = createWorld();
    merge(world, { ...theirs(), "tasks.md": ROW });
    await world.start({ takeOver: true });
    merge(world, { "a.md": "a" });
    await world.advance(1_000);
    await world.crash();
    await world.start({ takeOver: true });
    expect(world.logged("taken-over")).toHaveLength(1);
    expect(world.runner.started).toHaveLength(1);
  });

  it("takes one in a session made for it alone", async () => {
    const world = createWorld();
    const key = `2026-11-19/${ID}`;
    const file = `---\nformat: 3\nid: ${ID}\nsessionKey: ${key}\nstatus: queued\n---\nFix it.\n`;
    merge(world, { [`sessions/${key}/2026-11-19/${ID}.md`]: file, "tasks.md": ROW.replace(" there ", ` ${key} `) });
    await world.start({ takeOver: true });
    expect(world.runner.of(key).request.taskId).toBe(ID);
  });

  it.each([
    { name: "a value that is not valid", frontMatter: "status: queued\npriority: 9" },
    { name: "more rights than a task may have", frontMatter: "status: queued\nsandbox: danger-full-access" },
    { name: "no prompt", frontMatter: "status: queued", prompt: "" },
  ])(
    "leaves a file alone that asks for $name, and goes on: anybody may have pushed it",
    async ({ frontMatter, prompt }) => {
      const world = createWorld();
      merge(world, { ...theirs(frontMatter, undefined, prompt), "tasks.md": ROW });
      const coordinator = await world.start({ takeOver: true });
      expect(world.logged("not-taken-over")).toMatchObject([{ task: ID }]);
      world.drop("docs/x.md", "Fix it.\n");
      await world.settle();
      expect(world.runner.started.map(({ request }) => request.sessionKey)).toEqual(["docs"]);
      world.runner.end(world.runner.of("docs"));
      expect(await coordinator.idle()).toMatchObject({ held: 1 });
      await world.crash();
      await world.start({ takeOver: true });
      expect(world.runner.started).toHaveLength(1);
    },
  );
});
