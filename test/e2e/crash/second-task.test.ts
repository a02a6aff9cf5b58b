import { describe, expect, it } from "vitest";
import { crashAndRecover, POINTS, WITH_FAST_STUB } from "../../support/crash-and-recover.ts";
import { expectSettled } from "../../support/settled.ts";
import { tempWorkspace } from "../../support/workspace.ts";

describe("a coordinator that dies with the second task of a session loses nothing and does nothing twice", () => {
  // The thread of a run that resumes is known before the run has begun.
  it.each(POINTS.filter((point) => point !== "run:thread-seen"))("at %s", async (fault) => {
    const workspace = await tempWorkspace(WITH_FAST_STUB);
    workspace.drop("docs/first.md", "Say hello\n");
    workspace.drop("docs/second.md", "Say it again\n");
    await crashAndRecover(workspace, `${fault}#2`);
    const [first, second] = workspace.stubRuns();
    expect(workspace.stubRuns().map(({ prompt }) => prompt)).toEqual(["Say hello", "Say it again"]);
    expect(first?.resume).toBeNull();
    expect(second?.resume).toBe(workspace.results.task("Say hello").frontMatter.thread);
    expectSettled(workspace, { tasks: 2 });
  });
});
