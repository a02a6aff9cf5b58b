import { describe, it } from "vitest";
import { seededRandom, testSeed } from "../../support/seeded-random.ts";
import { runShared, sharedRemote, type Trouble } from "../../support/shared-remote.ts";

const COUNT_OF_EVERY_RUN = 6;
/** `npm run torture:clones` has more tasks, and both ways. */
const COUNT = Number(process.env.CODEX_INBOX_SHARED_TASKS ?? COUNT_OF_EVERY_RUN);
const IS_LONG = COUNT > COUNT_OF_EVERY_RUN;
const TIMEOUT_MS = 60_000 + COUNT * 3_000;
const COMMITS = IS_LONG ? Number.POSITIVE_INFINITY : 4;

const QUIET = { name: "no trouble", kills: 0, isAwayHalf: false, commitsOfUsers: COMMITS };
const TROUBLE = {
  ...{ name: "kills of either, and a remote that is away half of the time" },
  ...{ kills: IS_LONG ? 6 : 2, isAwayHalf: true, commitsOfUsers: COMMITS },
};

describe("two clones with coordinators, their users, and another one who pushes", () => {
  it.each<Trouble & { readonly name: string }>(IS_LONG ? [QUIET, TROUBLE] : [TROUBLE])(
    "run each task once, and come to the same tree by plain pulls, with $name",
    { timeout: TIMEOUT_MS * 2 },
    async (trouble) => {
      const random = seededRandom(testSeed("shared-remote"));
      await runShared(await sharedRemote(), random, COUNT, trouble, TIMEOUT_MS);
    },
  );
});
