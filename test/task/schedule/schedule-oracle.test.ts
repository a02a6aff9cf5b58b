import fc from "fast-check";
import { expect, it } from "vitest";
import type { DependencyOutcome } from "../../../src/task/schedule/dependencies.ts";
import type { Hold } from "../../../src/task/schedule/hold.ts";
import { NO_PAUSES, type Pause, type Pauses } from "../../../src/task/schedule/pause.ts";
import { type CodexHold, createSchedule } from "../../../src/task/schedule/schedule.ts";
import type { Ground, ScheduledTask } from "../../../src/task/schedule/scheduled-task.ts";
import type { HeldLock } from "../../../src/task/schedule/session-turns.ts";
import { type Choice, chooseStarts } from "../../support/choose-starts.ts";
import { startAll } from "../../support/run-schedule.ts";

const SESSIONS = ["a", "b", "c", "d"] as const;
/** Tasks that only others depend on: another clone's, or none at all. */
const FOREIGN = ["x", "y"] as const;
const TASKS_MAX = 14;

type Change =
  | { readonly kind: "accept"; readonly task: number; readonly drop: Drop }
  | { readonly kind: "end"; readonly task: number; readonly outcome: "succeeded" | "failed" | "cancelled" }
  | { readonly kind: "again"; readonly task: number; readonly delayMs: number; readonly thread: string | undefined }
  | { readonly kind: "replace"; readonly task: number; readonly drop: Drop }
  | { readonly kind: "foreign"; readonly id: string; readonly outcome: DependencyOutcome }
  | { readonly kind: "time"; readonly byMs: number }
  | { readonly kind: "pause"; readonly pauses: Pauses }
  | { readonly kind: "workers"; readonly max: number }
  | { readonly kind: "writers"; readonly max: number }
  | { readonly kind: "locks"; readonly locks: readonly HeldLock[] }
  | { readonly kind: "sandbox"; readonly problem: string | undefined }
  | { readonly kind: "codex"; readonly forMs: number | undefined | "well" };

interface Drop {
  readonly sessionKey: string;
  readonly priority: number;
  readonly notBeforeMs: number | undefined;
  readonly dependsOn: readonly string[];
  readonly thread: string | undefined;
  readonly isSandboxed: boolean;
  readonly ground: Ground;
  readonly folder: string;
  readonly locks: readonly string[];
  readonly claim: undefined;
  readonly heldAuthor: undefined;
}

const NO_LOCKS: readonly string[] = [];
const number = fc.nat(TASKS_MAX - 1);
const thread = fc.option(fc.constantFrom("t1", "t2"), { nil: undefined, freq: 2 });
const drop: fc.Arbitrary<Drop> = fc.record({
  sessionKey: fc.constantFrom(...SESSIONS),
  priority: fc.constantFrom(2, 2, 2, 1, 0, 4),
  notBeforeMs: fc.option(fc.nat(3_000_000), { nil: undefined, freq: 3 }),
  dependsOn: fc.oneof(
    { weight: 2, arbitrary: fc.constant([]) },
    {
      weight: 1,
      arbitrary: fc.array(
        fc.oneof(
          number.map((n) => `n${n}`),
          fc.constantFrom(...FOREIGN),
        ),
        { maxLength: 3 },
      ),
    },
  ),
  thread,
  isSandboxed: fc.boolean(),
  ground: fc.constantFrom<Ground[]>("writer", "writer", "apart", "either"),
  folder: fc.constantFrom("./", "./", "./", "lib/"),
  locks: fc.constantFrom<(readonly string[])[]>(NO_LOCKS, NO_LOCKS, NO_LOCKS, ["db/"], ["db/x", "api"]),
  claim: fc.constant(undefined),
  heldAuthor: fc.constant(undefined),
});

function pausesOf(queue: boolean, sessions: readonly string[]): Pauses {
  const pause = (session: string | undefined): Pause => ({ session, sinceMs: 1, reason: undefined });
  const own = new Map(sessions.map((key) => [key, pause(key)]));
  const all = queue ? pause(undefined) : undefined;
  return { queue: all, sessions: [...own.values()], of: (key) => all ?? own.get(key) };
}

const change: fc.Arbitrary<Change> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("accept"), task: number, drop }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("end"),
      task: number,
      outcome: fc.constantFrom("succeeded", "succeeded", "failed", "cancelled"),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("again"), task: number, delayMs: fc.nat(900_000), thread }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("replace"), task: number, drop }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("foreign"),
      id: fc.constantFrom(...FOREIGN),
      outcome: fc.constantFrom("open", "succeeded", "failed", undefined),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("time"),
      byMs: fc.oneof(fc.integer({ min: -50_000, max: 900_000 }), fc.integer({ min: -3_000_000, max: -500_000 })),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("pause"),
      pauses: fc.oneof(
        fc.constant(NO_PAUSES),
        fc.tuple(fc.boolean(), fc.subarray([...SESSIONS])).map(([queue, keys]) => pausesOf(queue, keys)),
      ),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("workers"), max: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("writers"), max: fc.integer({ min: 1, max: 3 }) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("locks"),
      locks: fc.array(fc.record({ session: fc.constantFrom(...SESSIONS), path: fc.constantFrom("db", "api/v1") }), {
        maxLength: 2,
      }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("sandbox"), problem: fc.constantFrom("no namespaces", undefined) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("codex"),
      forMs: fc.constantFrom<(number | undefined | "well")[]>("well", "well", undefined, 700_000),
    }),
  },
);

