import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { failAt } from "../../src/base/fault-point.ts";
import { parseTranscript } from "../../src/task/session/transcript.ts";
import { newLife } from "../support/mortal.ts";
import { waitFor } from "../support/wait-for.ts";
import { createWorld, type World } from "../support/world.ts";

interface Served {
  readonly world: World;
  /** The commit before the first result. */
  readonly before: string;
  readonly ids: readonly string[];
  readonly paths: readonly string[];
}

/** Serves a workspace in which two tasks of the session "docs" have ended and are committed. */
async function served(): Promise<Served> {
  const world = createWorld();
  const before = world.repository.tip?.id ?? "";
  await world.start();
  const ids: string[] = [];
  for (const name of ["docs/1", "docs/2"]) {
    world.drop(`${name}.md`, `Do ${name}.\n`);
    await world.settle();
    world.runner.end(world.runner.of("docs"));
    await world.settle();
    ids.push(world.accepted(-1));
  }
  return { world, before, ids, paths: ids.map(world.pathOf) };
}

/** A third task runs; just before its result is committed the user resets the branch behind those of the others. */
async function thirdBehindReset({ world, before }: Served): Promise<void> {
  world.drop("other/3.md", "Do it.\n");
  await world.settle();
  world.repository.beforeCommit = () => {
    world.repository.beforeCommit = () => undefined;
    world.repository.user.reset(before);
  };
}

/** All that two finished tasks leave in the branch. */
function expectAllThere({ world, ids }: Served): void {
  const statuses = new Map(world.results().map(({ id, status }) => [id, status]));
  expect(statuses).toEqual(new Map(ids.map((id) => [id, "succeeded"])));
  for (const id of ids)
    expect(world.rows().filter((row) => row.task === id && row.status === "succeeded")).toHaveLength(1);
  expect(parseTranscript(world.committed("sessions/docs/transcript.jsonl") ?? "")).toHaveLength(4);
  expect(world.committed("sessions/docs/session.jsonl")).toContain('"kind":"thread"');
  expect(world.runner.started).toHaveLength(2);
}

describe("a branch that loses our commits", () => {
  it("gets them again, and nothing is run again", async () => {
    const snapshot = await served();
    const { world, before } = snapshot;
    world.repository.user.reset(before);
    await world.advance(1_000);
    expectAllThere(snapshot);
    expect(world.logged("recommit")).toHaveLength(2);
    const commits = world.repository.log().length;
    await world.advance(10_000);
    expect(world.repository.log()).toHaveLength(commits);
    expect(existsSync(join(world.dir, snapshot.paths[0] ?? ""))).toBe(true);
  });

  it("gets them again although the first look at it failed for want of file descriptors", async () => {
    const snapshot = await served();
    const { world, before } = snapshot;
    let failures = 1;
    world.repository.beforeLookUp = () => {
      if (failures-- > 0) throw Object.assign(new Error("too many open files"), { code: "EMFILE" });
    };
    world.repository.user.reset(before);
    for (let second = 0; second < 60; second += 1) await world.advance(1_000);
    expect(failures).toBeLessThan(1);
    expectAllThere(snapshot);
    expect(world.logged("recommit")).toHaveLength(2);
  });

  it("gets them again although their journals could not be opened at first", async () => {
    const snapshot = await served();
    const { world, before } = snapshot;
    const mend = failAt("journal", "EIO");
    try {
      world.repository.user.reset(before);
      await world.advance(1_000);
      expect(world.results()).toHaveLength(0);
    } finally {
      mend();
    }
    for (let second = 0; second < 60; second += 1) await world.advance(1_000);
    expectAllThere(snapshot);
  });

  it("gets only those that are missing", async () => {
    const snapshot = await served();
    const first = snapshot.world.repository.tip?.parent?.id ?? "";
    snapshot.world.repository.user.reset(first);
    await snapshot.world.advance(1_000);
    expectAllThere(snapshot);
    expect(snapshot.world.logged("recommit")).toMatchObject([
      { task: snapshot.ids[1], reason: "the branch lost our commit" },
    ]);
  });

  it("gets them again from a coordinator that was started later", async () => {
    const snapshot = await served();
    await snapshot.world.crash();
    snapshot.world.repository.user.reset(snapshot.before);
    await snapshot.world.start();
    expectAllThere(snapshot);
  });

  it("gets them again a second time", async () => {
    const snapshot = await served();
    for (let n = 0; n < 2; n += 1) {
      snapshot.world.repository.user.reset(snapshot.before);
      await snapshot.world.advance(1_000);
      expectAllThere(snapshot);
    }
  });

  it("gets them again when a batch of ours came before anybody looked", async () => {
    const snapshot = await served();
    const { world } = snapshot;
    await thirdBehindReset(snapshot);
    world.runner.end(world.runner.of("other"));
    await world.settle();
    await world.advance(1_000);
    expect(world.results()).toHaveLength(3);
    expect(world.logged("recommit")).toHaveLength(2);
  });

  it("gets them again from a later coordinator, although the one before has put a result on top and died before it looked", async () => {
    const snapshot = await served();
    const { world } = snapshot;
    await thirdBehindReset(snapshot);
    world.repository.beforeLookUp = () => {
      throw Object.assign(new Error("too many open files"), { code: "EMFILE" });
    };
    world.runner.end(world.runner.of("other"));
    await world.settle();
    expect(world.results()).toHaveLength(1);
    await world.crash();
    world.repository.beforeLookUp = () => undefined;
    await world.start();
    await world.advance(1_000);
    expect(world.results()).toHaveLength(3);
    expect(world.logged("recommit")).toHaveLength(2);
  });

  it("gets one again that was on its way to be recorded when the loss was seen", async () => {
    const snapshot = await served();
    const { world, before } = snapshot;
    world.drop("other/3.md", "Do it.\n");
    await world.settle();
    const seen = (): number => world.logged("branch-moved").length;
    const seenBefore = seen();
    world.repository.beforeLookUp = async (asked) => {
      if (!/^sessions\/other\/.*\.md$/.test(asked) || world.committed(asked) === undefined) return;
      world.repository.beforeLookUp = () => undefined;
      world.repository.user.reset(before);
      await waitFor(() => seen() > seenBefore, { what: "the loss to be seen", intervalMs: 1 });
    };
    world.runner.end(world.runner.of("other"));
    for (let second = 0; second < 20; second += 1) await world.advance(1_000);
    expect(world.results()).toHaveLength(3);
    expect(world.runner.started).toHaveLength(3);
    const commits = world.repository.log().length;
    await world.advance(10_000);
    expect(world.repository.log()).toHaveLength(commits);
  });

  it("keeps what others have put on it instead", async () => {
    const snapshot = await served();
    snapshot.world.repository.user.reset(snapshot.before);
    snapshot.world.repository.user.commit({ "src/main.c": "theirs" });
    await snapshot.world.advance(1_000);
    expectAllThere(snapshot);
    expect(snapshot.world.committed("src/main.c")).toBe("theirs");
  });
});

