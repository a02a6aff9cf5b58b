import { mkdirSync, readdirSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { createRunRetention } from "../../src/run/run-retention.ts";
import { tempDir } from "../support/temp-dir.ts";
import { waitFor } from "../support/wait-for.ts";

/** Touches a folder until it is newer than all others: its own time does not count, but that of its last change. */
function isNewest(folder: string, name: string): boolean {
  utimesSync(join(folder, name), 0, 0);
  const times = readdirSync(folder).map((one) => ({ one, ms: statSync(join(folder, one)).ctimeMs }));
  const { ms = 0 } = times.find(({ one }) => one === name) ?? {};
  return times.every((other) => other.one === name || other.ms < ms);
}

it("runs that were kept go by their age, and the oldest by their size; at most once an hour", async () => {
  const keptDir = join(tempDir(), "unknown-runs");
  const settings = { keepRunsDays: 30, keepRunsMb: 3 };
  const said: unknown[] = [];
  const state = { nowMs: Date.now() };
  const retention = createRunRetention({
    ...{
      keptDir,
      settings: () => settings,
      now: () => state.nowMs,
      log: (event, fields) => said.push([event, fields]),
    },
  });
  await retention(); // Nothing was ever kept.
  for (const name of ["a", "b", "c"]) {
    mkdirSync(join(keptDir, name, "1"), { recursive: true });
    writeFileSync(join(keptDir, name, "1/events.jsonl"), Buffer.alloc(1_100_000));
    await waitFor(() => isNewest(keptDir, name), { what: "the next moment of the file system's clock", intervalMs: 1 });
  }
  await retention();
  expect(readdirSync(keptDir)).toEqual(["a", "b", "c"]);
  state.nowMs += 3_600_000;
  await retention();
  expect(readdirSync(keptDir)).toEqual(["b", "c"]);
  state.nowMs += 31 * 86_400_000;
  await retention();
  expect(readdirSync(keptDir)).toEqual([]);
  expect(said).toEqual([
    ["runs-removed", { tasks: 1, left: 2 }],
    ["runs-removed", { tasks: 2, left: 0 }],
  ]);
});

it("a run that is too large by itself makes no other one go, and a clock that is set back stops nothing", async () => {
  const keptDir = join(tempDir(), "unknown-runs");
  const settings = { keepRunsDays: 30, keepRunsMb: 1 };
  const said: unknown[] = [];
  const state = { nowMs: Date.now() };
  const retention = createRunRetention({
    ...{ keptDir, settings: () => settings, now: () => state.nowMs },
    log: (event, fields) => said.push([event, fields.path ?? fields.tasks]),
  });
  const large = join(keptDir, "large");
  for (const [name, bytes] of Object.entries({ small: 1_000, large: 1_100_000 })) {
    mkdirSync(join(keptDir, name), { recursive: true });
    writeFileSync(join(keptDir, name, "events.jsonl"), Buffer.alloc(bytes));
    await waitFor(() => isNewest(keptDir, name), { what: "the next moment of the file system's clock", intervalMs: 1 });
  }
  await retention();
  expect([readdirSync(keptDir), said]).toEqual([["small"], [["runs-removed", 1]]]);
  mkdirSync(large);
  writeFileSync(join(large, "events.jsonl"), Buffer.alloc(1_100_000));
  state.nowMs -= 86_400_000;
  await retention();
  expect(readdirSync(keptDir)).toEqual(["small"]);
});
