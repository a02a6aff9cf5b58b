import { setTimeout as delay } from "node:timers/promises";
import { expect, it } from "vitest";
import { checkOutcome, failuresToExplain } from "../../support/race-findings.ts";
import { createRaceUser } from "../../support/race-user.ts";
import { startDriver } from "../../support/run-driver.ts";
import { seededRandom, testSeed } from "../../support/seeded-random.ts";
import { tempRepo } from "../../support/temp-repo.ts";

const EACH_MODE_MS = 2_000;

/** bench/commit-race.ts runs the same for as long as one likes. */
it("a user who commits without pause never fails because of us, and nothing of anybody's is lost or reverted", async () => {
  const repo = tempRepo();
  const random = seededRandom(testSeed("commit race"));
  const driver = startDriver(["loop", repo.dir, "t"]);
  const users = (["s", "a", "o"] as const).map((mode) => createRaceUser(repo, mode));
  for (const user of users) {
    for (const endMs = Date.now() + EACH_MODE_MS; Date.now() < endMs; ) {
      user.act();
      await delay(random.below(100));
    }
  }
  driver.child.stdin?.end();
  const { report, stderr } = await driver.ended;
  if (report === undefined) throw new Error(stderr);
  expect(failuresToExplain(users, report)).toEqual([]);
  expect(report.batches).toBeGreaterThan(0);
  expect(checkOutcome(repo, users, report)).toEqual({ userTouchedOurs: 0, problems: [] });
});
