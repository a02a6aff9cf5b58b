import { describe, expect, it } from "vitest";
import { createStopCommand } from "../../../../src/cli/commands/tasks/stop.ts";
import { createFakeCliDeps, runCommand, taskView } from "../../../fakes/fake-cli-deps.ts";

const OPEN = taskView({ status: "running", endedAt: null, committed: false });

describe("stop", () => {
  it("asks for the end of the task that the part of an id names", async () => {
    const deps = createFakeCliDeps({ find: async (part) => (part === "k3f9" ? OPEN : taskView()) });
    expect(await runCommand(createStopCommand(deps), "k3f9")).toBe(0);
    expect(deps.stopped).toEqual([OPEN.id]);
    expect(deps.printed).toEqual([`${OPEN.id} will be stopped and recorded as cancelled.`]);
  });

  it.each([
    { name: "one that has ended", task: taskView() },
    { name: "one that waits for its commit", task: taskView({ committed: false }) },
  ])("is content with $name", async ({ task }) => {
    const deps = createFakeCliDeps({ find: async () => task });
    expect(await runCommand(createStopCommand(deps), "k")).toBe(0);
    expect([deps.stopped, deps.printed]).toEqual([[], [`${task.id} had ended: succeeded.`]]);
  });

  it("stops all the others where it cannot stop one: nobody here could stop what another clone has accepted", async () => {
    const theirs = taskView({ status: "queued", endedAt: null, hold: "accepted by another clone (zzzzzz)" });
    const deps = createFakeCliDeps({ find: async (part) => (part === "theirs" ? theirs : { ...OPEN, id: part }) });
    const message = expect.stringMatching(
      /belongs to another clone: accepted by another clone \(zzzzzz\); stop it there$/,
    );
    const stopping = runCommand(createStopCommand(deps), "a", "theirs", "b");
    await expect(stopping).rejects.toMatchObject({ code: "REFUSED", message });
    expect(deps.stopped).toEqual(["a", "b"]);
  });

  it("waits for the end where it is told how long", async () => {
    const asked: unknown[] = [];
    const deps = createFakeCliDeps({
      find: async () => OPEN,
      wait: async (parts, { timeoutMs }) => {
        asked.push(parts, timeoutMs);
        const hasEnded = timeoutMs === 9_000;
        return [{ part: OPEN.id, task: { ...OPEN, status: hasEnded ? "cancelled" : "stopping" }, hasEnded }];
      },
    });
    expect(await runCommand(createStopCommand(deps), "k3f9", "--timeout", "9")).toBe(0);
    expect(asked).toEqual([[OPEN.id], 9_000]);
    expect(deps.printed.at(-1)).toBe(`${OPEN.id}  cancelled  Fix the login`);
    expect(await runCommand(createStopCommand(deps), "k3f9", "--timeout", "1")).toBe(75);
  });

  it("lets the running turn of a session end, and drops the rest", async () => {
    const deps = createFakeCliDeps({
      drain: async () => ({
        session: "docs",
        running: [OPEN],
        dropped: ["20261120-141531-aaaaaa"],
        left: ["inbox/docs/x.md"],
      }),
    });
    expect(await runCommand(createStopCommand(deps), "--drain", "do")).toBe(0);
    expect(deps.printed).toEqual([
      `${OPEN.id} is running: session docs ends after it.`,
      "1 queued in session docs will be recorded as cancelled.",
    ]);
    expect(deps.warned).toEqual([expect.stringMatching(/^inbox\/docs\/x\.md becomes a task of session docs once/)]);
  });

  it("says so where there is nothing of a session to end", async () => {
    const deps = createFakeCliDeps({ drain: async () => ({ session: "docs", running: [], dropped: [], left: [] }) });
    expect(await runCommand(createStopCommand(deps), "--drain", "docs")).toBe(0);
    expect(deps.printed).toEqual(["Nothing to do: nothing runs or is queued in session docs."]);
  });

  it("takes a task or a session", async () => {
    const command = createStopCommand(createFakeCliDeps());
    await expect(runCommand(command)).rejects.toMatchObject({ code: "USAGE" });
  });
});
