import { describe, expect, it } from "vitest";
import type { Hold } from "../../../src/task/schedule/hold.ts";
import { NO_PAUSES, type Pause } from "../../../src/task/schedule/pause.ts";
import type { ChosenTask, ScheduleInput } from "../../support/choose-starts.ts";
import { AGE_STEP_MS } from "../../support/choose-starts.ts";
import { chooseBySchedule } from "../../support/run-schedule.ts";

const NOW = 100_000_000;

/** A task whose number is its order and the time of its acceptance. */
function task(order: number, change: Partial<ChosenTask> = {}): ChosenTask {
  return {
    id: `t${order}`,
    sessionKey: `s${order}`,
    order,
    priority: 2,
    acceptedAtMs: order,
    dueAtMs: 0,
    waitsFromMs: 0,
    notBeforeMs: undefined,
    dependsOn: [],
    kind: "queued",
    lastStartOfSessionMs: undefined,
    thread: undefined,
    isSandboxed: true,
    ground: "writer",
    folder: "./",
    locks: [],
    claim: undefined,
    heldAuthor: undefined,
    ...change,
  };
}

function choose(tasks: readonly ChosenTask[], change: Partial<ScheduleInput> = {}) {
  const ids = new Set(tasks.map(({ id }) => id));
  const { start, held, unrunnable, nextDueMs } = chooseBySchedule({
    tasks,
    workersFree: 9,
    nowMs: NOW,
    outcomeOf: (id) => (ids.has(id) ? "open" : undefined),
    pauses: NO_PAUSES,
    codex: undefined,
    writersMax: 9,
    locks: [],
    ...change,
  });
  return { start, held: Object.fromEntries(held), unrunnable, nextDueMs };
}

const PAUSE: Pause = { session: undefined, sinceMs: NOW, reason: "a release" };
const DOCS = { sessionKey: "docs" } as const;
const behind = (id: string): Hold => ({ kind: "session", session: "docs", behind: id });

describe("within a session", () => {
  it("starts only the first, however the tasks are given", () => {
    const tasks = [task(3, DOCS), task(1, DOCS), task(2, { ...DOCS, priority: 0 })];
    const expected = {
      start: ["t1"],
      held: { t2: behind("t1"), t3: behind("t2") },
      unrunnable: [],
      nextDueMs: undefined,
    };
    expect(choose(tasks)).toEqual(expected);
    expect(choose(tasks.toReversed())).toEqual(expected);
  });

  it("starts none while one is active", () => {
    const tasks = [task(1, { ...DOCS, kind: "active" }), task(2, DOCS), task(3, DOCS)];
    expect(choose(tasks)).toMatchObject({ start: [], held: { t2: behind("t1"), t3: behind("t2") } });
  });

  it.each<{ name: string; head: Partial<ChosenTask>; hold: Hold; nextDueMs: number | undefined }>([
    {
      name: "waits to try again",
      head: { dueAtMs: NOW + 5 },
      hold: { kind: "retry", untilMs: NOW + 5 },
      nextDueMs: NOW + 5,
    },
    {
      name: "may not run yet",
      head: { notBeforeMs: NOW + 7, dueAtMs: NOW + 5 },
      hold: { kind: "notBefore", untilMs: NOW + 7 },
      nextDueMs: NOW + 7,
    },
    {
      name: "depends on a task that is not done",
      head: { dependsOn: ["t9"], dueAtMs: NOW + 5 },
      hold: { kind: "dependency", waitsFor: ["t9"], unknown: [] },
      nextDueMs: undefined,
    },
    {
      name: "depends on a task nobody knows",
      head: { dependsOn: ["t9", "gone"] },
      hold: { kind: "dependency", waitsFor: ["t9"], unknown: ["gone"] },
      nextDueMs: undefined,
    },
  ])("lets nobody overtake a head that $name", ({ head, hold, nextDueMs }) => {
    const tasks = [task(1, { ...DOCS, ...head }), task(2, { ...DOCS, priority: 0 }), task(9, { kind: "active" })];
    expect(choose(tasks)).toEqual({ start: [], held: { t1: hold, t2: behind("t1") }, unrunnable: [], nextDueMs });
  });

  it("starts a head at the very time it is due", () => {
    expect(choose([task(1, { dueAtMs: NOW, notBeforeMs: NOW })]).start).toEqual(["t1"]);
  });

  it("has no next due time for a task that its session holds anyway", () => {
    const tasks = [task(1, { ...DOCS, kind: "active" }), task(2, { ...DOCS, notBeforeMs: NOW + 7 })];
    expect(choose(tasks).nextDueMs).toBeUndefined();
  });
});

