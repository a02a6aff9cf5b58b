import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import type { RunEvent, RunHandle } from "../../src/run/driver.ts";
import { type RunLimits, supervise } from "../../src/run/supervisor.ts";
import { createFakeHandle } from "../fakes/fake-handle.ts";
import { type Clock, createClock } from "../support/clock.ts";

const LIMITS: RunLimits = { timeoutMs: 60_000, stallMs: 20_000, outputBytesMax: 1_000, usedMs: 0 };
const LEASE = { task: "t", run: 1, resume: undefined };
const sign: RunEvent = { kind: "notice", atMs: 0, isOld: false };

function watched(limits: Partial<RunLimits> = {}, change: Partial<RunHandle<string>> = {}) {
  const clock = createClock();
  const told: string[] = [];
  let asked = 0;
  const stops: number[] = [];
  const handle = createFakeHandle<string>(LEASE, {
    stop: async (graceMs) => void stops.push(graceMs),
    async outcome() {
      asked += 1;
      return "done";
    },
  });
  const observer = {
    noticed: (event: RunEvent) => void told.push(event.kind),
    overdue: (cause: string) => void told.push(`overdue ${cause}`),
    exited: (exitCode: number | undefined) => void told.push(`exit ${exitCode}`),
    ended: () => void told.push("ended"),
    interrupted: (_error: unknown): boolean => false,
    failed: (error: unknown) => void told.push(`failed ${String(error)}`),
    log: (event: string, error: unknown) => void told.push(`${event} ${String(error)}`),
  };
  const surroundings = { monotonicMs: () => clock.monotonicMs, after: clock.after };
  const run = supervise({ ...handle, ...change }, { ...LIMITS, ...limits }, surroundings, observer);
  return { clock, told, stops, handle, run, observer, asked: () => asked };
}

async function pass(clock: Clock, ms: number): Promise<void> {
  await nextTurn();
  clock.advance(ms);
  await nextTurn();
}

describe("the limits of a run", () => {
  it("are measured by the time that the machine was awake: a clock that is set ends no run", async () => {
    const { clock, told } = watched();
    clock.set(clock.nowMs + 24 * 3_600_000);
    await pass(clock, 10_000);
    clock.set(0);
    await pass(clock, 9_999);
    expect(told).toEqual([]);
    await pass(clock, 1);
    expect(told).toEqual(["overdue stall"]);
  });

  it("have the earlier one as their cause, even if that is checked late", async () => {
    const { clock, told } = watched({ timeoutMs: 19_000 });
    await pass(clock, 500_000);
    await pass(clock, 1_000);
    expect(told).toEqual(["overdue timeout"]);
  });

  it("let what has come meanwhile be read first, where they are checked late", async () => {
    const { clock, told, handle } = watched();
    await pass(clock, 25_000);
    expect(told).toEqual([]);
    handle.push(sign);
    await pass(clock, 1_000);
    expect(told).toEqual(["notice"]);
  });

  it("are told again while they could not be recorded, and not once the run is stopped", async () => {
    const { clock, told, run, observer } = watched();
    let isFull = true;
    const record = observer.overdue;
    observer.overdue = (cause) => {
      if (isFull) throw new Error("full");
      record(cause);
      run.stop(5);
    };
    await pass(clock, 20_000);
    isFull = false;
    await pass(clock, 500);
    await pass(clock, 60_000);
    expect(told).toEqual(["event-failed Error: full", "overdue stall"]);
  });

  it("count what it has written, once it is too much", async () => {
    const { told, handle } = watched();
    handle.push({ kind: "output", bytes: 1_000 });
    handle.push({ kind: "output", bytes: 1_001 });
    await nextTurn();
    expect(told).toEqual(["output", "overdue output", "output"]);
  });

  it.each([
    { name: "by the wall clock", usedMs: 50_000, silentMs: 0, leftMs: 10_000, cause: "timeout" },
    {
      name: "but never all of it: the clock may have been set",
      usedMs: 9e9,
      silentMs: 0,
      leftMs: 6_000,
      cause: "timeout",
    },
    { name: "never more than there is", usedMs: -9e9, silentMs: 0, leftMs: 20_000, cause: "stall" },
    { name: "silence as well", usedMs: 0, silentMs: 15_000, leftMs: 5_000, cause: "stall" },
    { name: "silence, but never all of it", usedMs: 0, silentMs: 9e9, leftMs: 2_000, cause: "stall" },
  ])("of an adopted run count what it has used, $name", async ({ usedMs, silentMs, leftMs, cause }) => {
    const { clock, told } = watched({ usedMs }, { silentMs });
    await pass(clock, leftMs - 1);
    expect(told).toEqual([]);
    await pass(clock, 1);
    expect(told).toEqual([`overdue ${cause}`]);
  });

  it("leave a command alone that takes hours and says nothing, until it has ended", async () => {
    const { clock, told, handle } = watched({ timeoutMs: undefined });
    const item = (phase: "started" | "completed", id: string, isOld = false): RunEvent => ({
      ...{ kind: "item", phase, id, paths: [], line: 1, firstLine: 1, durationMs: undefined, atMs: 0, isOld },
      body: { kind: "command", command: "make", exitCode: 0, status: "completed", output: "", outputBytes: 0 },
    });
    handle.push(item("started", "a", true));
    handle.push(item("started", "b"));
    await pass(clock, 5 * 3_600_000);
    handle.push(item("completed", "a"));
    await pass(clock, 3_600_000);
    expect(told).toEqual(["item", "item", "item"]);
    handle.push(item("completed", "b"));
    await pass(clock, 19_999);
    expect(told).toEqual(["item", "item", "item", "item"]);
    await pass(clock, 1);
    expect(told.at(-1)).toBe("overdue stall");
  });

  it("end a command all the same that takes longer than the run may", async () => {
    const { clock, told, handle } = watched();
    handle.push({
      ...{
        kind: "item",
        phase: "started",
        id: "a",
        paths: [],
        line: 1,
        firstLine: 1,
        durationMs: undefined,
        atMs: 0,
        isOld: false,
      },
      body: { kind: "command", command: "make", exitCode: 0, status: "completed", output: "", outputBytes: 0 },
    });
    await pass(clock, 60_000);
    expect(told).toEqual(["item", "overdue timeout"]);
  });

  it("are not lengthened by what an adopted run had done before", async () => {
    const { clock, told, handle } = watched({}, { silentMs: 15_000 });
    handle.push({ ...sign, isOld: true });
    await pass(clock, 5_000);
    expect(told).toEqual(["notice", "overdue stall"]);
  });
});

