import { describe, expect, it } from "vitest";
import { taskIdFromCommit } from "../../src/task/names/task-id.ts";
import { sha256 } from "../support/sha256.ts";
import { createWorld } from "../support/world.ts";
import { finishAll, isOnDisk } from "../support/world-actions.ts";

describe("a drop that came in a commit", () => {
  it("has the id that its commit and path give it in every clone, and leaves the branch as a queued task", async () => {
    const world = createWorld();
    const commit = world.repository.user.commit({ "inbox/docs/x.md": "Fix it.\n" });
    await world.start();
    await world.advance(1_000);
    const id = taskIdFromCommit(Date.UTC(2026, 10, 20, 14, 15, 30), sha256(`${commit}\0inbox/docs/x.md`));
    expect(world.accepted(0)).toBe(id);
    expect(world.committed("inbox/docs/x.md")).toBeUndefined();
    expect(world.results()).toMatchObject([{ id, status: "queued", prompt: "Fix it.\n" }]);
    expect(world.rows()).toMatchObject([{ task: id, status: "queued", run: 1 }]);
    expect(world.subjects()[0]).toBe("inbox: accepted 1: Fix it.");
    await finishAll(world);
    expect(world.results()).toMatchObject([{ id, status: "succeeded" }]);
  });

  it("is not taken again when it comes back: its path is removed from the branch once more", async () => {
    const world = createWorld();
    const before = world.repository.tip?.id ?? "";
    const commit = world.repository.user.commit({ "inbox/docs/x.md": "Fix it.\n" });
    await world.start();
    await world.advance(1_000);
    await finishAll(world);
    world.repository.user.reset(commit);
    await world.advance(1_000);
    expect(world.repository.log().some(({ id }) => id === before)).toBe(true);
    expect(world.logged("accepted")).toHaveLength(1);
    expect(world.committed("inbox/docs/x.md")).toBeUndefined();
    expect(isOnDisk(world, "inbox/docs/x.md")).toBe(false);
    expect(world.results()).toMatchObject([{ status: "succeeded" }]);
    expect(world.runner.started).toHaveLength(1);
  });

  it("is the same drop when its commit was rewritten before ours could take it out", async () => {
    const world = createWorld();
    const { user } = world.repository;
    const before = user.commit({ "a.md": "a" });
    user.commit({ "inbox/docs/x.md": "Fix it.\n" });
    await world.start();
    user.beginMerge();
    await world.advance(1_000);
    expect(world.logged("accepted")).toHaveLength(1);
    user.reset(before);
    user.commit({ "a.md": "b", "inbox/docs/x.md": "Fix it.\n" });
    await world.advance(2_000);
    user.endMerge();
    await world.advance(2_000);
    await finishAll(world);
    expect(world.logged("accepted")).toHaveLength(1);
    expect(world.runner.started).toHaveLength(1);
    expect(world.committed("inbox/docs/x.md")).toBeUndefined();
  });

  it("goes with the edit in the work tree that nobody has committed", async () => {
    const world = createWorld();
    world.repository.user.commit({ "inbox/docs/x.md": "Fix it.\n" });
    world.repository.user.write("inbox/docs/x.md", "Fix it better.\n");
    await world.start();
    await world.advance(1_000);
    await finishAll(world);
    expect(world.results()).toMatchObject([{ prompt: "Fix it better.\n", status: "succeeded" }]);
    expect(world.committed("inbox/docs/x.md")).toBeUndefined();
  });
});

describe("a drop that is staged", () => {
  it("stays where git has it, is run once, and leaves the branch when it is committed later", async () => {
    const world = createWorld();
    const { user } = world.repository;
    user.stage("inbox/docs/x.md", "Fix it.\n");
    await world.start();
    await world.advance(1_000);
    await finishAll(world);
    expect(isOnDisk(world, "inbox/docs/x.md")).toBe(true);
    user.write("inbox/docs/x.md", undefined);
    await world.hint();
    user.write("inbox/docs/x.md", "Fix it.\n"); // From the index, say.
    await world.advance(1_000);
    await world.hint();
    expect(world.logged("accepted")).toHaveLength(1);
    user.commit({ "inbox/docs/x.md": "Fix it.\n" });
    await world.advance(2_000);
    expect(world.committed("inbox/docs/x.md")).toBeUndefined();
    expect(isOnDisk(world, "inbox/docs/x.md")).toBe(false);
    expect(world.logged("accepted")).toHaveLength(1);
    // Our commit has taken it out for good: from now on the same text is a new wish.
    world.drop("docs/x.md", "Fix it.\n");
    await world.settle();
    expect(world.logged("accepted")).toHaveLength(2);
  });

  it("is a new version when it comes back with another text", async () => {
    const world = createWorld();
    world.repository.user.stage("inbox/docs/x.md", "Fix it.\n");
    await world.start();
    await world.advance(1_000);
    await finishAll(world);
    world.drop("docs/x.md", "Fix it better.\n");
    await world.settle();
    expect(world.logged("accepted")).toHaveLength(2);
  });
});

describe("while another branch is checked out", () => {
  it("a file of that branch is left alone", async () => {
    const world = createWorld();
    await world.start();
    world.repository.user.switchAway();
    world.repository.user.stage("inbox/theirs.md", "Fix it.\n");
    await world.advance(2_000);
    await world.hint();
    expect(world.logged("accepted")).toEqual([]);
    expect(isOnDisk(world, "inbox/theirs.md")).toBe(true);
  });

  it("a new file is a drop of its own, whatever our branch holds at its path", async () => {
    const world = createWorld();
    const { user } = world.repository;
    await world.start();
    user.switchAway();
    user.commit({ "inbox/x.md": "Ours.\n" }, { keepOnDisk: true });
    world.repository.index.delete("inbox/x.md");
    world.drop("x.md", "Theirs.\n");
    await world.advance(1_000);
    expect(world.runner.started.map(({ request }) => request.prompt)).toEqual(["Theirs.\n"]);
    expect(world.committed("inbox/x.md")).toBe("Ours.\n");
    await finishAll(world);
    expect(world.committed("inbox/x.md")).toBe("Ours.\n");
  });
});