describe("between sessions", () => {
  it("starts no more than there are workers", () => {
    expect(choose([task(1), task(2), task(3)], { workersFree: 2 })).toMatchObject({
      start: ["t1", "t2"],
      held: { t3: { kind: "workers" } },
    });
  });

  it.each([0, -1])("starts nothing with %i workers free", (workersFree) => {
    expect(choose([task(1)], { workersFree })).toMatchObject({ start: [], held: { t1: { kind: "workers" } } });
  });

  it("starts by priority, then by age, then by order of acceptance", () => {
    const tasks = [
      task(1),
      task(2, { priority: 0, acceptedAtMs: 50 }),
      task(3, { priority: 1, acceptedAtMs: 70 }),
      task(4, { priority: 1, acceptedAtMs: 60 }),
      task(5, { priority: 1, acceptedAtMs: 60 }),
      task(6, { priority: 4, acceptedAtMs: 0 }),
    ];
    expect(choose(tasks).start).toEqual(["t2", "t4", "t5", "t3", "t1", "t6"]);
  });

  it("goes by the most urgent task of each session, which cannot pass the one before it", () => {
    const chores = [task(1, { ...DOCS, priority: 4 }), task(2, { ...DOCS, priority: 0 })];
    expect(choose([...chores, task(3)], { workersFree: 1 }).start).toEqual(["t1"]);
    expect(choose([chores[0] ?? task(9), task(3)], { workersFree: 1 }).start).toEqual(["t3"]);
    const unrunnable = task(2, { ...DOCS, priority: 0, dependsOn: ["gone"] });
    const outcomeOf = (id: string) => (id === "gone" ? ("failed" as const) : ("open" as const));
    expect(
      choose([task(1, { ...DOCS, priority: 4 }), unrunnable, task(3)], { workersFree: 1, outcomeOf }).start,
    ).toEqual(["t3"]);
  });

  it("lets waiting make up for priority, one step for every AGE_STEP_MS", () => {
    const urgent = task(2, { priority: 1, acceptedAtMs: NOW });
    expect(choose([task(1, { acceptedAtMs: NOW - AGE_STEP_MS + 1 }), urgent]).start).toEqual(["t2", "t1"]);
    expect(choose([task(1, { acceptedAtMs: NOW - AGE_STEP_MS - 1 }), urgent]).start).toEqual(["t1", "t2"]);
  });

  it("counts the waiting of a task that may not run before a time from that time", () => {
    const tasks = [task(1, { notBeforeMs: NOW - 10 }), task(2, { acceptedAtMs: NOW - 20 })];
    expect(choose(tasks).start).toEqual(["t2", "t1"]);
  });

  it("lets a session that has just run yield to one that has waited longer, of equal priority", () => {
    const tasks = [task(1, { lastStartOfSessionMs: NOW - 10 }), task(2, { acceptedAtMs: NOW - 20 })];
    expect(choose(tasks).start).toEqual(["t2", "t1"]);
    const urgent = task(1, { lastStartOfSessionMs: NOW - 10, priority: 1 });
    expect(choose([urgent, task(2, { acceptedAtMs: NOW - 20 })]).start).toEqual(["t1", "t2"]);
  });

  it("keeps a thread to one writer, even when two sessions name it", () => {
    const one = { thread: "x" } as const;
    expect(choose([task(1, one), task(2, one), task(3)])).toMatchObject({
      start: ["t1", "t3"],
      held: { t2: { kind: "thread", thread: "x", holder: "t1" } },
    });
    expect(choose([task(1, one), task(2, { ...one, kind: "active" })])).toMatchObject({
      start: [],
      held: { t1: { kind: "thread", thread: "x", holder: "t2" } },
    });
  });

  it("gives the worker that a held thread leaves to the next", () => {
    const one = { thread: "x" } as const;
    expect(choose([task(1, one), task(2, one), task(3)], { workersFree: 2 }).start).toEqual(["t1", "t3"]);
  });
});

