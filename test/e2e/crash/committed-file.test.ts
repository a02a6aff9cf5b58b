import { describe, expect, it } from "vitest";
import { crashAndRecover, POINTS, WITH_FAST_STUB } from "../../support/crash-and-recover.ts";
import { expectSettled } from "../../support/settled.ts";
import { tempWorkspace } from "../../support/workspace.ts";

/** A file that git has is not claimed: it stays until a commit takes it out. */
const CLAIM_POINTS: readonly string[] = ["accept:claim-made", "accept:renamed", "accept:claim-removed"];

describe("a coordinator that dies with a committed file loses nothing and does nothing twice", () => {
  it.each(POINTS.filter((point) => !CLAIM_POINTS.includes(point)))("at %s", async (fault) => {
    const workspace = await tempWorkspace(WITH_FAST_STUB);
    workspace.commitDrop("docs/greet.md", "Say hello\n");
    await crashAndRecover(workspace, fault);
    expect(workspace.stubRuns()).toHaveLength(1);
    expectSettled(workspace, { tasks: 1 });
    expect(workspace.results.task("Say hello").frontMatter.source).toBe("inbox/docs/greet.md");
  });
});
