import { describe, expect, it } from "vitest";
import { readTaskJournal } from "../../src/store/journal/journal-reader.ts";
import { failure } from "../fakes/fake-runner.ts";
import { createWorld, type World } from "../support/world.ts";
import { finishAll, isOnDisk } from "../support/world-actions.ts";

const ID = "20261120-101010-abcdef";

/** A task of session "docs" that runs until it is ended, so that what comes behind it stays queued. */
async function blocked(world: World): Promise<void> {
  world.drop("docs/first.md", "The first.\n");
  await world.settle();
  world.runner.of("docs");
}

describe("a drop that git knows nothing of", () => {
  it("is accepted once it rests, under an id made of the time, and leaves the inbox", async () => {
    const world = createWorld();
    await world.start();
    world.drop("docs/x.md", "Fix it.\n", { fresh: true });
    await world.settle();
    expect(world.logged("accepted")).toEqual([]);
    await world.advance(1_000);
    expect(world.accepted(0)).toMatch(/^20261120-141531-[0-9a-z]{6}$/);
    expect(isOnDisk(world, "inbox/docs/x.md")).toBe(false);
    expect(world.logged("accepted")).toMatchObject([{ session: "docs", source: "inbox/docs/x.md" }]);
    expect(world.subjects()).toHaveLength(1); // Nothing is committed before it ends.
  });

  it("gets a session of its own where it names none", async () => {
    const world = createWorld();
    await world.start();
    world.drop("x.md", "Fix it.\n");
    await world.settle();
    await finishAll(world);
    const id = world.accepted(0);
    expect(world.results()).toMatchObject([
      { id, path: `sessions/2026-11-20/141530-fix-it-${id.slice(-6)}/141530-fix-it-${id.slice(-6)}.md` },
    ]);
  });

  it("has no secret in the name of its file, and keeps that name when its title changes", async () => {
    const world = createWorld();
    await world.start();
    const secret = `postgres://ada:${"Hunter22" + "secret"}@db`;
    world.drop("docs/x.md", `---\nnotBefore: 2026-11-20T15:00:00Z\n---\nUse ${secret} now.\n`);
    await world.settle();
    world.drop("docs/x.md", "Another title.\n");
    await world.settle();
    await finishAll(world);
    const id = world.accepted(0);
    expect(world.results()).toMatchObject([
      {
        id,
        title: "Another title.",
        path: expect.stringMatching(/^sessions.docs.2026-11-20.141530-use-postgres-ada-redacted-/),
      },
    ]);
  });

  it("is known by the id in its front matter or in its name: it is taken once and goes away the second time", async () => {
    const world = createWorld();
    await world.start();
    const text = `---\nid: ${ID}\n---\nFix it.\n`;
    world.drop("x.md", text);
    await world.settle();
    world.drop("y.md", text);
    world.drop(`${ID}.md`, "Something else.\n");
    await world.settle();
    await finishAll(world);
    world.drop("z.md", text);
    await world.settle();
    expect(world.logged("accepted")).toHaveLength(1);
    expect(world.logged("known")).toHaveLength(3);
    expect(world.runner.started).toHaveLength(1);
    for (const name of ["x", "y", "z", ID]) expect(isOnDisk(world, `inbox/${name}.md`)).toBe(false);
  });

  it("is known long after its journal was forgotten, by the ledger of its day", async () => {
    const world = createWorld();
    const row = `| 2026-11-20T10:10:10.000Z | ${ID} | docs | 1 | succeeded |  |\n`;
    world.repository.user.commit({ "tasks/2026-11-20/bbbbbb-0001.md": row });
    await world.start();
    world.drop(`${ID}.md`, "Fix it.\n");
    await world.settle();
    expect(world.logged("known")).toMatchObject([{ task: ID }]);
    expect(world.runner.started).toEqual([]);
  });

  it("stays while it is so fresh that somebody may still be writing it, though its id is known", async () => {
    const world = createWorld();
    await world.start();
    world.drop(`${ID}.md`, "Fix it.\n");
    await world.settle();
    world.drop(`${ID}.md`, "Fix it.\n", { fresh: true });
    await world.advance(500);
    expect(isOnDisk(world, `inbox/${ID}.md`)).toBe(true);
    await world.advance(500);
    expect(isOnDisk(world, `inbox/${ID}.md`)).toBe(false);
    expect(world.logged("accepted")).toHaveLength(1);
  });
});

