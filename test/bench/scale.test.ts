import { expect, it } from "vitest";
import { runBench } from "../support/run-bench.ts";

const TIMEOUT_MS = 180_000;

/** Every figure, by a part of its name. Its size is not judged here: other work on the machine would be. */
const FIGURES = [
  "publish to commit, median ms",
  "the same, 95th percentile",
  "without Git's work on its whole index",
  "accept",
  "run",
  "commit",
  "what the run changed",
  "its rewrite",
  "tasks/s",
  "processor time of the coordinator",
  "processor time of git and the runs",
  "start to serving",
  "resident after the start",
  "resident after the burst",
  "greatest resident",
  "git add + git commit",
] as const;

it(
  "the benchmark takes tasks through a real coordinator and prints every figure",
  async () => {
    const stdout = await runBench("scale", "--smoke");
    const rows = stdout.split("\n").filter((line) => line.startsWith("| "));
    for (const figure of FIGURES) {
      const row = rows.find((line) => line.includes(figure));
      const cells = (row ?? "").split(" | ").slice(1, 3);
      expect({ figure, numbers: cells.map((cell) => Number.isFinite(Number(cell))) }).toEqual({
        figure,
        numbers: [true, true],
      });
    }
    expect(stdout).toMatch(/xargs -P4, runs\/s: \d+/);
  },
  TIMEOUT_MS,
);
