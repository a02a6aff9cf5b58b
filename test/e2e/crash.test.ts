import { describe, expect, it } from "vitest";
import { tempWorkspace } from "../support/workspace.ts";

describe("a coordinator that is killed", () => {
  it("leaves its worker running; the next one adopts it and commits its result once", async () => {
    const workspace = await tempWorkspace();
    workspace.drop("greet.md", "[[sleep 800]] [[final: hello]]\n");
    const first = workspace.serve();
    await first.saw("thread");
    await first.kill();
    const second = await workspace.serveUntilIdle();
    expect(second.lines("recovered").map((line) => line.field("action"))).toEqual(["watch"]);
    expect(workspace.results.task("[[sleep 800]]").result?.lastMessage).toBe("hello");
    expect(workspace.stubRuns()).toHaveLength(1);
    expect(workspace.results.commits()).toHaveLength(1);
  });
});
