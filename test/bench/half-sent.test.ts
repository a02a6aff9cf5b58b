import { expect, it } from "vitest";
import { runBench } from "../support/run-bench.ts";

it("the benchmark of half-sent bodies prints memory, answers and the times of small requests", {
  timeout: 120_000,
}, async () => {
  const stdout = await runBench("half-sent", "--bodies", "8", "--sent", "100", "--hold", "2");
  const rows = stdout.split("\n").flatMap((line) => /^\| 8 half-sent bodies, (.*) \|$/.exec(line)?.[1] ?? []);
  expect(rows).toEqual([
    expect.stringMatching(/^without the token \| \d+ \| \d+ \| \d+ \| 8 × 401 \| \d+\.\d \| \d+$/),
    expect.stringMatching(/^with the token \| \d+ \| \d+ \| \d+ \| 5 × 503 \| \d+\.\d \| \d+$/),
  ]);
});
