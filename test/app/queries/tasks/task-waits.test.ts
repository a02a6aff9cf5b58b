import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { listenHere } from "../../../support/listening.ts";
import { createWorld, type World } from "../../../support/world.ts";

/** A workspace with a task that runs, and who serves it. */
async function running(): Promise<{ world: World; id: string; coordinator: Awaited<ReturnType<World["start"]>> }> {
  const world = createWorld();
  const coordinator = await world.start();
  world.drop("docs/1.md", "Do it.\n");
  await world.settle();
  return { world, coordinator, id: world.accepted(0) };
}

/** Tells whether a promise has settled by now. */
async function isOver(promise: Promise<unknown>): Promise<boolean> {
  let over = false;
  void promise.finally(() => {
    over = true;
  });
  for (let turn = 0; turn < 5; turn += 1) await nextTurn();
  return over;
}

describe("a wait for a task", () => {
  it("ends when the task has, before its commit", async () => {
    const { world, coordinator, id } = await running();
    const wait = coordinator.untilEnded(id, { timeoutMs: 60_000, signal: undefined });
    expect(await isOver(wait)).toBe(false);
    world.runner.end(world.runner.of("docs"));
    await wait;
    expect(await coordinator.show(id)).toMatchObject({ status: "succeeded", result: "Done.", prompt: "Do it.\n" });
    await coordinator.untilEnded(id, { timeoutMs: 60_000, signal: undefined });
  });

  it("ends when its time is over, when nobody waits any more, and when the coordinator ends", async () => {
    const { world, coordinator, id } = await running();
    const client = new AbortController();
    const timed = coordinator.untilEnded(id, { timeoutMs: 5_000, signal: undefined });
    const left = coordinator.untilEnded(id, { timeoutMs: 60_000, signal: client.signal });
    const stays = coordinator.untilEnded(id, { timeoutMs: 60_000, signal: undefined });
    await world.advance(5_000);
    expect([await isOver(timed), await isOver(left), await isOver(stays)]).toEqual([true, false, false]);
    client.abort();
    expect([await isOver(left), await isOver(stays)]).toEqual([true, false]);
    await coordinator.leave();
    await stays;
    await coordinator.untilEnded(id, { timeoutMs: 60_000, signal: undefined });
  });

  it("is refused where as many wait as may, until one of them does not any more", async () => {
    const { coordinator, id } = await running();
    const client = new AbortController();
    const wait = (signal?: AbortSignal) => coordinator.untilEnded(id, { timeoutMs: 60_000, signal });
    const first = wait(client.signal);
    const others = Array.from({ length: 63 }, () => wait());
    await expect(wait()).rejects.toMatchObject({ code: "TRY_AGAIN" });
    client.abort();
    await first;
    const last = wait();
    expect(await isOver(last)).toBe(false);
    await coordinator.leave();
    await Promise.all([...others, last]);
  });
});

describe("over HTTP", () => {
  it("a request that waits is answered with the result; one whose coordinator ends, with how far it is", async () => {
    const { world, coordinator, id } = await running();
    const { ask } = await listenHere(coordinator);
    const waits = ask(`/tasks/${id.slice(-6)}?wait=60`);
    const submitted = ask("/tasks?wait=60", {
      method: "POST",
      body: "Another.",
      headers: { "content-type": "text/markdown" },
    });
    while (world.logged("accepted").length < 2) await nextTurn();
    await world.settle();
    world.runner.end(world.runner.of("docs"));
    const answer = await waits;
    expect([answer.status, await answer.json()]).toMatchObject([200, { status: "succeeded", result: "Done." }]);
    const markdown = await ask(`/tasks/${id}/answer`);
    expect([markdown.status, markdown.headers.get("content-type"), await markdown.text()]).toEqual([
      ...[200, "text/markdown; charset=utf-8", "Done."],
    ]);
    const other = world.accepted(1);
    expect((await ask(`/tasks/${other}/answer`)).status).toBe(409);
    const leaving = coordinator.leave();
    const late = await submitted;
    expect([late.status, late.headers.get("location"), await late.json()]).toMatchObject([
      ...[202, `/tasks/${other}`, { id: other, status: "running" }],
    ]);
    await leaving;
  });

  it("a client that goes takes its wait along", async () => {
    const { coordinator, id } = await running();
    const signals: (AbortSignal | undefined)[] = [];
    const { ask } = await listenHere({
      ...coordinator,
      async untilEnded(task, options) {
        signals.push(options.signal);
        await coordinator.untilEnded(task, options);
      },
    });
    const client = new AbortController();
    const waits = ask(`/tasks/${id}?wait=60`, { signal: client.signal }).catch(() => "gone");
    while (signals.length === 0) await nextTurn();
    client.abort();
    expect(await waits).toBe("gone");
    while (signals[0]?.aborted !== true) await nextTurn();
  });
});