describe("the end of a run", () => {
  it("is told when its process has exited, and again when all was read; then no limit is left", async () => {
    const { clock, told, handle, asked } = watched();
    handle.exit(0);
    await pass(clock, 600_000);
    expect(told).toEqual(["exit 0", "exited", "ended"]);
    expect(asked()).toBe(0);
  });

  it("is not told of a run that was let go of, whose outcome is nobody's to ask for", async () => {
    const { clock, told, run, asked, stops } = watched();
    await nextTurn();
    run.detach();
    await pass(clock, 600_000);
    expect([told, asked(), stops]).toEqual([[], 0, []]);
  });

  it("is brought about where the run cannot be followed", async () => {
    const broken = {
      async *events(): AsyncGenerator<RunEvent> {
        yield sign;
        throw new Error("unreadable");
      },
    };
    const { told, stops } = watched({}, broken);
    await nextTurn();
    await nextTurn();
    expect(stops).toEqual([0]);
    expect(told).toEqual(["notice", "failed Error: unreadable"]);
  });

  it("is left alone where it cannot be followed just now, and is taken up anew", async () => {
    const gate = { open: (): void => undefined };
    const opened = new Promise<void>((resolve) => {
      gate.open = resolve;
    });
    const { told, stops, observer } = watched(
      {},
      {
        async *events(): AsyncGenerator<RunEvent> {
          yield sign;
          await opened;
          throw new Error("EMFILE");
        },
      },
    );
    observer.interrupted = (error) => told.push(`interrupted ${String(error)}`) > 0;
    gate.open();
    await nextTurn();
    await nextTurn();
    expect([told, stops]).toEqual([["notice", "interrupted Error: EMFILE"], []]);
  });

  it("is not hindered by an event that could not be taken in", async () => {
    const { told, handle, observer } = watched();
    observer.noticed = () => {
      throw new Error("full");
    };
    handle.push(sign);
    handle.exit(0);
    await nextTurn();
    expect(told).toEqual(["event-failed Error: full", "exit 0", "event-failed Error: full", "ended"]);
  });
});

describe("a stop", () => {
  it("is asked for once, and again where it could not be carried out", async () => {
    const stops: number[] = [];
    const stop = async (graceMs: number): Promise<void> => {
      stops.push(graceMs);
      if (stops.length === 1) throw new Error("a process does not end");
    };
    const { clock, told, run } = watched({}, { stop });
    run.stop(7);
    run.stop(8);
    await pass(clock, 500);
    await pass(clock, 60_000);
    expect(stops).toEqual([7, 7]);
    expect(told).toEqual(["stop-failed Error: a process does not end"]);
  });
});
