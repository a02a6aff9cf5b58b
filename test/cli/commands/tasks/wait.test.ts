import { describe, expect, it } from "vitest";
import type { WaitedTask, WaitRequest } from "../../../../src/app/actions/tasks/wait-for-tasks.ts";
import { createWaitCommand } from "../../../../src/cli/commands/tasks/wait.ts";
import { createFakeCliDeps, runCommand, taskView } from "../../../fakes/fake-cli-deps.ts";

const WELL = taskView();
const FAILED = taskView({ id: "20261120-141531-aaaaaa", status: "failed", reason: "timed out", failure: "timedOut" });
const UNVERIFIED = taskView({ status: "failed", reason: "did not pass", failure: "verification" });
const QUEUED = taskView({ status: "queued", endedAt: null, hold: "paused" });

function ended(...tasks: readonly ReturnType<typeof taskView>[]): readonly WaitedTask[] {
  return tasks.map((task) => ({ part: "k", task, hasEnded: true }));
}

describe("wait", () => {
  it.each([
    { name: "all have succeeded", waited: ended(WELL, WELL), code: 0 },
    { name: "one has failed", waited: ended(WELL, FAILED), code: 1 },
    { name: "one was cancelled", waited: ended(taskView({ status: "cancelled" })), code: 1 },
    { name: "one did not pass its verification", waited: ended(WELL, UNVERIFIED), code: 5 },
    { name: "one did not pass and another failed", waited: ended(UNVERIFIED, FAILED), code: 1 },
    {
      name: "the time was over before all had ended",
      waited: [...ended(FAILED), { part: "k", task: QUEUED, hasEnded: false }],
      code: 75,
    },
  ])("ends with $code where $name", async ({ waited, code }) => {
    const deps = createFakeCliDeps({ wait: async () => waited });
    expect(await runCommand(createWaitCommand(deps), "k")).toBe(code);
  });

  it("says beside its output what it waits for, and how to serve; then what became of each", async () => {
    let asked: unknown;
    const wait = async (parts: readonly string[], { timeoutMs, tell, unserved }: WaitRequest) => {
      asked = { parts, timeoutMs };
      unserved();
      tell(QUEUED);
      tell("inbox/x.md");
      return ended(WELL, FAILED);
    };
    const deps = createFakeCliDeps({ wait });
    await runCommand(createWaitCommand(deps), "a", "b", "--timeout", "9");
    expect(asked).toEqual({ parts: ["a", "b"], timeoutMs: 9_000 });
    expect(deps.warned).toEqual([
      "nobody serves this workspace, so nothing ends by itself; start with: codex-inbox serve",
      "waiting for 20261120-141530-k3f9x2 (queued: paused); Ctrl-C ends the wait and stops no task",
      "waiting for inbox/x.md: no coordinator has taken it",
    ]);
    expect(deps.printed).toEqual([
      "20261120-141530-k3f9x2  succeeded  Fix the login",
      "20261120-141531-aaaaaa  failed  Fix the login  (timed out)",
    ]);
  });

  it("prints the tasks as JSON", async () => {
    const pending = { part: "x", task: undefined, hasEnded: false };
    const deps = createFakeCliDeps({ wait: async () => [...ended(WELL), pending] });
    expect(await runCommand(createWaitCommand(deps), "k", "x", "--json")).toBe(75);
    expect(JSON.parse(deps.printed.join(""))).toEqual({ version: 1, tasks: [WELL, { id: "x", status: "waiting" }] });
  });
});
