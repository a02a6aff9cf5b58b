import { expect, it } from "vitest";
import { runBench } from "../support/run-bench.ts";

it("the benchmark of questions over HTTP prints its four figures for each", { timeout: 120_000 }, async () => {
  const stdout = await runBench("reads", "--finished", "8", "--open", "4", "--rounds", "2");
  const rows = stdout.split("\n").filter((line) => line.startsWith("| GET /"));
  expect(rows).toHaveLength(11);
  for (const row of rows) expect(row).toMatch(/^\| GET \/\S*[^|]*( \| \d+\.\d){4} \|$/);
});
