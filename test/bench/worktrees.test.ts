import { expect, it } from "vitest";
import { runBench } from "../support/run-bench.ts";

it("the benchmark of worktrees prints what opening, snapshots and parking take", async () => {
  const stdout = await runBench("worktrees", "--files", "20", "--sessions", "2");
  expect(stdout.split("\n")).toEqual([
    expect.stringMatching(
      /^20 files: open \d+ ms, first snapshot \d+, of 23 changed \d+, of none \d+, park \d+; index \d+ KB; 2 at once \d+ ms$/,
    ),
    "",
  ]);
});