describe("a drop that is saved again under its name", () => {
  it("replaces its task while that is queued", async () => {
    const world = createWorld();
    const coordinator = await world.start();
    await blocked(world);
    world.drop("docs/x.md", "Fix it.\n");
    await world.settle();
    const id = world.accepted(-1);
    world.drop("docs/x.md", "Fix it better.\n");
    await world.settle();
    expect(world.logged("accepted")).toHaveLength(2);
    expect(world.logged("replaced")).toMatchObject([{ task: id }]);
    expect(await coordinator.find(id)).toMatchObject({ title: "Fix it better.", status: "queued" });
    await finishAll(world);
    expect(world.runner.started.map(({ request }) => request.prompt)).toEqual(["The first.\n", "Fix it better.\n"]);
    expect(world.results().find((file) => file.id === id)?.prompt).toBe("Fix it better.\n");
  });

  it("is another task once the first one runs", async () => {
    const world = createWorld();
    await world.start();
    world.drop("docs/x.md", "Fix it.\n");
    await world.settle();
    world.drop("docs/x.md", "Fix it better.\n");
    await world.settle();
    await finishAll(world);
    expect(world.logged("accepted")).toHaveLength(2);
    expect(world.runner.started.map(({ request }) => request.prompt)).toEqual(["Fix it.\n", "Fix it better.\n"]);
  });

  it("is another task when the first one waits for its second run", async () => {
    const world = createWorld();
    await world.start();
    world.drop("docs/x.md", "Fix it.\n");
    await world.settle();
    world.runner.end(world.runner.of("docs"), { outcome: "failed", failure: failure("overloaded") });
    await world.settle();
    world.drop("docs/x.md", "Fix it better.\n");
    await world.settle();
    expect(world.logged("accepted")).toHaveLength(2);
    expect(world.logged("replaced")).toEqual([]);
  });

  it("cancels its task and is a new one when it goes to another session", async () => {
    const world = createWorld();
    const coordinator = await world.start();
    await blocked(world);
    world.drop("docs/x.md", "Fix it.\n");
    await world.settle();
    world.drop("docs/x.md", "---\nsessionKey: other\n---\nFix it.\n");
    await world.settle();
    const [before, after] = [world.accepted(-2), world.accepted(-1)];
    expect(await coordinator.find(before)).toMatchObject({ status: "cancelled" });
    expect(await coordinator.find(after)).toMatchObject({ status: "running", sessionKey: "other" });
  });

  it("is the same drop under the id of each of its versions", async () => {
    const world = createWorld();
    await world.start();
    await blocked(world);
    world.drop("docs/x.md", "Fix it.\n");
    await world.settle();
    const id = world.accepted(-1);
    world.drop("docs/x.md", "Fix it better.\n");
    await world.settle();
    const alias = aliasOf(world, id);
    world.drop("y.md", `---\nid: ${alias}\n---\nFix it better.\n`);
    await world.settle();
    expect(world.logged("accepted")).toHaveLength(2);
    await finishAll(world);
    world.drop("z.md", `---\nid: ${alias}\n---\nFix it better.\n`);
    await world.settle();
    expect(world.logged("accepted")).toHaveLength(2);
    expect(isOnDisk(world, "inbox/y.md") || isOnDisk(world, "inbox/z.md")).toBe(false);
  });

  it("is known by its second id to whoever submits it over HTTP", async () => {
    const world = createWorld();
    const coordinator = await world.start();
    await blocked(world);
    world.drop("docs/x.md", "Fix it.\n");
    await world.settle();
    world.drop("docs/x.md", "Fix it better.\n");
    await world.settle();
    const id = world.accepted(-1);
    const { task, known } = await coordinator.submit(`---\nid: ${aliasOf(world, id)}\n---\nFix it better.\n`);
    expect([task.id, known]).toEqual([id, true]);
  });
});

function aliasOf(world: World, id: string): string {
  const records = readTaskJournal(world.paths.journal).read(id);
  const replaced = records.find((record) => record.k === "replaced");
  return replaced?.k === "replaced" ? (replaced.alias ?? "") : "";
}
