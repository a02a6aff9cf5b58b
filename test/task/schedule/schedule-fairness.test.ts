import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { DependencyOutcome } from "../../../src/task/schedule/dependencies.ts";
import { NO_PAUSES } from "../../../src/task/schedule/pause.ts";
import type { ChosenTask } from "../../support/choose-starts.ts";
import { AGE_STEP_MS } from "../../support/choose-starts.ts";
import { chooseBySchedule } from "../../support/run-schedule.ts";

const TICK_MS = 10_000;

/** What is given of a task; everything else follows from its place in the list. */
interface Drop {
  readonly session: number;
  readonly priority: number;
  readonly notBeforeMs: number | undefined;
  readonly dependsOn: readonly number[];
  /** Ticks it runs. */
  readonly length: number;
}

const drops: fc.Arbitrary<readonly Drop[]> = fc.array(
  fc.record({
    session: fc.integer({ min: 0, max: 4 }),
    priority: fc.integer({ min: 0, max: 4 }),
    notBeforeMs: fc.option(fc.integer({ min: 0, max: 20 * TICK_MS }), { nil: undefined, freq: 4 }),
    dependsOn: fc.array(fc.integer({ min: 0, max: 24 }), { maxLength: 1 }),
    length: fc.integer({ min: 1, max: 5 }),
  }),
  { maxLength: 25 },
);

function taskOf(drop: Drop, order: number): ChosenTask {
  return {
    id: `t${order}`,
    sessionKey: `s${drop.session}`,
    order,
    priority: drop.priority,
    acceptedAtMs: order,
    dueAtMs: order,
    waitsFromMs: 0,
    notBeforeMs: drop.notBeforeMs,
    dependsOn: drop.dependsOn.map((each) => `t${each}`),
    kind: "queued",
    lastStartOfSessionMs: undefined,
    thread: undefined,
    isSandboxed: true,
    ground: "apart",
    folder: "./",
    locks: [],
    claim: undefined,
    heldAuthor: undefined,
  };
}

/** One queue over many ticks. Every choice is checked against the rules that must hold whatever happens. */
function simulate(initial: readonly ChosenTask[], workersMax: number, lengthOf: (task: ChosenTask) => number) {
  const open = new Map(initial.map((task) => [task.id, task]));
  const running = new Map<string, number>();
  const lastStarts = new Map<string, number>();
  const outcomes = new Map<string, DependencyOutcome>();
  const started: string[] = [];
  let nowMs = 0;
  const outcomeOf = (id: string): DependencyOutcome => outcomes.get(id) ?? (open.has(id) ? "open" : undefined);

  const tick = (): void => {
    nowMs += TICK_MS;
    for (const [id, untilMs] of running) {
      if (untilMs > nowMs) continue;
      running.delete(id);
      open.delete(id);
      outcomes.set(id, "succeeded");
    }
    const tasks = Array.from(open.values(), (task) => ({
      ...task,
      kind: running.has(task.id) ? ("active" as const) : ("queued" as const),
      lastStartOfSessionMs: lastStarts.get(task.sessionKey),
    }));
    const workersFree = workersMax - running.size;
    const schedule = chooseBySchedule({
      tasks,
      workersFree,
      nowMs,
      outcomeOf,
      pauses: NO_PAUSES,
      codex: undefined,
      writersMax: 1,
      locks: [],
    });

    const queued = tasks.filter(({ kind }) => kind === "queued").map(({ id }) => id);
    const told = [...schedule.start, ...schedule.held.keys(), ...schedule.unrunnable.map(({ id }) => id)];
    expect(told.toSorted()).toEqual(queued.toSorted()); // Each queued task is told exactly one thing.
    expect(schedule.start.length).toBeLessThanOrEqual(Math.max(workersFree, 0));
    if (schedule.nextDueMs !== undefined) expect(schedule.nextDueMs).toBeGreaterThan(nowMs);

    for (const { id } of schedule.unrunnable) {
      open.delete(id);
      outcomes.set(id, "failed");
    }
    for (const id of schedule.start) {
      const task = open.get(id);
      if (task === undefined) throw new Error(`started twice or not open: ${id}`);
      const before = tasks.filter(({ sessionKey, order }) => sessionKey === task.sessionKey && order < task.order);
      expect(before.filter((each) => open.has(each.id))).toEqual([]); // Strictly first in, first out.
      expect([...running.keys()].some((other) => open.get(other)?.sessionKey === task.sessionKey)).toBe(false);
      for (const dependency of task.dependsOn) expect(outcomes.get(dependency)).toBe("succeeded");
      running.set(id, nowMs + lengthOf(task) * TICK_MS);
      lastStarts.set(task.sessionKey, nowMs);
      started.push(id);
    }
  };
  return { tick, open, started, outcomes, add: (task: ChosenTask) => open.set(task.id, task), now: () => nowMs };
}

