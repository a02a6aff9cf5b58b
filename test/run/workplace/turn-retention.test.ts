import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { locateRepository } from "../../../src/git/repository/known-repositories.ts";
import { createTurnRefs } from "../../../src/git/snapshots/turn-refs.ts";
import { createTurnRetention } from "../../../src/run/workplace/turn-retention.ts";
import { tempRepo } from "../../support/temp-repo.ts";

const DAY_MS = 86_400_000;

it("changes of runs are kept for so many days, and many refs lie in one file", async () => {
  const repo = tempRepo();
  const repository = locateRepository(repo.dir);
  if (repository === undefined) throw new Error("no repository");
  const refs = createTurnRefs(repository);
  const head = repo.git("rev-parse", "HEAD");
  const madeMs = Number(repo.git("log", "-1", "--format=%ct000"));
  const lines = Array.from({ length: 250 }, (_, n) => `create refs/codex-inbox/turns/t${n}/1 ${head}`).join("\n");
  repo.write("../lines", `${lines}\n`);
  repo.git("-c", "alias.make=!git update-ref --stdin < ../lines", "make");
  await refs.hold("t1-1", head);
  let nowMs = madeMs + 89 * DAY_MS;
  const retain = createTurnRetention({ repository, refs, keepDays: () => 90, now: () => nowMs });
  await retain();
  expect(await refs.list()).toHaveLength(250);
  expect(existsSync(join(repo.dir, ".git/refs/codex-inbox/turns/t0/1"))).toBe(false);
  nowMs += 1_000;
  await refs.keepTurn("late", 1, head);
  nowMs = madeMs + 91 * DAY_MS;
  await retain();
  expect([(await refs.list()).length, repo.git("rev-parse", "refs/codex-inbox/held/t1-1")]).toEqual([0, head]);
});
