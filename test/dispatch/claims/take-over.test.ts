import { describe, expect, it } from "vitest";
import { foldLedger } from "../../../src/task/ledger/ledger.ts";
import { createFakeClaims } from "../../fakes/fake-claims-remote.ts";
import { type Clone, commitDrop, createClone, taskId, travel } from "../../support/two-clones.ts";

const ONE = taskId(1);

async function pair() {
  const remote = createFakeClaims();
  const [a, b] = [createClone(remote, "aaaaaa"), createClone(remote, "bbbbbb")];
  commitDrop([a, b], 1);
  const [one, other] = [await a.world.start(), await b.world.start()];
  return { remote, a, b, one, other };
}

function started({ world }: Clone): readonly string[] {
  return world.runner.started.map(({ request }) => `${request.run} ${request.prompt.trim()}`);
}

async function end({ world }: Clone): Promise<void> {
  world.runner.end(world.runner.of("s1"));
  await world.settle();
}

describe("a task that is taken over", () => {
  it("is claimed with the next generation and runs here under numbers above the other's", async () => {
    const { remote, b, other } = await pair();
    expect(await other.takeOver(ONE)).toMatchObject({ id: ONE });
    await b.world.settle();
    expect(remote.claims.get(ONE)?.claim).toMatchObject({ clone: "bbbbbb", generation: 2 });
    expect(started(b)).toEqual(["1001 do 1"]);
    await end(b);
    expect(b.world.results()).toMatchObject([{ id: ONE, status: "succeeded", frontMatter: { run: 1001 } }]);
  });

  it("is ended in the clone that had it, as soon as that one knows, and recorded there as superseded, not as an end", async () => {
    const { a, b, one, other } = await pair();
    await other.takeOver(ONE);
    a.remote.fetch();
    await a.world.advance(1_000);
    expect(a.world.logged("superseded")).toMatchObject([{ task: ONE, by: "bbbbbb", generation: 2 }]);
    expect(a.world.logged("stop")).toHaveLength(1);
    expect(a.world.subjects()[0]).toBe("s1: superseded: do 1");
    expect(a.world.repository.tip?.message).toContain("\nSuperseded-Task-Id: ");
    expect(a.world.repository.tip?.message).not.toContain("\nTask-Id: ");
    expect(a.world.rows().at(-1)).toMatchObject({
      ...{ run: 1001, status: "queued" },
      detail: "run 1 (cancelled) is superseded: bbbbbb had taken it over (generation 2)",
    });
    expect(a.world.results()).toMatchObject([{ id: ONE, status: "queued" }]);
    expect(await one.find(ONE)).toMatchObject({ status: "queued" });
    await end(b);
    const rows = foldLedger([...a.world.rows(), ...b.world.rows()]);
    expect(rows.get(ONE)).toMatchObject({ run: 1001, status: "succeeded" });
  });

  it("has the outcome of the later generation, also where the earlier one's result came first; its file says so", async () => {
    const { remote, a, b, other } = await pair();
    await other.takeOver(ONE);
    await b.world.settle();
    await end(a); // It does not know yet.
    expect(a.world.subjects()[0]).toMatch(/^s1: do 1/);
    await travel(remote, a, [b]);
    expect(b.world.logged("ended-elsewhere")).toEqual([]);
    await end(b);
    expect(b.world.subjects()[0]).toMatch(/^s1: do 1/);
    const [path] = b.world.results().map((result) => result.path);
    expect(b.world.committed(path ?? "")).toContain(
      "a result of run 1 (succeeded, clone aaaaaa) is superseded: the task had been taken over (generation 2)",
    );
    await travel(remote, b, [a]);
    expect(a.world.logged("recommit")).toEqual([]);
    expect(remote.claims.size).toBe(1); // B's goes with the next look.
    b.remote.fetch();
    await b.world.advance(1_000);
    expect(remote.claims.size).toBe(0);
    expect(started(a)).toEqual(["1 do 1"]);
    expect(started(b)).toEqual(["1001 do 1"]);
  });

  it("waits in the clone that had it queued, and goes there as it ends elsewhere", async () => {
    const remote = createFakeClaims();
    const [a, b] = [createClone(remote, "aaaaaa"), createClone(remote, "bbbbbb")];
    for (const n of [1, 2]) commitDrop([a, b], n);
    a.world.settings.maxWorkers = 1;
    const one = await a.world.start();
    const other = await b.world.start();
    await other.takeOver(taskId(2));
    await b.world.settle();
    a.remote.fetch();
    await a.world.advance(1_000);
    await end(a);
    expect(await one.find(taskId(2))).toMatchObject({
      status: "queued",
      hold: expect.stringMatching(/^claimed by bbbbbb since /),
    });
    expect(started(a)).toEqual(["1 do 1"]);
    b.world.runner.end(b.world.runner.of("s2"));
    await b.world.settle();
    await travel(remote, b, [a]);
    expect(await one.find(taskId(2))).toMatchObject({ status: "succeeded" });
  });

  it("can be had by one clone alone: who is slower is told", async () => {
    const { remote, a, b, other } = await pair();
    await a.world.crash();
    const c = createClone(remote, "cccccc");
    commitDrop([c], 1);
    const third = await c.world.start();
    const [seen, { look }] = [await c.remote.look(new AbortController().signal), c.remote];
    await other.takeOver(ONE);
    c.remote.look = async () => {
      c.remote.look = look;
      return seen; // Before the other one was quicker.
    };
    await expect(third.takeOver(ONE)).rejects.toMatchObject({
      code: "REFUSED",
      message: expect.stringContaining("bbbbbb"),
    });
    for (const clone of [b, c]) await clone.world.settle();
    expect([...started(b), ...started(c)]).toEqual(["1001 do 1"]);
  });

  it("that is asked for while another one is under way has its own answer", async () => {
    const remote = createFakeClaims();
    const [a, b] = [createClone(remote, "aaaaaa"), createClone(remote, "bbbbbb")];
    for (const n of [1, 2]) commitDrop([a, b], n);
    await a.world.start();
    const other = await b.world.start();
    let second: Promise<unknown> | undefined;
    b.remote.afterPush = () => {
      second ??= other.takeOver(taskId(2));
    };
    await other.takeOver(ONE);
    await b.world.settle();
    await expect(second).resolves.toMatchObject({ id: taskId(2) });
    expect([...remote.claims.values()].map(({ claim }) => `${claim.clone} ${claim.generation}`)).toEqual([
      "bbbbbb 2",
      "bbbbbb 2",
    ]);
  });

  it("is something left to do, also before the remote has answered", async () => {
    const { b, other } = await pair();
    const answer = Promise.withResolvers<void>();
    const { swap } = b.remote;
    b.remote.swap = async (...given) => {
      const moved = await swap(...given);
      await answer.promise;
      return moved;
    };
    const taken = other.takeOver(ONE);
    let hasEnded = false;
    const idle = other.idle().finally(() => (hasEnded = true));
    await b.world.advance(2_000);
    expect(b.remote.pushes).toHaveLength(2); // In vain as it began, and now.
    expect(hasEnded).toBe(false);
    answer.resolve();
    await taken;
    await b.world.settle();
    await end(b);
    expect(await idle).toEqual({ failed: 0, broken: 0, held: 0 });
  });

  it("is not, while the remote is away, and the command says so", async () => {
    const { remote, b, other } = await pair();
    remote.problem = "the remote origin cannot be reached";
    await expect(other.takeOver(ONE)).rejects.toMatchObject({ code: "TRY_AGAIN", message: remote.problem });
    expect(started(b)).toEqual([]);
  });

  it("is this clone's from then on without a remote, too", async () => {
    const { a, b, other } = await pair();
    await a.world.crash();
    b.world.shared = undefined;
    expect(await other.find(ONE)).toMatchObject({ hold: expect.stringContaining("claimed by aaaaaa") });
    await other.takeOver(ONE);
    await b.world.settle();
    expect(started(b)).toEqual(["1 do 1"]);
  });
});

it("a claim that the remote has lost is put there again", async () => {
  const { remote, a } = await pair();
  remote.claims.clear();
  a.remote.fetch();
  await a.world.advance(1_000);
  expect(remote.claims.get(ONE)?.claim).toMatchObject({ clone: "aaaaaa", generation: 1 });
  expect(started(a)).toEqual(["1 do 1"]);
});

it("a claim that this version cannot read is another clone's", async () => {
  const remote = createFakeClaims();
  const a = createClone(remote, "aaaaaa");
  commitDrop([a], 1);
  remote.set({
    task: ONE,
    clone: "a claim that this version cannot read",
    name: "a newer one",
    generation: 1,
    atMs: 0,
  });
  a.remote.fetch();
  const one = await a.world.start();
  await a.world.advance(60_000);
  expect(started(a)).toEqual([]);
  expect(await one.find(ONE)).toMatchObject({ hold: "claimed by a newer one since 1970-01-01T00:00:00Z" });
});