describe("folders", () => {
  const LIB = { folder: "lib/" } as const;
  const waits = (folder: string, other: string): Hold => ({ kind: "folder", folder, other });

  it("take turns: nothing starts beside an active task of another one", () => {
    expect(choose([task(1, { kind: "active" }), task(2, LIB), task(3, LIB)])).toMatchObject({
      start: [],
      held: { t2: waits("lib/", "t1"), t3: waits("lib/", "t1") },
    });
    expect(choose([task(1, { ...LIB, kind: "active" }), task(2, LIB), task(3, LIB)]).start).toEqual(["t2", "t3"]);
  });

  it("get their turn: what comes after a task that waits for it waits, too", () => {
    expect(choose([task(1, { kind: "active" }), task(2, LIB), task(3)])).toMatchObject({
      start: [],
      held: { t2: waits("lib/", "t1"), t3: waits("./", "t2") },
    });
    expect(choose([task(2, LIB), task(3), task(4, LIB)])).toMatchObject({
      start: ["t2"],
      held: { t3: waits("./", "t2"), t4: waits("lib/", "t3") },
    });
  });

  it("of a task that cannot start for another reason hold up nobody", () => {
    const later = task(1, { ...LIB, notBeforeMs: NOW + 1 });
    expect(choose([later, task(2)]).start).toEqual(["t2"]);
  });
});

describe("dependencies", () => {
  it("are met only when all have succeeded", () => {
    const waiting = task(3, { dependsOn: ["a", "b"] });
    expect(choose([waiting], { outcomeOf: () => "succeeded" }).start).toEqual(["t3"]);
    expect(choose([waiting], { outcomeOf: (id) => (id === "a" ? "succeeded" : "open") })).toMatchObject({
      start: [],
      held: { t3: { kind: "dependency", waitsFor: ["b"], unknown: [] } },
    });
  });

  it.each([
    { outcome: "failed", reason: "it depends on a, which failed" },
    { outcome: "cancelled", reason: "it depends on a, which was cancelled" },
  ] as const)(
    "that $outcome doom the task, wherever it stands in its session, and free those behind it",
    ({ outcome, reason }) => {
      const tasks = [
        task(1, { ...DOCS, dependsOn: ["ok", "a"] }),
        task(2, DOCS),
        task(3, { ...DOCS, dependsOn: ["a"] }),
      ];
      expect(choose(tasks, { outcomeOf: (id) => (id === "a" ? outcome : "succeeded") })).toEqual({
        start: ["t2"],
        held: {},
        unrunnable: [
          { id: "t1", reason },
          { id: "t3", reason },
        ],
        nextDueMs: undefined,
      });
    },
  );

  it("that go round in a circle doom the tasks in it", () => {
    const tasks = [task(1, { dependsOn: ["t2"] }), task(2, { dependsOn: ["t1"] }), task(3, { dependsOn: ["t2"] })];
    expect(choose(tasks)).toMatchObject({
      start: [],
      unrunnable: [
        { id: "t1", reason: "it would wait for ever: for t2, which waits for it" },
        { id: "t2", reason: "it would wait for ever: for t1, which waits for it" },
      ],
      held: { t3: { kind: "dependency", waitsFor: ["t2"] } },
    });
  });

  it("on a task behind it in its own session doom a task", () => {
    const tasks = [task(1, { ...DOCS, dependsOn: ["t2"] }), task(2, DOCS)];
    expect(choose(tasks)).toMatchObject({ start: ["t2"], unrunnable: [{ id: "t1" }] });
  });

  it("on itself doom a task", () => {
    expect(choose([task(1, { dependsOn: ["t1"] })]).unrunnable).toEqual([{ id: "t1", reason: "it depends on itself" }]);
  });

  it("in a large circle are not all named", () => {
    const circle = Array.from({ length: 9 }, (_, index) =>
      task(index + 1, { dependsOn: [`t${((index + 1) % 9) + 1}`] }),
    );
    expect(choose(circle).unrunnable[8]?.reason).toBe(
      "it would wait for ever: for t1, t2, t3, t4, t5, t6 and 2 more, which wait for it",
    );
  });

  it("doom no circle that a failed task breaks", () => {
    const tasks = [task(1, { ...DOCS, dependsOn: ["gone"] }), task(2, DOCS), task(3, { dependsOn: ["t2"] })];
    const outcomeOf = (id: string) => (id === "gone" ? ("failed" as const) : ("open" as const));
    expect(choose(tasks, { outcomeOf })).toMatchObject({ start: ["t2"], unrunnable: [{ id: "t1" }] });
  });
});

