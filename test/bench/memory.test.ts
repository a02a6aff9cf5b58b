import { expect, it } from "vitest";
import { runBench } from "../support/run-bench.ts";

it("the benchmark of the memory prints its figures for each prompt and tool", { timeout: 120_000 }, async () => {
  const stdout = await runBench("memory", "--smoke");
  const rows = stdout.split("\n").flatMap((line) => /^\| (.*?) \| (rg|grep) \| (.*) \|$/.exec(line)?.slice(1) ?? []);
  expect(rows.filter((_, index) => index % 3 === 1)).toEqual(["rg", "grep", "rg", "grep", "rg", "grep"]);
  for (const figures of rows.filter((_, index) => index % 3 === 2))
    expect(figures).toMatch(/^\d+\.\d \(\d+\.\d\) \| \d+\.\d \(\d+\.\d\) \| -?\d+\.\d \| \d+$/);
});
