import { describe, expect, it } from "vitest";
import { createFakeClaims } from "../../fakes/fake-claims-remote.ts";
import { type Clone, commitDrop, createClone, publish, taskId, travel } from "../../support/two-clones.ts";

const [ONE, TWO] = [taskId(1), taskId(2)];

function pair() {
  const remote = createFakeClaims();
  const [a, b] = [createClone(remote, "aaaaaa"), createClone(remote, "bbbbbb")];
  a.world.names = { name: "laptop", labels: [] };
  return { remote, a, b };
}

function started({ world }: Clone): readonly string[] {
  return world.runner.started.map(({ request }) => request.prompt.trim());
}

describe("a drop that came by a commit", () => {
  it("runs in the clone that has claimed it, is taken out of inbox/ by that one alone, and retires the other's copy without a commit", async () => {
    const { remote, a, b } = pair();
    commitDrop([a, b], 1);
    const one = await a.world.start();
    const other = await b.world.start();
    expect(started(a)).toEqual(["do 1"]);
    expect(started(b)).toEqual([]);
    expect(remote.claims.get(ONE)?.claim).toMatchObject({ clone: "aaaaaa", name: "laptop", generation: 1 });
    const hold = `claimed by laptop since ${new Date(a.world.clock.nowMs).toISOString().replace(/\.\d+Z$/, "Z")}`;
    expect(await other.find(ONE)).toMatchObject({ status: "queued", hold });
    expect(a.world.committed(`inbox/${ONE}.md`)).toBeUndefined();
    expect(b.world.committed(`inbox/${ONE}.md`)).toBeDefined();
    expect(b.world.subjects()).not.toContain("inbox: accepted 1: do 1");
    a.world.runner.end(a.world.runner.of("s1"));
    await a.world.settle();
    expect(await one.find(ONE)).toMatchObject({ status: "succeeded", committed: true });
    const before = b.world.subjects().length;
    await travel(remote, a, [b]);
    expect(b.world.logged("ended-elsewhere")).toMatchObject([{ task: ONE, status: "succeeded" }]);
    expect(b.world.subjects()).toHaveLength(before + 1); // The one of the pull.
    expect(started(b)).toEqual([]);
    expect(await other.find(ONE)).toMatchObject({ status: "succeeded", committed: true });
  });

  it("keeps its claim until its result is on the remote, which then loses all that are done with by one push", async () => {
    const { remote, a } = pair();
    a.world.settings.maxWorkers = 3;
    commitDrop([a], 1);
    commitDrop([a], 2);
    await a.world.start();
    for (const session of ["s1", "s2"]) a.world.runner.end(a.world.runner.of(session));
    await a.world.settle();
    a.remote.fetch();
    await a.world.advance(1_000);
    expect([...remote.claims.keys()].sort()).toEqual([ONE, TWO]);
    publish(remote, a);
    a.remote.fetch();
    const pushes = a.remote.pushes.length;
    await a.world.advance(1_000);
    expect([...remote.claims.keys()]).toEqual([]);
    expect(a.remote.pushes.slice(pushes).map((swaps) => swaps.map(({ claim }) => claim))).toEqual([
      [undefined, undefined],
    ]);
  });

  it("has no claim any more when the coordinator that has ended it ends, once its result is on the remote", async () => {
    const remote = createFakeClaims();
    const a = createClone(remote, "aaaaaa");
    for (const n of [1, 2]) commitDrop([a], n);
    const one = await a.world.start();
    await a.world.settle();
    a.world.runner.end(a.world.runner.of("s1"));
    await a.world.settle();
    publish(remote, a);
    a.world.runner.end(a.world.runner.of("s2"));
    a.remote.fetch();
    await one.drain();
    expect([...remote.claims.keys()]).toEqual([taskId(2)]);
  });

  it("is not run once more by a clone that finds its claim gone before it has the result", async () => {
    const { remote, a, b } = pair();
    commitDrop([a, b], 1);
    await a.world.start();
    a.world.runner.end(a.world.runner.of("s1"));
    await a.world.settle();
    publish(remote, a);
    a.remote.fetch();
    await a.world.advance(1_000);
    expect(remote.claims.size).toBe(0);
    const other = await b.world.start(); // Its branch does not have the result.
    await b.world.advance(10_000);
    expect(started(b)).toEqual([]);
    expect(await other.find(ONE)).toMatchObject({
      status: "queued",
      hold: "has ended in another clone, whose result is on the remote",
    });
    expect(remote.claims.size).toBe(0);
    await travel(remote, a, [b]);
    expect(await other.find(ONE)).toMatchObject({ status: "succeeded" });
    expect(remote.claims.size).toBe(0);
  });

  it("is claimed only by as many at a time as could run soon, heads of their sessions alone", async () => {
    const { remote, a, b } = pair();
    a.world.settings.maxWorkers = 1;
    for (const n of [1, 2, 3, 4, 5]) commitDrop([a, b], n, "", n < 3 ? "docs" : `s${n}`);
    await a.world.start();
    expect([...remote.claims.keys()].sort()).toEqual([ONE, taskId(3)]);
    await b.world.start();
    expect([...remote.claims].map(([task, { claim }]) => `${task.slice(-2)} ${claim.clone}`).sort()).toEqual([
      "01 aaaaaa",
      "03 aaaaaa",
      "04 bbbbbb",
      "05 bbbbbb",
    ]);
    expect(started(b)).toEqual(["do 4", "do 5"]);
  });

  it("waits, with the reason, while the remote is away, and other tasks go on", async () => {
    const { remote, a } = pair();
    remote.problem = "the remote origin cannot be reached";
    commitDrop([a], 1);
    const coordinator = await a.world.start();
    expect(await coordinator.find(ONE)).toMatchObject({
      status: "queued",
      hold: "waits for its claim: the remote origin cannot be reached",
    });
    a.world.drop("here/local.md", "local");
    await a.world.settle();
    expect(started(a)).toEqual(["local"]);
    remote.problem = undefined;
    await a.world.advance(60_000);
    expect(started(a)).toEqual(["local", "do 1"]);
    expect(a.world.logged("claims-wait")).toHaveLength(1);
    expect(a.world.logged("claims-back")).toHaveLength(1);
  });

  it("is found again by a coordinator that was killed after the push and before the journal, and not asked for twice", async () => {
    const { remote, a } = pair();
    commitDrop([a], 1);
    a.remote.afterPush = () => {
      a.remote.afterPush = () => undefined;
      remote.problem = "away just now";
    };
    await a.world.start();
    expect(started(a)).toEqual([]);
    expect(remote.claims.get(ONE)?.claim.clone).toBe("aaaaaa");
    await a.world.crash();
    remote.problem = undefined;
    await a.world.start();
    a.remote.fetch();
    await a.world.advance(1_000);
    expect(started(a)).toEqual(["do 1"]);
    expect(remote.claims.get(ONE)?.claim).toMatchObject({ clone: "aaaaaa", generation: 1 });
  });

  it("goes on without the remote once it is claimed, over a restart", async () => {
    const { remote, a } = pair();
    commitDrop([a], 1);
    await a.world.start();
    await a.world.crash();
    remote.problem = "away";
    await a.world.start();
    a.world.runner.end(a.world.runner.of("s1"));
    await a.world.settle();
    expect(a.world.results()).toMatchObject([{ id: ONE, status: "succeeded" }]);
    expect(started(a)).toEqual(["do 1"]);
  });

  it("that says where it runs waits for a clone of that name or label", async () => {
    const { remote, a, b } = pair();
    b.world.names = { name: "server", labels: ["gpu"] };
    commitDrop([a, b], 1, "runsOn: GPU");
    const one = await a.world.start();
    expect(await one.find(ONE)).toMatchObject({
      hold: "runs on GPU, which is no name of this clone",
      holdRemedy: "codex-inbox policy allow labels GPU, if it is to run here",
    });
    await b.world.start();
    expect(started(b)).toEqual(["do 1"]);
    expect([...remote.claims.values()].map(({ claim }) => claim.name)).toEqual(["server"]);
    expect(started(a)).toEqual([]);
  });

  it("goes, unclaimed, when a commit takes its file back or changes it: the changed one is another task", async () => {
    const { remote, a } = pair();
    remote.problem = "away";
    a.world.repository.user.commit({ "inbox/x.md": "first", "inbox/y.md": "stays" });
    const coordinator = await a.world.start();
    await a.world.advance(2_000);
    const first = a.world.accepted(0);
    a.world.repository.user.commit({ "inbox/x.md": "second" });
    await a.world.advance(2_000);
    await expect(coordinator.find(first)).rejects.toMatchObject({ code: "NOT_FOUND" });
    const { tasks } = await coordinator.list({ finished: 0 });
    expect(tasks.map(({ title }) => title).sort()).toEqual(["second", "stays"]);
    a.world.repository.user.commit({ "inbox/x.md": undefined });
    await a.world.advance(2_000);
    expect((await coordinator.list({ finished: 0 })).tasks.map(({ title }) => title)).toEqual(["stays"]);
    expect(a.world.logged("withdrawn")).toHaveLength(2);
  });

  it("is neither stopped nor edited where it is not claimed", async () => {
    const { a, b } = pair();
    commitDrop([a, b], 1);
    await a.world.start();
    const other = await b.world.start();
    const refused = { code: "REFUSED", message: expect.stringContaining("has not claimed") };
    await expect(other.stop(ONE)).rejects.toMatchObject(refused);
    await expect(other.edit(ONE, { keys: {}, prompt: "x" })).rejects.toMatchObject(refused);
    b.world.request(ONE);
    await b.world.advance(1_000);
    expect(b.world.logged("stop-ignored")).toHaveLength(1);
    expect(await other.find(ONE)).toMatchObject({ status: "queued" });
  });

  it("stays in inbox/ while it is only staged: other clones will know it by its commit", async () => {
    const { remote, a } = pair();
    a.world.repository.user.stage("inbox/x.md", "staged");
    await a.world.start();
    await a.world.advance(5_000);
    expect(a.world.logged("accepted")).toEqual([]);
    expect(a.world.logged("held-back")).toMatchObject([{ path: "inbox/x.md" }]);
    a.world.repository.user.commit({ "inbox/x.md": "staged" });
    await a.world.advance(5_000);
    expect(started(a)).toEqual(["staged"]);
    expect(remote.claims.size).toBe(1);
  });
});

it("without a remote nothing is claimed", async () => {
  const { remote, a } = pair();
  a.world.shared = undefined;
  commitDrop([a], 1);
  await a.world.start();
  expect(started(a)).toEqual(["do 1"]);
  expect(remote.claims.size).toBe(0);
});
