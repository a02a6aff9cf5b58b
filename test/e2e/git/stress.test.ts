import { expect, it } from "vitest";
import { failuresBesides, runStress } from "../../support/git-stress/stress-run.ts";
import { testSeed } from "../../support/seeded-random.ts";

const SEED = testSeed("git stress");
/** A new history each time; `node bench/git-stress.ts` runs the same user for 500 commands of each seed. */
const OPTIONS = { seed: SEED, commands: 60, tasks: 30, idleFiles: 100, pauseMsMax: 10 };

it("a user who works with git in the same checkout loses nothing, and no command of theirs fails", async () => {
  const alone = await runStress({ ...OPTIONS, served: false });
  console.log(`git stress alone: ${JSON.stringify({ ...alone, log: undefined })}`);
  expect(alone.problems).toEqual([]);
  const served = await runStress({ ...OPTIONS, served: true });
  console.log(`git stress: ${JSON.stringify({ ...served, log: undefined })}`);
  expect(served.problems, served.log).toEqual([]);
  expect(failuresBesides(alone, served)).toEqual([]);
}, 180_000);
