import { describe, expect, it } from "vitest";
import type { ClaimNeed } from "../../../src/task/claims/standing.ts";
import { NO_PAUSES, type Pauses } from "../../../src/task/schedule/pause.ts";
import { type Conditions, createSchedule } from "../../../src/task/schedule/schedule.ts";
import type { ScheduledTask } from "../../../src/task/schedule/scheduled-task.ts";

const NOW = 100_000_000;
const WANTED: ClaimNeed = { kind: "wanted" };
const THEIRS: ClaimNeed = { kind: "theirs", name: "laptop", sinceMs: NOW };

function task(order: number, change: Partial<ScheduledTask> = {}): ScheduledTask {
  return {
    ...{
      id: `t${order}`,
      sessionKey: `s${order}`,
      order,
      priority: 2,
      acceptedAtMs: order,
      dueAtMs: 0,
      waitsFromMs: 0,
    },
    ...{ notBeforeMs: undefined, dependsOn: [], kind: "queued", thread: undefined, isSandboxed: true },
    ...{ ground: "apart", folder: "./", locks: [], heldAuthor: undefined, claim: WANTED },
    ...change,
  };
}

function conditions(change: Partial<Conditions> = {}): Conditions {
  return {
    ...{ nowMs: NOW, workersFree: 9, pauses: NO_PAUSES, codex: undefined, writersMax: 9, locks: [] },
    ...change,
  };
}

function scheduleOf(...tasks: readonly ScheduledTask[]) {
  const schedule = createSchedule(() => undefined);
  for (const one of tasks) schedule.put(one);
  return schedule;
}

function claimable(tasks: readonly ScheduledTask[], change: Partial<Conditions> = {}, countMax = 9) {
  return scheduleOf(...tasks)
    .claimable(conditions(change), countMax)
    .map(({ id }) => id);
}

const pauseOf = (key: string): Pauses => {
  const pause = { session: key, sinceMs: 1, reason: undefined };
  return { queue: undefined, sessions: [pause], of: (session) => (session === key ? pause : undefined) };
};

describe("tasks that could start but for their claims", () => {
  it("are the heads of their sessions in the order of their turns, no more than are asked for", () => {
    const tasks = [task(3), task(1, { priority: 4 }), task(2, { sessionKey: "s3" }), task(4)];
    expect(claimable(tasks)).toEqual(["t2", "t4", "t1"]);
    expect(claimable(tasks, {}, 2)).toEqual(["t2", "t4"]);
  });

  it.each([
    { name: "one that another clone has", change: { claim: THEIRS } },
    { name: "one that needs no claim", change: { claim: undefined } },
    { name: "one that is not due", change: { dueAtMs: NOW + 1 } },
    { name: "one that is to run later", change: { notBeforeMs: NOW + 1 } },
    { name: "one that depends on an unknown task", change: { dependsOn: ["t9"] } },
    { name: "one of a new author", change: { heldAuthor: "ada@example.org" } },
    { name: "one that runs", change: { kind: "active" as const } },
  ])("are not $name", ({ change }) => expect(claimable([task(1, change), task(2)])).toEqual(["t2"]));

  it("are none of a paused session, and none while all is paused or codex is not there", () => {
    expect(claimable([task(1), task(2)], { pauses: pauseOf("s1") })).toEqual(["t2"]);
    const all = { session: undefined, sinceMs: 1, reason: undefined };
    expect(claimable([task(1)], { pauses: { queue: all, sessions: [], of: () => all } })).toEqual([]);
    expect(claimable([task(1)], { codex: { problem: "no login", untilMs: undefined } })).toEqual([]);
  });

  it("stay where they are when they are asked for, and start in their turn once they are claimed", () => {
    const schedule = scheduleOf(task(1), task(2));
    expect(schedule.next(conditions())).toBeUndefined();
    for (let again = 0; again < 2; again += 1)
      expect(schedule.claimable(conditions(), 9).map(({ id }) => id)).toEqual(["t1", "t2"]);
    schedule.put(task(2, { claim: undefined }));
    expect(schedule.next(conditions())).toBe("t2");
    expect(schedule.claimable(conditions(), 9).map(({ id }) => id)).toEqual(["t1"]);
  });

  it("are found again when the pause is over", () => {
    const schedule = scheduleOf(task(1));
    expect(schedule.claimable(conditions({ pauses: pauseOf("s1") }), 9)).toEqual([]);
    expect(schedule.claimable(conditions(), 9).map(({ id }) => id)).toEqual(["t1"]);
  });
});

it.each([
  { claim: THEIRS, problem: undefined, hold: { kind: "claim", claim: THEIRS, problem: undefined }, goesOn: false },
  { claim: WANTED, problem: undefined, hold: { kind: "claim", claim: WANTED, problem: undefined }, goesOn: true },
  { claim: WANTED, problem: "away", hold: { kind: "claim", claim: WANTED, problem: "away" }, goesOn: false },
])(
  "a task whose claim is $claim.kind ($problem) waits for it, and goes on by itself: $goesOn",
  ({ claim, problem, hold, goesOn }) => {
    const schedule = scheduleOf(task(1, { claim }));
    expect(schedule.hold("t1", conditions({ claims: problem }))).toEqual(hold);
    expect(schedule.goesOn(conditions({ claims: problem }))).toBe(goesOn);
  },
);
