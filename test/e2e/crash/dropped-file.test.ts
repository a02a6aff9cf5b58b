import { describe, expect, it } from "vitest";
import { crashAndRecover, POINTS, WITH_FAST_STUB } from "../../support/crash-and-recover.ts";
import { expectSettled } from "../../support/settled.ts";
import { tempWorkspace } from "../../support/workspace.ts";

describe("a coordinator that dies with a dropped file loses nothing and does nothing twice", () => {
  it.each(POINTS)("at %s", async (fault) => {
    const workspace = await tempWorkspace(WITH_FAST_STUB);
    workspace.drop("docs/greet.md", "Say hello\n");
    await crashAndRecover(workspace, fault);
    expect(workspace.stubRuns()).toHaveLength(1);
    expectSettled(workspace, { tasks: 1 });
    expect(workspace.results.task("Say hello").result?.lastMessage).toBe("done");
  });
});
