import { describe, expect, it } from "vitest";
import { createStopCommand } from "../../../src/cli/commands/stop.ts";
import { createFakeCliDeps, runCommand, taskView } from "../../fakes/fake-cli-deps.ts";

const OPEN = taskView({ status: "running", endedAt: null, committed: false });

describe("stop", () => {
  it("asks for the end of the task that the part of an id names", async () => {
    const deps = createFakeCliDeps({ find: async (part) => (part === "k3f9" ? OPEN : taskView()) });
    expect(await runCommand(createStopCommand(deps), "k3f9")).toBe(0);
    expect(deps.stopped).toEqual([OPEN.id]);
    expect(deps.printed).toEqual([`${OPEN.id} will be stopped and recorded as cancelled.`]);
  });

  it.each([
    { name: "one that has ended", task: taskView(), says: /had already ended: succeeded$/ },
    {
      name: "one that waits for its commit",
      task: taskView({ committed: false }),
      says: /had already ended: succeeded$/,
    },
    {
      name: "one that another clone has accepted: nobody here could stop it",
      task: taskView({ status: "queued", endedAt: null, hold: "accepted by another clone (zzzzzz)" }),
      says: /belongs to another clone: accepted by another clone \(zzzzzz\); stop it there$/,
    },
  ])("refuses $name", async ({ task, says }) => {
    const deps = createFakeCliDeps({ find: async () => task });
    await expect(runCommand(createStopCommand(deps), "k")).rejects.toMatchObject({ code: "REFUSED", message: says });
    expect(deps.stopped).toEqual([]);
  });

  it("takes exactly one task", async () => {
    const command = createStopCommand(createFakeCliDeps());
    for (const argv of [[], ["a", "b"]])
      await expect(runCommand(command, ...argv)).rejects.toMatchObject({ code: "USAGE" });
  });
});
