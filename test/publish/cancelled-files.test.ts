import { describe, expect, it } from "vitest";
import { createWorld, type World } from "../support/world.ts";

const LATER = "---\nnotBefore: 2027-01-01T00:00:00Z\n---\nLater.\n";

/** Serves a workspace that a queued task has come to by commit; its file is committed. */
async function queued(): Promise<{ readonly world: World; readonly id: string; readonly path: string }> {
  const world = createWorld();
  world.repository.user.commit({ "inbox/docs/later.md": LATER });
  await world.start();
  await world.advance(1_000);
  const id = world.accepted(0);
  return { world, id, path: world.pathOf(id) };
}

function expectCancelled(world: World, id: string, why: string): void {
  expect(world.results()).toMatchObject([
    { id, status: "cancelled", result: { reason: `stopped by the user: ${why}` } },
  ]);
  expect(world.rows().at(-1)).toMatchObject({ task: id, status: "cancelled" });
  expect(world.runner.started).toEqual([]);
}

describe("the committed file of a queued task", () => {
  it("cancels it when a commit removes or renames it", async () => {
    const { world, id, path } = await queued();
    const text = world.committed(path) ?? "";
    world.repository.user.commit({ [path]: undefined, [path.replace("later", "_draft")]: text });
    await world.advance(1_000);
    await world.settle();
    expect(world.rows().at(-1)).toMatchObject({ task: id, status: "cancelled" });
    expect(world.committed(path)).toContain("its file was removed in a commit");
    expect(world.runner.started).toEqual([]);
  });

  it("cancels it when it was removed while nobody served", async () => {
    const { world, id, path } = await queued();
    await world.crash();
    world.repository.user.commit({ [path]: undefined });
    await world.start();
    await world.settle();
    expectCancelled(world, id, "its file was removed in a commit");
  });

  it("cancels it when somebody writes cancel: true into it", async () => {
    const { world, id, path } = await queued();
    const text = world.committed(path) ?? "";
    world.repository.user.commit({ [path]: text.replace("format:", "cancel: false\nformat:") });
    await world.advance(1_000);
    expect(world.rows().at(-1)).toMatchObject({ status: "queued" });
    world.repository.user.commit({ [path]: text.replace("format:", "cancel: true\nformat:") });
    await world.advance(1_000);
    await world.settle();
    expectCancelled(world, id, "its file says cancel: true");
  });

  it("is put back when the branch lost our commit, or it lies on the disk still", async () => {
    const { world, id, path } = await queued();
    const before = world.repository.log().at(-1)?.id ?? "";
    world.repository.user.reset(before);
    await world.advance(1_000);
    await world.settle();
    expect(world.results()).toMatchObject([{ id, status: "queued", path }]);
    world.repository.user.commit({ [path]: undefined }, { keepOnDisk: true });
    await world.advance(1_000);
    await world.settle();
    expect(world.results()).toMatchObject([{ id, status: "queued", path }]);
    expect(world.rows().filter(({ status }) => status === "cancelled")).toEqual([]);
  });

  it("is none of a task that was never committed: it goes on", async () => {
    const world = createWorld();
    await world.start();
    world.drop("docs/later.md", LATER);
    await world.settle();
    world.repository.user.commit({ "note.md": "x" });
    await world.advance(1_000);
    expect(await world.queries.find(world.accepted(0))).toMatchObject({ status: "queued" });
  });
});

describe("a drop that says cancel: true", () => {
  it("cancels the task that waits under its name, and is recorded without one", async () => {
    const world = createWorld();
    await world.start();
    world.drop("docs/later.md", LATER);
    await world.settle();
    world.drop("docs/later.md", LATER.replace("---\n", "---\ncancel: true\n"));
    world.drop("docs/new.md", "---\ncancel: true\n---\nNever.\n");
    await world.settle();
    await world.advance(1_000);
    expect(
      world
        .results()
        .map(({ status, prompt }) => [prompt, status])
        .sort(),
    ).toEqual([
      ["Later.\n", "cancelled"],
      ["Never.\n", "cancelled"],
    ]);
    expect(world.runner.started).toEqual([]);
  });

  it("cancels both where it names another session than before", async () => {
    const world = createWorld();
    await world.start();
    world.drop("later.md", LATER);
    await world.settle();
    world.drop("later.md", LATER.replace("---\n", "---\ncancel: true\nsessionKey: other\n"));
    await world.settle();
    await world.advance(1_000);
    expect(world.results().map(({ status }) => status)).toEqual(["cancelled", "cancelled"]);
    expect(world.runner.started).toEqual([]);
  });

  it("is tried again without that mark", async () => {
    const world = createWorld();
    const coordinator = await world.start();
    world.drop("docs/x.md", "---\ncancel: true\n---\nDo it.\n");
    await world.settle();
    const retried = await coordinator.retry(world.accepted(0));
    await world.settle();
    expect(world.runner.of(retried.id).request).toMatchObject({ prompt: "Do it.\n" });
  });
});
