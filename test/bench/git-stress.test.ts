import { expect, it } from "vitest";
import { runBench } from "../support/run-bench.ts";

it("the stress of a user's git beside a coordinator runs without a test runner, with its control", {
  timeout: 120_000,
}, async () => {
  const stdout = await runBench("git-stress", "2", "7", "1", "0");
  expect(stdout).toMatch(/^seed=7 alone userCommands=\d+ .* failures=0 /m);
  expect(stdout).toMatch(/^seed=7 served userCommands=\d+ .* failures=0 /m);
  expect(stdout).toMatch(/^seed=7 failuresBecauseOfUs=0$/m);
});
