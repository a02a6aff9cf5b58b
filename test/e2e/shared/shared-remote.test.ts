import { describe, it } from "vitest";
import { seededRandom, testSeed } from "../../support/seeded-random.ts";
import { runShared, sharedRemote } from "../../support/shared-remote.ts";

/** `CODEX_INBOX_SHARED_TASKS=100` makes the long run of it: docs/reliability.md says how often that was done. */
const COUNT = Number(process.env.CODEX_INBOX_SHARED_TASKS ?? 12);
const TIMEOUT_MS = 30_000 + COUNT * 3_000;

describe("two clones with coordinators and a user who pushes", () => {
  it("run each task once, and all three come to the same tree by plain pulls", {
    timeout: TIMEOUT_MS * 2,
  }, async () => {
    const random = seededRandom(testSeed("shared-remote"));
    await runShared(await sharedRemote(), random, COUNT, { kills: 0, isAwayHalf: false }, TIMEOUT_MS);
  });

  it("do so over kills of either, with a remote that is away half of the time", {
    timeout: TIMEOUT_MS * 2,
  }, async () => {
    const random = seededRandom(testSeed("shared-remote-in-trouble"));
    await runShared(await sharedRemote(), random, COUNT, { kills: 2, isAwayHalf: true }, TIMEOUT_MS);
  });
});