describe("any queue", () => {
  it("keeps the rules in every tick and comes to its end: what can run ran once, what cannot is unrunnable or says why", () => {
    fc.assert(
      fc.property(drops, fc.integer({ min: 1, max: 4 }), (given, workersMax) => {
        const tasks = given.map(taskOf);
        const queue = simulate(tasks, workersMax, (task) => given[task.order]?.length ?? 1);
        for (let ticks = 0; ticks < 150 && queue.open.size > 0; ticks += 1) queue.tick();
        expect(new Set(queue.started).size).toBe(queue.started.length);
        const unknown = new Set(
          tasks
            .filter(({ dependsOn }) => dependsOn.some((id) => !tasks.some((task) => task.id === id)))
            .map(({ id }) => id),
        );
        // Only a task that waits for an unknown one is still open, or one that waits for such a task.
        for (const task of queue.open.values()) {
          const isHead = ![...queue.open.values()].some(
            ({ sessionKey, order }) => sessionKey === task.sessionKey && order < task.order,
          );
          const blocked = unknown.has(task.id) || !isHead || task.dependsOn.some((id) => queue.open.has(id));
          expect(blocked).toBe(true);
        }
        if (unknown.size === 0) expect(queue.open.size).toBe(0);
      }),
      { numRuns: 100 },
    );
  });
});

describe("a busy queue", () => {
  const plain: Drop = { session: 0, priority: 2, notBeforeMs: undefined, dependsOn: [], length: 1 };

  it("starts a task of the lowest priority although urgent ones keep coming", () => {
    const low = { ...taskOf({ ...plain, priority: 4 }, 0), id: "low", sessionKey: "low" };
    const queue = simulate([low], 1, () => 1);
    const ticksMax = (4 * AGE_STEP_MS) / TICK_MS + 10;
    let ticks = 0;
    for (; ticks < ticksMax && !queue.started.includes("low"); ticks += 1) {
      const urgent = taskOf({ ...plain, priority: 0 }, ticks + 1);
      queue.add({ ...urgent, acceptedAtMs: queue.now(), sessionKey: `s${ticks % 7}` });
      queue.tick();
    }
    expect(queue.started).toContain("low");
    expect(ticks).toBeGreaterThan(1); // The control: it does not simply come first.
  });

  it("gives a session with one task its turn although another one has a hundred older ones", () => {
    const bulk = Array.from({ length: 100 }, (_, order) => taskOf(plain, order));
    const queue = simulate(bulk, 1, () => 1);
    queue.tick();
    queue.add({ ...taskOf({ ...plain, session: 1 }, 100), acceptedAtMs: queue.now() });
    queue.tick();
    queue.tick();
    expect(queue.started.indexOf("t100")).toBeLessThanOrEqual(2);
  });

  it("shares its workers evenly between sessions of equal priority", () => {
    const tasks = Array.from({ length: 300 }, (_, order) =>
      taskOf({ ...plain, session: order < 280 ? 0 : order % 3 }, order),
    );
    const queue = simulate(tasks, 1, () => 1);
    for (let ticks = 0; ticks < 18; ticks += 1) queue.tick();
    const counts = Object.groupBy(queue.started, (id) => `s${Number(id.slice(1)) < 280 ? 0 : Number(id.slice(1)) % 3}`);
    expect([counts.s0?.length, counts.s1?.length, counts.s2?.length]).toEqual([6, 6, 6]);
  });

  it.each([
    { name: "in one session", sessions: 1, dependent: false },
    { name: "in a session each", sessions: 10_000, dependent: false },
    { name: "that depend on one another", sessions: 100, dependent: true },
  ])("of 10,000 tasks $name is looked over in milliseconds", ({ sessions, dependent }) => {
    const tasks = Array.from({ length: 10_000 }, (_, order) =>
      taskOf({ ...plain, session: order % sessions, dependsOn: dependent && order > 0 ? [order - 1] : [] }, order),
    );
    const input = {
      tasks,
      workersFree: 4,
      nowMs: 20_000,
      pauses: NO_PAUSES,
      codex: undefined,
      writersMax: 1,
      locks: [],
    };
    let bestMs = Number.POSITIVE_INFINITY; // Of processor time: other processes do not count.
    for (let round = 0; round < 5; round += 1) {
      const before = process.cpuUsage();
      expect(chooseBySchedule({ ...input, outcomeOf: () => "open" }).start.length).toBeGreaterThan(0);
      const { user, system } = process.cpuUsage(before);
      bestMs = Math.min(bestMs, (user + system) / 1_000);
    }
    expect(bestMs).toBeLessThan(500); // 10 to 60 ms; quadratic work would take seconds.
  });
});
