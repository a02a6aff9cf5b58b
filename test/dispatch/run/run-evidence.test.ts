import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { createRunEvidence, type RunEvidence } from "../../../src/dispatch/run/run-evidence.ts";
import type { RunEvent } from "../../../src/run/driver.ts";
import { AN_ITEM } from "../../support/an-item.ts";
import { tempDir } from "../../support/temp-dir.ts";

const [ONE, TWO] = [
  { task: "one", run: 1 },
  { task: "two", run: 3 },
];

function patch(path: string, status = "completed", atMs = 1_000): RunEvent {
  return {
    ...{ ...AN_ITEM, phase: "completed", id: "item_1", atMs, isOld: false, paths: [path] },
    body: { kind: "files", status, changes: [] },
  };
}

function command(phase: "started" | "completed", text: string, atMs: number, isOld = false): RunEvent {
  return {
    ...{ ...AN_ITEM, phase, id: "item_2", atMs, isOld, paths: [] },
    body: { kind: "command", command: text, exitCode: null, status: "", output: "", outputBytes: 0 },
  };
}

interface Opened extends RunEvidence {
  readonly clock: { nowMs: number };
  readonly dir: string;
  /** As the next coordinator does. */
  reopen(): Opened;
}

/** Both runs have begun, and answer at once. */
function evidence(dir = join(tempDir(), "evidence"), clock = { nowMs: 0 }): Opened {
  const after = (_ms: number, _callback: () => void) => () => undefined;
  const surroundings = { now: () => clock.nowMs, after };
  const opened = createRunEvidence({ workspaceDir: "/w", dir, surroundings, log: () => undefined });
  for (const run of [ONE, TWO]) opened.begun(run, 500, Promise.resolve({ caughtUp: async () => undefined }));
  return { ...opened, clock, dir, reopen: () => evidence(dir, clock) };
}

it("the run whose patch names a file is its author, before one that ran a command meanwhile", () => {
  const { noticed, authorOf } = evidence();
  noticed(ONE, patch("/w/inbox/a.md"));
  noticed(TWO, command("started", "ls inbox", 900));
  expect(authorOf("inbox/a.md", [1_000])).toEqual(ONE);
  expect(authorOf("inbox/b.md", [1_000])).toEqual(TWO);
});

it.each(["failed", "declined"])("a patch that was %s makes no author", (status) => {
  const { noticed, authorOf } = evidence();
  noticed(ONE, patch("/w/inbox/a.md", status));
  expect(authorOf("inbox/a.md", [1_000])).toBeUndefined();
});

it("a patch is evidence for what its path held then, not for what was saved there later", () => {
  const { noticed, authorOf } = evidence();
  noticed(ONE, patch("/w/inbox/a.md"));
  expect(authorOf("inbox/a.md", [1_900])).toEqual(ONE);
  expect(authorOf("inbox/a.md", [2_100])).toBeUndefined();
});

it.each([
  { name: "long before it", times: [8_000], found: false },
  { name: "while it ran", times: [12_000], found: true },
  { name: "long before it, and moved while it ran", times: [8_000, 12_000], found: true },
  { name: "long after it", times: [25_000], found: false },
])("a command that names the inbox is evidence for a file that was changed $name: $found", ({ times, found }) => {
  const { noticed, authorOf } = evidence();
  noticed(ONE, command("started", "cp plan.md inbox/", 10_000));
  noticed(ONE, command("completed", "cp plan.md inbox/", 20_000));
  noticed(TWO, command("started", "npm test", 10_000));
  expect(authorOf("inbox/a.md", times)).toEqual(found ? ONE : undefined);
});

it("a command that went on at the end of its run is evidence until then, also to the next coordinators", () => {
  const first = evidence();
  first.noticed(ONE, command("started", "watch inbox", 1_000));
  first.noticed(ONE, patch("/w/inbox/a.md"));
  first.clock.nowMs = 5_000;
  first.over(ONE);
  for (const { authorOf, clock } of [first, first.reopen(), first.reopen().reopen()]) {
    expect(authorOf("inbox/b.md", [5_000])).toEqual(ONE);
    expect(authorOf("inbox/b.md", [9_000])).toBeUndefined();
    clock.nowMs = 86_400_000;
  }
});

