import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openTaskJournal } from "../../src/runtime/task-journal.ts";
import { taskIdFromCommit } from "../../src/task/task-id.ts";
import { sha256 } from "../support/sha256.ts";
import { createWorld, type World } from "../support/world.ts";

const ID = "20261120-101010-abcdef";

function onDisk(world: World, path: string): boolean {
  return existsSync(join(world.dir, path));
}

/** Ends every run under way, one after the other, until nothing runs. */
async function finishAll(world: World): Promise<void> {
  for (;;) {
    const run = world.runner.started.find(({ probe }) => probe === "alive");
    if (run === undefined) return;
    world.runner.end(run);
    await world.settle();
  }
}

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
    expect(onDisk(world, "inbox/docs/x.md")).toBe(false);
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
    expect(world.results()).toMatchObject([{ id, path: `sessions/2026-11-20/${id}/2026-11-20/${id}.md` }]);
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
    for (const name of ["x", "y", "z", ID]) expect(onDisk(world, `inbox/${name}.md`)).toBe(false);
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
    expect(onDisk(world, `inbox/${ID}.md`)).toBe(true);
    await world.advance(500);
    expect(onDisk(world, `inbox/${ID}.md`)).toBe(false);
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
    world.runner.end(world.runner.of("docs"), { outcome: "failed", reason: "overloaded", retryable: true });
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
    expect(onDisk(world, "inbox/y.md") || onDisk(world, "inbox/z.md")).toBe(false);
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
  const records = openTaskJournal(world.paths.journal, "read").read(id);
  const replaced = records.find((record) => record.k === "replaced");
  return replaced?.k === "replaced" ? replaced.alias : "";
}

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
    expect(onDisk(world, "inbox/docs/x.md")).toBe(false);
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
    expect(onDisk(world, "inbox/docs/x.md")).toBe(true);
    user.write("inbox/docs/x.md", undefined);
    await world.hint();
    user.write("inbox/docs/x.md", "Fix it.\n"); // From the index, say.
    await world.advance(1_000);
    await world.hint();
    expect(world.logged("accepted")).toHaveLength(1);
    user.commit({ "inbox/docs/x.md": "Fix it.\n" });
    await world.advance(2_000);
    expect(world.committed("inbox/docs/x.md")).toBeUndefined();
    expect(onDisk(world, "inbox/docs/x.md")).toBe(false);
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
    expect(onDisk(world, "inbox/theirs.md")).toBe(true);
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