describe("everything waits", () => {
  it("while the queue is paused, and every task says so", () => {
    const pauses = { queue: PAUSE, sessions: [], of: () => PAUSE };
    const tasks = [task(1, DOCS), task(2, DOCS), task(3, { dueAtMs: NOW + 1 }), task(4, { dependsOn: ["t1"] })];
    const held = { kind: "paused", pause: PAUSE } as const;
    expect(choose(tasks, { pauses })).toEqual({
      ...{ start: [], held: { t1: held, t2: held, t3: held, t4: held }, unrunnable: [], nextDueMs: undefined },
    });
  });

  it("in a session that is paused, and nowhere else", () => {
    const pause: Pause = { ...PAUSE, session: "docs" };
    const pauses = { queue: undefined, sessions: [pause], of: (key: string) => (key === "docs" ? pause : undefined) };
    const tasks = [task(1, { ...DOCS, kind: "active" }), task(2, DOCS), task(3, DOCS), task(4)];
    const held = { kind: "paused", pause } as const;
    expect(choose(tasks, { pauses })).toEqual({
      start: ["t4"],
      held: { t2: held, t3: held },
      unrunnable: [],
      nextDueMs: undefined,
    });
  });

  it("but for what can never run, which fails all the same", () => {
    const pauses = { queue: PAUSE, sessions: [], of: () => PAUSE };
    expect(choose([task(1, { dependsOn: ["t1"] })], { pauses }).unrunnable).toHaveLength(1);
  });

  it("while codex cannot be used, until the time it says", () => {
    const codex = { problem: "usage limit", untilMs: NOW + 60_000 };
    expect(choose([task(1)], { codex })).toMatchObject({
      start: [],
      held: { t1: { kind: "codex", problem: "usage limit", untilMs: NOW + 60_000 } },
      nextDueMs: NOW + 60_000,
    });
    expect(choose([task(1)], { codex, nowMs: NOW + 60_000 }).start).toEqual(["t1"]);
    const unknown = { problem: "codex is not logged in", untilMs: undefined };
    expect(choose([task(1)], { codex: unknown })).toMatchObject({ start: [], nextDueMs: undefined });
  });
});

describe("the shared checkout", () => {
  const writes = (holder: string): Hold => ({ kind: "writer", holder });

  it("has one writer at a time where one may write", () => {
    expect(choose([task(1), task(2), task(3)], { writersMax: 1 })).toMatchObject({
      start: ["t1"],
      held: { t2: writes("t1"), t3: writes("t1") },
    });
    expect(choose([task(1), task(2), task(3)], { writersMax: 2 }).start).toEqual(["t1", "t2"]);
  });

  it("holds nobody up who works apart, or leaves it as it is", () => {
    const apart = { ground: "apart", folder: "lib/" } as const;
    expect(choose([task(1, { kind: "active" }), task(2), task(3, apart)], { writersMax: 1 })).toMatchObject({
      start: ["t3"],
      held: { t2: writes("t1") },
    });
  });

  it("is left to its writer by those who may work anywhere", () => {
    const either = { ground: "either" } as const;
    expect(choose([task(1, either), task(2, either), task(3)], { writersMax: 1 })).toMatchObject({
      start: ["t1", "t2"],
      held: { t3: writes("t1") },
    });
  });
});

describe("locks", () => {
  const DB = { locks: ["db/"], ground: "apart" } as const;
  const waits = (holder: string | undefined): Hold => ({ kind: "lock", path: "db/", session: "s1", holder });

  it("keep two tasks apart that name the same path, or one above it", () => {
    const tasks = [task(1, DB), task(2, DB), task(3, { ...DB, locks: ["db/x"] }), task(4, { ...DB, locks: ["api"] })];
    expect(choose(tasks)).toMatchObject({
      start: ["t1", "t4"],
      held: { t2: waits("t1"), t3: { ...waits("t1"), path: "db/x" } },
    });
  });

  it("are kept by a session whose work is not landed, and do not hold up the session itself", () => {
    const locks = [{ session: "s1", path: "db/migrations" }];
    expect(choose([task(1, DB), task(2, DB)], { locks })).toMatchObject({ start: ["t1"], held: { t2: waits("t1") } });
    expect(choose([task(2, DB)], { locks })).toMatchObject({ start: [], held: { t2: waits(undefined) } });
  });
});