it("what is read again of a run that went on adds to what was seen of it, and makes nothing longer that was seen to end", () => {
  const first = evidence();
  first.clock.nowMs = 20_000;
  first.noticed(ONE, command("started", "ls inbox", 10_000));
  first.noticed(ONE, command("completed", "ls inbox", 12_000));
  first.over(TWO);
  const second = first.reopen(); // The first one was killed.
  second.clock.nowMs = 60_000;
  second.noticed(ONE, command("started", "ls inbox", 60_000, true));
  second.noticed(ONE, command("completed", "ls inbox", 60_000, true));
  expect(second.authorOf("inbox/a.md", [30_000])).toBeUndefined();
  expect(second.authorOf("inbox/a.md", [11_000])).toEqual(ONE);
  for (const id of ["item_8", "item_9"]) {
    const old = { ...command("completed", "cp x inbox", id === "item_8" ? 22_000 : 60_000, true), id } as RunEvent;
    second.noticed(ONE, old);
  }
  expect(second.authorOf("inbox/a.md", [30_000])).toEqual(ONE); // When it began is not known: not before it was looked at last.
  expect(second.authorOf("inbox/a.md", [15_000])).toBeUndefined();
});

it("while a run is live, it is not known yet who wrote a file that is younger than half a second", () => {
  const { clock, over, authorOf } = evidence();
  clock.nowMs = 10_000;
  expect([9_400, 9_600, 10_000, 11_000].map((time) => authorOf("inbox/a.md", [time]))).toEqual([
    ...[undefined, "unknown", "unknown", undefined],
  ]);
  for (const run of [ONE, TWO]) over(run);
  expect(authorOf("inbox/a.md", [9_900])).toBeUndefined();
});

it("keeps a bounded number of runs, of commands and of files, and nothing of runs that left the inbox alone", () => {
  const { clock, dir, noticed, over, begun, reopen } = evidence();
  clock.nowMs = 10_000_000;
  noticed(ONE, command("started", "npm test", 1_000));
  noticed(ONE, patch("/w/src/a.ts"));
  over(ONE);
  expect(readdirSync(join(dir, ".."))).toEqual([]);
  for (let n = 0; n < 300; n += 1) {
    const run = { task: `t${n}`, run: 1 };
    begun(run, 0, Promise.resolve({ caughtUp: async () => undefined }));
    noticed(run, patch(`/w/inbox/${n}.md`, "completed", n * 10));
    over(run);
  }
  expect(readdirSync(dir)).toHaveLength(200);
  writeFileSync(join(dir, "t299-1.json"), "no json");
  expect([reopen().authorOf("inbox/299.md", [2_990]), reopen().authorOf("inbox/298.md", [2_980])]).toEqual([
    ...[undefined, { task: "t298", run: 1 }],
  ]);
  for (let n = 0; n < 500; n += 1)
    noticed(TWO, { ...command("completed", "ls inbox", n * 10_000), id: `i${n}` } as RunEvent);
  over(TWO);
  for (const time of [0, 2_500_000, 4_990_000]) expect(reopen().authorOf("inbox/x.md", [time])).toEqual(TWO);
});

it("waits for what live runs have said, and for one that does not answer two seconds at the longest", async () => {
  let fire: () => void = () => undefined;
  const after = (ms: number, callback: () => void) => {
    expect(ms).toBe(2_000);
    fire = callback;
    return () => undefined;
  };
  const surroundings = { now: () => 0, after };
  const { begun, catchUp, over } = createRunEvidence({
    workspaceDir: "/w",
    dir: "/none",
    surroundings,
    log: () => undefined,
  });
  await catchUp(); // Nothing is live.
  const { promise, resolve } = Promise.withResolvers<void>();
  begun(ONE, 0, Promise.resolve({ caughtUp: () => promise }));
  begun(TWO, 0, Promise.reject(new Error("it could not be adopted")));
  let isDone = false;
  const asked = catchUp().then(() => {
    isDone = true;
  });
  await new Promise(setImmediate);
  expect(isDone).toBe(false);
  resolve();
  await asked;
  begun(ONE, 0, Promise.resolve({ caughtUp: () => new Promise(() => undefined) }));
  const late = catchUp();
  fire();
  await late;
  for (const run of [ONE, TWO]) over(run);
  await catchUp();
});
