import { describe, expect, it, onTestFinished } from "vitest";
import type { Coordinator } from "../../../src/app/coordinator.ts";
import { readEvents } from "../../../src/app/log/event-client.ts";
import { type FollowLogDeps, followLog, type LogPiece } from "../../../src/app/log/follow-log.ts";
import type { CoordinatorAddress } from "../../../src/app/queries/server-record.ts";
import type { LogView } from "../../../src/app/views/log-view.ts";
import type { RunEvent } from "../../../src/run/driver.ts";
import type { LiveEvent } from "../../../src/task/events/live-event.ts";
import { AN_ITEM } from "../../support/an-item.ts";
import { type Listening, listenHere } from "../../support/listening.ts";
import { waitFor } from "../../support/wait-for.ts";
import { createWorld, type World } from "../../support/world.ts";

const BATCH_MS = 50;

function said(line: number, text: string): RunEvent {
  const body = { kind: "assistant" as const, text };
  return {
    ...AN_ITEM,
    phase: "completed",
    id: `item_${line}`,
    body,
    paths: [],
    line,
    firstLine: line,
    atMs: 0,
    isOld: false,
  };
}

/** One who follows a task or session of `world`, whoever serves. */
function follow(world: World, address: () => CoordinatorAddress | undefined, part: string, last?: number) {
  const left = new AbortController();
  onTestFinished(() => left.abort());
  const pieces: LogPiece[] = [];
  const deps: FollowLogDeps = {
    address,
    isServed: () => address() !== undefined,
    log: async (_address, asked, options) => world.queries.log(asked, options),
    events: readEvents,
    pauseMs: 5,
  };
  let isOver = false;
  const reading = (async () => {
    for await (const piece of followLog(deps, part, { last }, left.signal)) pieces.push(piece);
    isOver = true;
  })();
  return { pieces, brief: () => pieces.map(briefOf), isOver: () => isOver, reading, leave: () => left.abort() };
}

function briefOf(piece: LogPiece): string {
  if (piece.kind === "left-out") return `left out ${piece.count}`;
  if (piece.kind === "nobody") return piece.reason;
  if (piece.kind === "ended") return piece.status;
  if (piece.kind === "entry") return "text" in piece.entry.body ? piece.entry.body.text : piece.entry.body.kind;
  const { event } = piece;
  if (event.kind === "item") return "text" in event.body ? event.body.text : event.body.kind;
  return event.kind === "state" ? event.status : event.kind;
}

async function serve(world: World): Promise<{ coordinator: Coordinator; listening: Listening }> {
  const coordinator = await world.start();
  return { coordinator, listening: await listenHere(coordinator) };
}

describe("a task that is followed", () => {
  it("is told from its beginning to its end, each thing once, over a coordinator that is killed", async () => {
    const world = createWorld();
    let { listening } = await serve(world);
    let address: CoordinatorAddress | undefined = listening;
    world.drop("docs/x.md", "Fix it.\n");
    await world.settle();
    const run = world.runner.of("docs");
    await world.advance(BATCH_MS);
    const reader = follow(world, () => address, world.accepted(0).slice(-6));
    await waitFor(() => reader.pieces.length === 1, { what: "the prompt" });
    world.runner.act(run, said(3, "one"));
    await world.settle();
    await world.advance(BATCH_MS);
    await waitFor(() => reader.brief().includes("one"), { what: "what it says" });
    await listening.close();
    await world.crash();
    world.runner.act(run, said(4, "while nobody served"));
    ({ listening } = await serve(world));
    address = listening;
    world.runner.act(run, said(5, "two"));
    await world.settle();
    await world.advance(BATCH_MS);
    await waitFor(() => reader.brief().includes("two"), { what: "what it says to the next coordinator" });
    world.runner.end(run);
    await world.settle();
    await world.advance(BATCH_MS);
    await reader.reading;
    expect(reader.brief()).toEqual([
      ...["Fix it.\n", "one", "while nobody served", "two"],
      ...["usage", "end", "succeeded"],
    ]);
  });

  it("that has ended is shown, as many entries as are asked for", async () => {
    const world = createWorld();
    await world.start();
    world.drop("docs/x.md", "Fix it.\n");
    await world.settle();
    const run = world.runner.of("docs");
    run.body = ["one", "two"];
    world.runner.end(run);
    await world.settle();
    const reader = follow(world, () => undefined, world.accepted(0), 2);
    await reader.reading;
    expect(reader.brief()).toEqual(["left out 2", "two", "end"]);
  });

  it("says that nobody serves where nothing will come of it", async () => {
    const world = createWorld();
    world.settings.maxWorkers = 0;
    await world.start();
    world.drop("docs/x.md", "Fix it.\n");
    await world.settle();
    const id = world.accepted(0);
    await world.crash();
    const reader = follow(world, () => undefined, id);
    await reader.reading;
    expect(reader.brief()).toEqual([
      `${id} is queued, and nobody serves this workspace; start with: codex-inbox serve`,
    ]);
  });

  it("that is not there is refused", async () => {
    const world = createWorld();
    await world.start();
    await expect(follow(world, () => undefined, "zzzzzz").reading).rejects.toMatchObject({ code: "NOT_FOUND" });
  });
});

