import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { heldTask } from "../../support/held-task.ts";
import { expectSettled } from "../../support/settled.ts";
import { tempWorkspace } from "../../support/workspace.ts";

const ENDED_WELL = { code: 0, signal: null };

it.each(["SIGTERM", "SIGHUP"] as const)(
  "%s leaves the worker running, and the next start adopts it",
  async (signal) => {
    const workspace = await tempWorkspace();
    const held = heldTask(workspace);
    workspace.drop("docs/greet.md", held.prompt);
    const first = workspace.serve();
    await first.saw("thread");
    first.signal(signal);
    expect(await first.ended).toEqual(ENDED_WELL);
    expect(workspace.agentPids()).not.toEqual([]);
    expect(existsSync(join(workspace.stateDir, "server.json"))).toBe(false);
    held.release();
    await workspace.serveUntilIdle();
    expect(workspace.stubRuns()).toHaveLength(1);
    expectSettled(workspace, { tasks: 1 });
  },
);

it("SIGINT lets the running task finish and starts no other", async () => {
  const workspace = await tempWorkspace();
  const held = heldTask(workspace);
  workspace.drop("docs/first.md", held.prompt);
  workspace.drop("docs/second.md", "Say hello\n");
  const first = workspace.serve();
  await first.saw("thread");
  await first.saw("accepted", 2);
  first.signal("SIGINT");
  await first.saw("draining");
  held.release();
  expect(await first.ended).toEqual(ENDED_WELL);
  expect(workspace.results.tasks().map(({ status }) => status)).toEqual(["succeeded"]);
  expect(workspace.stubRuns()).toHaveLength(1);
  await workspace.serveUntilIdle();
  expect(workspace.stubRuns()).toHaveLength(2);
  expectSettled(workspace, { tasks: 2 });
});

it("a second SIGINT stops the running task and queues it again, at no cost of an attempt", async () => {
  const workspace = await tempWorkspace();
  const held = heldTask(workspace);
  workspace.drop("docs/greet.md", held.prompt);
  const first = workspace.serve();
  await first.saw("thread");
  first.signal("SIGINT");
  await first.saw("draining");
  first.signal("SIGINT");
  expect(await first.ended).toEqual(ENDED_WELL);
  expect(workspace.agentPids()).toEqual([]);
  expect(workspace.results.tasks()).toEqual([]);
  const listed = JSON.parse((await workspace.command("ls", "--json")).stdout).tasks;
  expect(JSON.stringify(listed)).toContain('"status":"queued"');
  held.release();
  await workspace.serveUntilIdle();
  expect(workspace.results.task("gate").frontMatter).toMatchObject({ status: "succeeded", run: 2, attempts: 1 });
  expect(workspace.stubRuns().map(({ resume }) => resume)).toEqual([
    null,
    workspace.results.task("gate").frontMatter.thread,
  ]);
  expectSettled(workspace, { tasks: 1 });
});

it("a third SIGINT leaves at once although the agent does not end; the next start stops it", async () => {
  const workspace = await tempWorkspace();
  const held = heldTask(workspace);
  workspace.drop("docs/greet.md", `[[ignore-sigint]] ${held.prompt}`);
  const first = workspace.serve({ environment: { CODEX_INBOX_STOP_GRACE_MS: "600000" } });
  await first.saw("thread");
  for (const word of ["draining", "stopping", "leaving"]) {
    first.signal("SIGINT");
    await first.saw(word);
  }
  await first.saw("ended");
  await first.kill();
  expect(workspace.agentPids()).not.toEqual([]);
  held.release();
  await workspace.serveUntilIdle({ environment: { CODEX_INBOX_STOP_GRACE_MS: "50" } });
  expect(workspace.results.task("gate").frontMatter).toMatchObject({ status: "succeeded", attempts: 1 });
  expectSettled(workspace, { tasks: 1 });
});
