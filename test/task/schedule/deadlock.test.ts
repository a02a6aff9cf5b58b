import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { deadlockedTasks, type WaitingTask } from "../../../src/task/schedule/deadlock.ts";

/** Tasks in order of acceptance, written as "id session: dependencies". */
function tasks(...lines: readonly string[]): readonly WaitingTask[] {
  return lines.map((line, order) => {
    const [head = "", dependencies = ""] = line.split(":");
    const [id = "", sessionKey = ""] = head.split(" ");
    return { id, sessionKey, order, dependsOn: dependencies.split(" ").filter((name) => name !== "") };
  });
}

/** Starts whatever may start until nothing more can; returns those that never could. */
function neverStarted(queued: readonly WaitingTask[]): ReadonlySet<string> {
  const waiting = new Map(queued.toSorted((a, b) => a.order - b.order).map((task) => [task.id, task]));
  for (let progress = true; progress; ) {
    progress = false;
    const busy = new Set<string>();
    for (const task of waiting.values()) {
      const mayStart = !busy.has(task.sessionKey) && !task.dependsOn.some((id) => waiting.has(id));
      busy.add(task.sessionKey);
      if (mayStart) progress = waiting.delete(task.id);
    }
  }
  return new Set(waiting.keys());
}

describe("deadlockedTasks", () => {
  it.each<{ name: string; queued: readonly WaitingTask[]; found: Readonly<Record<string, readonly string[]>> }>([
    { name: "nobody in a chain", queued: tasks("a s1:b", "b s2:c", "c s3"), found: {} },
    {
      name: "nobody who depends on a task before it in its session",
      queued: tasks("a s1", "b s1:a", "c s1:a b"),
      found: {},
    },
    { name: "nobody whose dependency is not among the queued", queued: tasks("a s1:x"), found: {} },
    { name: "a task that depends on itself", queued: tasks("a s1:a"), found: { a: ["a"] } },
    {
      name: "a circle of three, but not who waits for it",
      queued: tasks("a s1:b", "b s2:c", "c s3:a", "d s4:a", "e s1"),
      found: { a: ["a", "b", "c"], b: ["a", "b", "c"], c: ["a", "b", "c"] },
    },
    {
      name: "a task that depends on one behind it in its session",
      queued: tasks("a s1:b", "b s1"),
      found: { a: ["a", "b"] },
    },
    {
      name: "a circle through two sessions",
      queued: tasks("a1 a:b2", "a2 a", "b1 b:a2", "b2 b"),
      found: { a1: ["a1", "a2", "b1", "b2"], b1: ["a1", "a2", "b1", "b2"] },
    },
  ])("finds $name", ({ queued, found }) => {
    expect(Object.fromEntries(deadlockedTasks(queued))).toEqual(found);
    expect(Object.fromEntries(deadlockedTasks(queued.toReversed()))).toEqual(found);
  });

  const graphs = fc
    .array(
      fc.record({
        session: fc.integer({ min: 0, max: 3 }),
        to: fc.array(fc.integer({ min: 0, max: 11 }), { maxLength: 2 }),
      }),
      {
        maxLength: 12,
      },
    )
    .map((nodes) =>
      nodes.map(({ session, to }, order) => ({
        id: `t${order}`,
        sessionKey: `s${session}`,
        order,
        dependsOn: to.map((each) => `t${each}`),
      })),
    );

  it("finds a task exactly if some task would wait for ever, and only such tasks", () => {
    fc.assert(
      fc.property(graphs, (queued) => {
        const stuck = neverStarted(queued);
        const found = deadlockedTasks(queued);
        for (const [id, circle] of found) {
          expect(circle).toContain(id);
          for (const member of circle) expect(stuck).toContain(member);
        }
        expect(found.size > 0).toBe(stuck.size > 0);
      }),
      { numRuns: 500 },
    );
  });

  it("leaves no circle when the tasks it found are gone", () => {
    fc.assert(
      fc.property(graphs, (queued) => {
        const found = deadlockedTasks(queued);
        expect(neverStarted(queued.filter(({ id }) => !found.has(id)))).toEqual(new Set());
      }),
      { numRuns: 500 },
    );
  });

  it("follows a chain of many thousands", () => {
    const chain = Array.from({ length: 20_000 }, (_, order) => ({
      id: `t${order}`,
      sessionKey: `s${order}`,
      order,
      dependsOn: [`t${(order + 1) % 20_000}`],
    }));
    expect(deadlockedTasks(chain.slice(1)).size).toBe(0);
    expect(deadlockedTasks(chain).size).toBe(20_000);
  });
});