describe("a commit of the user's", () => {
  it("that took a result back from an older index is made good: the file still lies on the disk", async () => {
    const snapshot = await served();
    const { world, paths } = snapshot;
    world.repository.user.commit({ [paths[0] ?? ""]: undefined }, { keepOnDisk: true });
    await world.advance(1_000);
    expectAllThere(snapshot);
    expect(world.logged("recommit")).toMatchObject([{ task: snapshot.ids[0], reason: "a commit took its file back" }]);
  });

  it("that took rows of the ledger back is made good", async () => {
    const snapshot = await served();
    snapshot.world.repository.user.commit({ "tasks.md": "" });
    await snapshot.world.advance(1_000);
    expectAllThere(snapshot);
  });

  it("that came with a batch of ours right behind it is looked at all the same", async () => {
    const snapshot = await served();
    const { world, paths } = snapshot;
    world.drop("other/3.md", "Do it.\n");
    await world.settle();
    world.repository.beforeCommit = () => {
      world.repository.beforeCommit = () => undefined;
      world.repository.user.commit({ [paths[0] ?? ""]: undefined }, { keepOnDisk: true });
    };
    world.runner.end(world.runner.of("other"));
    await world.settle();
    await world.advance(1_000);
    expect(
      world
        .results()
        .map(({ id }) => id)
        .sort(),
    ).toEqual([...snapshot.ids, world.accepted(2)].sort());
    expect(world.logged("branch-moved")).toHaveLength(1);
  });

  it("that removes a result everywhere was meant: it stays away, and the rest with it", async () => {
    const snapshot = await served();
    const { world, paths, ids } = snapshot;
    world.repository.user.commit({ [paths[0] ?? ""]: undefined });
    await world.advance(1_000);
    expect(world.results().map(({ id }) => id)).toEqual([ids[1]]);
    expect(world.logged("forgotten")).toMatchObject([{ task: ids[0] }]);
    world.repository.user.commit({ "tasks.md": "" });
    await world.advance(1_000);
    expect(world.results().map(({ id }) => id)).toEqual([ids[1]]);
  });

  it("that edits a result is left as it is", async () => {
    const snapshot = await served();
    const { world, paths } = snapshot;
    const edited = `${world.committed(paths[0] ?? "")}\nNote to self.\n`;
    world.repository.user.commit({ [paths[0] ?? ""]: edited });
    await world.advance(1_000);
    expect(world.committed(paths[0] ?? "")).toBe(edited);
    expect(world.logged("recommit")).toEqual([]);
  });

  it("that leaves our files alone costs no look at them", async () => {
    const snapshot = await served();
    const { world } = snapshot;
    const life = await restarted(world);
    const asked = (): number => life.called.filter((name) => name === "branch.blobAt").length;
    const before = asked();
    world.repository.user.commit({ "src/main.c": "theirs" });
    await world.advance(1_000);
    expect(world.logged("branch-moved")).toHaveLength(1);
    expect(asked()).toBe(before);
  });

  it("made while another branch is checked out does not make a missing file an accident", async () => {
    const snapshot = await served();
    const { world, paths } = snapshot;
    world.repository.user.switchAway();
    world.repository.user.commit({ [paths[0] ?? ""]: undefined }, { keepOnDisk: true });
    await world.advance(1_000);
    expect(world.logged("forgotten")).toHaveLength(1);
    expect(world.results()).toHaveLength(1);
  });
});

async function restarted(world: World): Promise<{ readonly called: readonly string[] }> {
  await world.crash();
  const life = newLife();
  await world.start({ life });
  return life;
}
