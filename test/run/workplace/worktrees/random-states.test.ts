import { expect, it } from "vitest";
import { testSeed } from "../../../support/seeded-random.ts";
import { tempRepo } from "../../../support/temp-repo.ts";
import { parkRandomStates } from "../../../support/worktree-states.ts";

/** In each run of the tests others; bench/worktree-kills.ts takes as many as it is told. */
const STATES_IN_SUITE = 30;

it("a worktree in a random state goes only when all of it is kept elsewhere, and stays only for a reason", {
  timeout: 60_000,
}, async () => {
  const report = await parkRandomStates(tempRepo(), testSeed("worktrees in random states"), STATES_IN_SUITE);
  expect(report).toMatchObject({ lost: [], wrong: [] });
  expect(Math.min(report.parked, report.stayed)).toBeGreaterThan(0);
});
