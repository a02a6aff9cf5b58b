import { expect, it } from "vitest";
import { seededRandom, testSeed } from "../../../support/seeded-random.ts";
import { tempRepo } from "../../../support/temp-repo.ts";
import { killAtWorktrees, WORKTREE_STEPS } from "../../../support/worktree-kills.ts";

/** Here some of the steps; bench/worktree-kills.ts takes all of them, and as many kills as it is told. */
const STEPS_IN_SUITE = 4;

it("every byte that an agent wrote is in a commit or on the disk, whenever its coordinator is killed", {
  timeout: 60_000,
}, async () => {
  const seed = testSeed("worktrees and kills");
  const first = seededRandom(seed).below(WORKTREE_STEPS.length);
  const steps = [...WORKTREE_STEPS, ...WORKTREE_STEPS].slice(first, first + STEPS_IN_SUITE);
  const report = await killAtWorktrees({ repo: tempRepo(), seed, steps, rounds: 1, fullDisks: 1 });
  expect(report).toMatchObject({ lost: [], idle: [], survived: [], failures: [], touched: [] });
  expect(report.kills).toBeGreaterThanOrEqual(steps.length);
  expect(report.written).toBeGreaterThan(steps.length);
});
