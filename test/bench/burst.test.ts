import { expect, it } from "vitest";
import { runBench } from "../support/run-bench.ts";

const TIMEOUT_MS = 180_000;

/** Parts of the rows' names, with the columns that have a figure. Its size is not judged here: other work on the machine would be. */
const ALONE = [
  "one task, publish to commit, median ms",
  "git's rewrite of its index in it",
  "by hand, median ms",
  "flood of 8",
  ...[1, 2, 3, 4].map((quarter) => `quarter ${quarter}, tasks/s`),
  "resident, most, MB",
  "idle, empty queue, coordinator",
  "idle, 5 held tasks, coordinator",
  "xargs -P4",
  "task-spooler",
  "graphile-worker",
  "POST /tasks, 16 at a time",
  "bytes after git gc",
  "sync, push in one clone",
  "real codex, 1 task",
  "coordinator, % of one core",
] as const;
const BESIDE_TOO = [
  "burst of 5, 4 workers, tasks/s",
  "processor time of the coordinator",
  "processor time of its children",
  "waits for its commit",
  "the same, longest, ms",
  "event loop late, 99th percentile",
  "the same, worst",
  "POST /tasks, median",
  "resident before",
  "resident in the burst",
  "resident after",
] as const;

it("the benchmark of a burst prints every figure, and finds each result in Git exactly once", {
  timeout: TIMEOUT_MS,
}, async () => {
  const stdout = await runBench("burst", "--smoke", "--real");
  const rows = stdout
    .split("\n")
    .filter((line) => line.startsWith("| …") || /^\| \w/.test(line))
    .map((line) => line.split("|").map((cell) => cell.trim()));
  const figures = (part: string, columns: number): readonly boolean[] => {
    const row = rows.find(([, name]) => name?.includes(part));
    return Array.from({ length: columns }, (_, column) => isFigure(row?.[column + 2]));
  };
  for (const part of ALONE) expect({ part, figures: figures(part, 1) }).toEqual({ part, figures: [true] });
  for (const part of BESIDE_TOO) expect({ part, figures: figures(part, 2) }).toEqual({ part, figures: [true, true] });
  for (const [, name, figure = "", beside = ""] of rows)
    expect({ name, figure: isFigure(figure) || isFigure(beside) }).toEqual({ name, figure: true });
  const results = rows.filter(([, name]) => name?.includes("exactly once")).map((cells) => cells.slice(2, 4));
  expect(results).toEqual([
    ["5 / 5", "5 / 5"],
    ["8 / 8", ""],
    ["1 / 1", ""],
  ]);
});

/** A number, results out of all, or why there is none: a peer that is not installed, a quarter that came in one commit. */
function isFigure(cell: string | undefined): boolean {
  return /^(\d+(\.\d+)?|\d+ \/ \d+|not installed|in the commit before)$/.test(cell ?? "");
}