describe("a session that is followed", () => {
  it("tells of all its tasks, and goes on", async () => {
    const world = createWorld();
    const { listening } = await serve(world);
    world.drop("docs/x.md", "First.\n");
    await world.settle();
    world.runner.end(world.runner.of("docs"));
    await world.advance(1_000);
    const reader = follow(world, () => listening, "docs");
    await waitFor(() => reader.brief().includes("end"), { what: "what was said before" });
    world.drop("docs/y.md", "Second.\n");
    world.drop("ops/z.md", "Elsewhere.\n");
    await world.settle();
    world.runner.act(world.runner.of("docs"), said(2, "hello"));
    await world.settle();
    await world.advance(BATCH_MS);
    await waitFor(() => reader.brief().includes("hello"), { what: "what its next task says" });
    expect(reader.isOver()).toBe(false);
    expect(reader.brief()).not.toContain("Elsewhere.\n");
    expect(reader.brief()).toEqual(expect.arrayContaining(["First.\n", "accepted", "running", "Second.\n"]));
    reader.leave();
    await reader.reading;
  });
});

describe("without a coordinator", () => {
  it("what a run says is read until it is over", async () => {
    const views: LogView[] = [];
    const view = (texts: readonly string[], change: Partial<LogView>): LogView => ({
      ...{ v: 1, task: "t1", session: "docs", status: "running", hold: null, leftOut: 0 },
      run: { number: 1, isOver: false },
      entries: texts.map((text, index) => ({
        ...{ v: 1, task: "t1", run: 1, attempt: 1, line: index, thread: null, time: null },
        body: { kind: "assistant", text },
      })),
      ...change,
    });
    views.push(view([], {}), view(["a"], {}), view(["a", "b"], {}), view(["a", "b"], {}));
    views.push(view(["a", "b", "c"], { run: { number: 1, isOver: true } }));
    const events = async function* (): AsyncGenerator<"begun" | LiveEvent> {
      yield* [];
    };
    const seen: string[] = [];
    const log = async (): Promise<LogView> => views.shift() ?? view([], {});
    const deps = { address: () => undefined, isServed: () => false, log, events, pauseMs: 1 };
    for await (const piece of followLog(deps, "t1", {}, new AbortController().signal)) seen.push(briefOf(piece));
    expect(seen).toEqual([
      ...["a", "b", "c"],
      "the run of t1 is over, and nobody serves this workspace to take it in; start with: codex-inbox serve",
    ]);
  });

  it("that can be asked, though one serves, a task that waits is followed all the same", async () => {
    const waiting: LogView = {
      ...{ v: 1, task: "t1", session: "docs", status: "queued", hold: null, leftOut: 0, run: null, entries: [] },
    };
    const views = [waiting, waiting, waiting, { ...waiting, status: "succeeded" }];
    const events = async function* (): AsyncGenerator<"begun" | LiveEvent> {
      yield* [];
    };
    const log = async (): Promise<LogView> => views.shift() ?? waiting;
    const deps = { address: () => undefined, isServed: () => true, log, events, pauseMs: 1 };
    const seen: LogPiece[] = [];
    for await (const piece of followLog(deps, "t1", {}, new AbortController().signal)) seen.push(piece);
    expect([seen, views]).toEqual([[{ kind: "ended", status: "succeeded", time: null }], []]);
  });
});
