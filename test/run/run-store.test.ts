import { existsSync, mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { openRunStore } from "../../src/run/run-store.ts";
import { tempDir } from "../support/temp-dir.ts";
import { waitFor } from "../support/wait-for.ts";

function openStore() {
  const base = tempDir();
  const [runsDir, keptDir] = [join(base, "runs"), join(base, "unknown-runs")];
  return { base, runsDir, keptDir, store: openRunStore({ runsDir, keptDir, workspaceId: "store" }) };
}

function makeRun(runsDir: string, task: string): void {
  mkdirSync(join(runsDir, task, "1"), { recursive: true });
  writeFileSync(join(runsDir, task, "1", "stderr.log"), task);
}

it("the runs of the newest twenty tasks are kept, whole", () => {
  const { runsDir, keptDir, store } = openStore();
  const names = Array.from({ length: 23 }, (_, index) => `task-${String(index).padStart(2, "0")}`);
  for (const name of names) {
    makeRun(runsDir, name);
    store.forget(name, { keep: true });
    utimesSync(join(keptDir, name), 1, 1); // Its age is when it was put away, not what is in it.
  }
  expect(readdirSync(keptDir)).toEqual(names.slice(3));
  expect(readFileSync(join(keptDir, "task-22", "1", "stderr.log"), "utf8")).toBe("task-22");
  expect(readdirSync(runsDir)).toEqual([]);
});

it("a task without runs leaves nothing", () => {
  const { base, store } = openStore();
  store.forget("task", { keep: true });
  store.forgetOthers(() => false);
  expect(readdirSync(base)).toEqual([]);
});

it("what is not open any more is forgotten, and nothing else", async () => {
  const { runsDir, store } = openStore();
  for (const task of ["done", "open"]) makeRun(runsDir, task);
  expect(store.has({ task: "open", run: 1 })).toBe(true);
  store.forgetOthers((task) => task === "open");
  await waitFor(() => !existsSync(join(runsDir, "done")), { what: "the removal" });
  expect(readdirSync(runsDir)).toEqual(["open"]);
});

it("what is forgotten is gone at once for everybody, and its files in a quiet moment", async () => {
  const { runsDir, store } = openStore();
  mkdirSync(runsDir);
  store.forgetOthers(() => false); // As at a start that finds nothing.
  for (const task of ["first", "second"]) makeRun(runsDir, task);
  store.forget("first", { keep: false });
  expect(store.has({ task: "first", run: 1 })).toBe(false);
  expect(readdirSync(runsDir)).toHaveLength(2);
  makeRun(runsDir, "first");
  store.forget("second", { keep: false });
  await waitFor(() => readdirSync(runsDir).length === 1, { what: "the removal" });
  expect(store.has({ task: "first", run: 1 })).toBe(true);
});

it("nothing is left of what was forgotten when the store is closed, nor waits without a bound", async () => {
  const { runsDir, store } = openStore();
  for (let task = 0; task < 2_050; task += 1) {
    mkdirSync(join(runsDir, `task-${task}`), { recursive: true });
    store.forget(`task-${task}`, { keep: false });
  }
  await waitFor(() => readdirSync(runsDir).length <= 2_000, { what: "the first removals", timeoutMs: 900 });
  await store.close();
  expect(readdirSync(runsDir)).toEqual([]);
});
