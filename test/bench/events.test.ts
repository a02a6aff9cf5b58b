import { expect, it } from "vitest";
import { runBench } from "../support/run-bench.ts";

it("the benchmark of live events prints what a task costs, and loses none of them", async () => {
  const stdout = await runBench("events", "--tasks", "200", "--readers", "3");
  expect(stdout.split("\n")).toEqual([
    expect.stringMatching(/^200 tasks, 10 events each: \d+\.\d{3} ms of processor time a task$/),
    expect.stringMatching(/^with 3 readers: \d+\.\d{3} ms a task; 6000 of 6000 events delivered$/),
    "",
  ]);
});
