import { describe, expect, it } from "vitest";
import { createWorld, type World } from "../support/world.ts";

const BROKEN = "---\npriority: high\n---\nFix it.\n";
const WORSE = "---\npriority: high\ntimeoutMs: soon\n---\nFix it.\n";

/** Serves a workspace whose branch holds a file that is no valid task. */
async function withBroken(): Promise<World> {
  const world = createWorld();
  world.repository.user.commit({ "inbox/docs/x.md": BROKEN });
  await world.start();
  await world.advance(1_000);
  return world;
}

describe("a broken file that somebody has committed", () => {
  it("gets its error file committed beside it, for whoever pushed it", async () => {
    const world = await withBroken();
    expect(world.committed("inbox/docs/x.error.md")).toMatch(
      /^<!-- codex-inbox:error -->\n# `x\.md` is not a valid task/,
    );
    expect(world.committed("inbox/docs/x.md")).toBe(BROKEN);
    expect(world.subjects()[0]).toBe("inbox: inbox/docs/x.md is not a valid task");
    expect(world.logged("accepted")).toEqual([]);
  });

  it("is committed about once, not at every look, start or save", async () => {
    const world = await withBroken();
    const commits = world.repository.log().length;
    await world.hint();
    world.repository.user.write("inbox/docs/x.md", BROKEN); // Saved again: it settles, and nothing is known of it until then.
    await world.hint();
    await world.crash();
    await world.start();
    await world.advance(1_000);
    expect(world.repository.log()).toHaveLength(commits);
  });

  it("has an error file that follows what is wrong with it", async () => {
    const world = await withBroken();
    world.repository.user.commit({ "inbox/docs/x.md": WORSE });
    await world.advance(1_000);
    await world.advance(1_000);
    expect(world.committed("inbox/docs/x.error.md")).toContain("timeoutMs");
  });

  it.each([
    {
      name: "in a commit",
      restoreLostResults: (world: World) => world.repository.user.commit({ "inbox/docs/x.md": "Fix it.\n" }),
    },
    {
      name: "in the work tree",
      restoreLostResults: (world: World) => world.repository.user.write("inbox/docs/x.md", "Fix it.\n"),
    },
  ])("leaves the branch together with its error file once it is mended $name", async ({ restoreLostResults }) => {
    const world = await withBroken();
    restoreLostResults(world);
    await world.hint();
    await world.advance(1_000);
    expect(world.logged("accepted")).toHaveLength(1);
    expect([...(world.repository.tip?.files.keys() ?? [])].filter((path) => path.startsWith("inbox/"))).toEqual([]);
    expect(world.subjects().filter((subject) => subject.startsWith("inbox: "))).toEqual([
      ...["inbox: accepted 1: Fix it.", "inbox: inbox/docs/x.md is not a valid task"],
    ]);
  });

  it("takes its error file along when the user removes it", async () => {
    const world = await withBroken();
    world.repository.user.commit({ "inbox/docs/x.md": undefined });
    await world.advance(1_000);
    expect(world.committed("inbox/docs/x.error.md")).toBeUndefined();
    expect(world.subjects()[0]).toBe("inbox: removed inbox/docs/x.error.md");
  });
});

describe("error files", () => {
  it("of files that are not in the branch stay out of it", async () => {
    const world = createWorld();
    const coordinator = await world.start();
    world.drop("x.md", BROKEN);
    await world.settle();
    expect(world.repository.user.read("inbox/x.error.md")).toContain("codex-inbox:error");
    expect(world.subjects()).toHaveLength(1);
    expect(coordinator.health().broken).toEqual(["inbox/x.md"]);
  });

  it("that are none of ours are left alone, whatever their name", async () => {
    const world = createWorld();
    world.repository.user.commit({ "inbox/notes.error.md": "My notes.\n" });
    await world.start();
    await world.advance(1_000);
    expect(world.committed("inbox/notes.error.md")).toBe("My notes.\n");
    expect(world.subjects()).toHaveLength(2);
  });

  it("are not touched while another branch is checked out", async () => {
    const world = await withBroken();
    const commits = world.repository.log().length;
    world.repository.user.switchAway();
    world.repository.user.write("inbox/docs/x.md", undefined);
    await world.hint();
    await world.advance(1_000);
    expect(world.repository.log()).toHaveLength(commits);
  });
});

describe("a look at the inbox", () => {
  it("comes when something is due, and not at every tick", async () => {
    const world = createWorld();
    await world.start();
    const looks = (): number => world.calls("intake.scan");
    const before = looks();
    await world.advance(10_000);
    expect(looks()).toBe(before);
    world.drop("x.md", "Fix it.\n", { fresh: true });
    await world.settle();
    expect(looks()).toBe(before + 1);
    await world.advance(1_000);
    expect(world.logged("accepted")).toHaveLength(1);
  });
});