/** A queue that the schedule and its oracle look after side by side. */
function createPair() {
  const open = new Map<string, ScheduledTask>();
  const outcomes = new Map<string, DependencyOutcome>();
  const lastStarts = new Map<string, number>();
  const outcomeOf = (id: string): DependencyOutcome => (open.has(id) ? "open" : outcomes.get(id));
  const schedule = createSchedule((id) => outcomes.get(id));
  let [nowMs, order, workersMax]: [number, number, number] = [1_000_000, 0, 1];
  let pauses = NO_PAUSES;
  let codex: CodexHold | undefined;
  let sandbox: string | undefined;
  let writersMax = 1;
  let locks: readonly HeldLock[] = [];
  /** What the queued tasks wanted that are active now. */
  const wanted = new Map<string, Ground>();
  let wasSetBack = false;

  const put = (task: ScheduledTask): void => {
    open.set(task.id, task);
    schedule.put(task);
  };
  const end = (id: string, outcome: DependencyOutcome): void => {
    const session = open.get(id)?.sessionKey;
    open.delete(id);
    outcomes.set(id, outcome);
    schedule.remove(id);
    if (![...open.values()].some(({ sessionKey }) => sessionKey === session)) lastStarts.delete(session ?? "");
  };
  const active = (): readonly ScheduledTask[] => [...open.values()].filter(({ kind }) => kind === "active");
  const input = () => ({
    ...{ nowMs, pauses, codex, sandbox, writersMax, locks },
    workersFree: workersMax - active().length,
  });
  const oracle = (): Choice =>
    chooseStarts({
      ...input(),
      tasks: Array.from(open.values(), (task) => ({ ...task, lastStartOfSessionMs: lastStarts.get(task.sessionKey) })),
      outcomeOf,
    });

  const apply = (step: Change): void => {
    const id = "task" in step ? `n${step.task}` : "";
    const task = open.get(id);
    switch (step.kind) {
      case "accept":
        if (task !== undefined) return;
        order += 1;
        outcomes.delete(id);
        put({ ...step.drop, id, order, acceptedAtMs: nowMs, dueAtMs: 0, waitsFromMs: nowMs, kind: "queued" });
        return;
      case "end":
        if (task !== undefined) end(id, step.outcome);
        return;
      case "again":
        if (task?.kind === "active")
          put({
            ...{ ...task, kind: "queued", ground: wanted.get(id) ?? task.ground },
            ...{ waitsFromMs: nowMs, dueAtMs: nowMs + step.delayMs, thread: step.thread ?? task.thread },
          });
        return;
      case "replace":
        if (task?.kind === "queued") put({ ...task, ...step.drop, sessionKey: task.sessionKey });
        return;
      case "foreign":
        outcomes.set(step.id, step.outcome);
        schedule.settle(step.id);
        return;
      case "time":
        nowMs = Math.max(1, nowMs + step.byMs);
        wasSetBack ||= step.byMs < 0;
        return;
      case "pause":
        pauses = step.pauses;
        return;
      case "workers":
        workersMax = step.max;
        return;
      case "writers":
        writersMax = step.max;
        return;
      case "locks":
        locks = step.locks;
        return;
      case "sandbox":
        sandbox = step.problem;
        return;
      case "codex":
        codex =
          step.forMs === "well"
            ? undefined
            : { problem: "no", untilMs: step.forMs === undefined ? undefined : nowMs + step.forMs };
    }
  };

  /** What can never run ends, what may start starts; both sides must say the same, and give the same reasons for the rest. */
  const check = (): void => {
    for (;;) {
      const expected = [...oracle().unrunnable].sort((a, b) => (a.id < b.id ? -1 : 1));
      const found = [...schedule.unrunnable()].sort((a, b) => (a.id < b.id ? -1 : 1));
      expect(found).toEqual(expected);
      for (const { id } of found) end(id, "failed");
      if (found.length === 0) break;
    }
    const expected = oracle().start;
    const started = startAll(schedule, input(), (id) => {
      const task = open.get(id);
      if (task === undefined) throw new Error(`${id} is not open`);
      const ground = schedule.isSharedTaken(id, input()) ? "apart" : "writer";
      wanted.set(id, task.ground);
      open.set(id, { ...task, kind: "active", ground: task.ground === "either" ? ground : task.ground });
      lastStarts.set(task.sessionKey, nowMs);
      return task;
    });
    expect(started).toEqual(expected);
    const after = oracle();
    const held = new Map<string, Hold>();
    for (const id of open.keys()) {
      const hold = schedule.hold(id, input());
      if (hold !== undefined) held.set(id, hold);
    }
    expect(held).toEqual(after.held);
    const goesOn = [...after.held].some(([, { kind }]) => kind === "retry" || kind === "workers");
    const conditions = input();
    if (conditions.workersFree > 0 && !wasSetBack) expect(schedule.goesOn(conditions)).toBe(goesOn);
    // A paused task may be looked at for nothing. What a clock that was set back makes wait again is found when its turn comes.
    const due = schedule.dueAtMs(conditions);
    if (after.nextDueMs !== undefined && !wasSetBack) expect(due).toBeLessThanOrEqual(after.nextDueMs);
    if (due !== undefined) expect(due).toBeGreaterThan(nowMs);
  };
  return { apply, check };
}

it("whatever happens, the schedule starts what a look at every task would, and holds the rest for the same reasons", () => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 80, size: "max" }), (history) => {
      const pair = createPair();
      for (const step of history) {
        pair.apply(step);
        pair.check();
      }
    }),
    { numRuns: 300 },
  );
});
