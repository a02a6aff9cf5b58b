import { mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { keepUnknownRuns } from "../../src/store/unknown-runs.ts";
import { tempDir } from "../support/temp-dir.ts";

it("the runs of the newest twenty tasks are kept, whole", () => {
  const base = tempDir();
  const paths = { runs: join(base, "runs"), unknownRuns: join(base, "unknown-runs") };
  const names = Array.from({ length: 23 }, (_, index) => `task-${String(index).padStart(2, "0")}`);
  for (const name of names) {
    mkdirSync(join(paths.runs, name, "1"), { recursive: true });
    writeFileSync(join(paths.runs, name, "1", "stderr.log"), name);
    keepUnknownRuns(paths, name);
    utimesSync(join(paths.unknownRuns, name), 1, 1); // Its age is when it was put away, not what is in it.
  }
  expect(readdirSync(paths.unknownRuns)).toEqual(names.slice(3));
  expect(readFileSync(join(paths.unknownRuns, "task-22", "1", "stderr.log"), "utf8")).toBe("task-22");
  expect(readdirSync(paths.runs)).toEqual([]);
});

it("a task without runs leaves nothing", () => {
  const base = tempDir();
  keepUnknownRuns({ runs: join(base, "runs"), unknownRuns: join(base, "unknown-runs") }, "task");
  expect(readdirSync(base)).toEqual([]);
});
