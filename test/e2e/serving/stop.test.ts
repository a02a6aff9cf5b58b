import { expect, it } from "vitest";
import { expectSettled } from "../../support/settled.ts";
import { type TestWorkspace, tempWorkspace } from "../../support/workspace.ts";

/** Says which task is meant by any part of its id. */
async function stopOnly(workspace: TestWorkspace, id: string): Promise<void> {
  const stopped = await workspace.command("stop", id.slice(-6));
  expect(stopped, stopped.stderr).toMatchObject({ code: 0, stdout: expect.stringContaining(id) });
}

it("a running task is stopped and recorded as cancelled", async () => {
  const workspace = await tempWorkspace();
  workspace.drop("docs/greet.md", "[[hang]]\n");
  const coordinator = workspace.serve();
  const id = (await coordinator.saw("thread")).field("task") ?? "";
  await stopOnly(workspace, id);
  await coordinator.saw("committed");
  coordinator.signal("SIGTERM");
  await coordinator.ended;
  expect(workspace.results.task("hang").result?.reason).toBe("stopped by the user");
  expect(workspace.stubRuns()).toHaveLength(1);
  expectSettled(workspace, { tasks: 1, status: "cancelled" });
});

it("a queued task is stopped without ever running", async () => {
  const workspace = await tempWorkspace();
  workspace.drop("docs/first.md", "[[hang]]\n");
  workspace.drop("docs/second.md", "Say hello\n");
  const coordinator = workspace.serve();
  const first = (await coordinator.saw("thread")).field("task") ?? "";
  await coordinator.saw("accepted", 2);
  const second =
    coordinator
      .lines("accepted")
      .map((line) => line.field("task"))
      .find((id) => id !== first) ?? "";
  await stopOnly(workspace, second);
  await coordinator.saw("committed");
  expect(workspace.results.task("Say hello").status).toBe("cancelled");
  await stopOnly(workspace, first);
  await coordinator.saw("committed", 2);
  coordinator.signal("SIGTERM");
  await coordinator.ended;
  expect(workspace.stubRuns()).toHaveLength(1);
  expectSettled(workspace, { tasks: 2, status: "cancelled" });
});

it("without a coordinator the command ends the worker itself, and the next start records it", async () => {
  const workspace = await tempWorkspace();
  workspace.drop("docs/greet.md", "[[background: sleep 60]] [[hang]]\n");
  const coordinator = workspace.serve();
  const id = (await coordinator.saw("thread")).field("task") ?? "";
  await coordinator.kill();
  await stopOnly(workspace, id);
  expect(workspace.agentPids()).toEqual([]);
  await workspace.serveUntilIdle({ code: 1 });
  expect(workspace.stubRuns()).toHaveLength(1);
  expectSettled(workspace, { tasks: 1, status: "cancelled" });
});

it("without a coordinator a queued task is stopped by the next one, before it runs", async () => {
  const workspace = await tempWorkspace();
  workspace.drop("docs/greet.md", "Say hello\n");
  const coordinator = workspace.serve({ fault: "accept:claim-removed" });
  await coordinator.ended;
  await stopOnly(workspace, coordinator.lines("accepted")[0]?.field("task") ?? "");
  await workspace.serveUntilIdle({ code: 1 });
  expect(workspace.stubRuns()).toHaveLength(0);
  expectSettled(workspace, { tasks: 1, status: "cancelled" });
});

it("a stop that was journaled before the coordinator was killed is carried out by the next one", async () => {
  const workspace = await tempWorkspace();
  workspace.drop("docs/greet.md", "[[ignore-sigint]] [[hang]]\n");
  const coordinator = workspace.serve({ environment: { CODEX_INBOX_STOP_GRACE_MS: "600000" } });
  const id = (await coordinator.saw("thread")).field("task") ?? "";
  await stopOnly(workspace, id);
  await coordinator.saw("stop");
  await coordinator.kill();
  expect(workspace.agentPids()).not.toEqual([]);
  const second = await workspace.serveUntilIdle({ code: 1, environment: { CODEX_INBOX_STOP_GRACE_MS: "50" } });
  expect(second.lines("recovered")[0]?.field("action")).toBe("watch and stop");
  expect(workspace.stubRuns()).toHaveLength(1);
  expectSettled(workspace, { tasks: 1, status: "cancelled" });
});
