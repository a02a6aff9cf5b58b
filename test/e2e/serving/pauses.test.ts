import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { tempWorkspace } from "../../support/workspace.ts";

it("a pause holds over restarts, with and without a coordinator, and says so everywhere", async () => {
  const workspace = await tempWorkspace();
  expect(await workspace.command("pause", "--reason", "a release")).toMatchObject({ code: 0 });
  workspace.drop("docs/greet.md", "Say hello\n");
  await workspace.serveUntilIdle({ code: 75 });
  const first = workspace.serve();
  await first.saw("paused");
  const health = await (await first.ask("/health")).json();
  expect(health).toMatchObject({ status: "waiting", paused: { queue: { reason: "a release" }, sessions: [] } });
  await first.kill();
  const [status, list] = [await workspace.command("status"), await workspace.command("ls", "--json")];
  expect(status.stdout).toMatch(/^paused +the whole queue since \S+: a release \(codex-inbox resume\)$/m);
  expect(JSON.parse(list.stdout).tasks).toMatchObject([
    { status: "queued", hold: expect.stringMatching(/^paused since \S+: a release$/) },
  ]);
  expect(workspace.stubRuns()).toEqual([]);
  const second = workspace.serve();
  await second.url();
  expect((await workspace.command("resume")).stdout).toBe("the queue goes on.\n");
  await second.saw("committed");
  expect(workspace.results.task("Say hello").status).toBe("succeeded");
});

it("a session is paused while its task runs: that one ends, the next waits, other sessions go on", async () => {
  const workspace = await tempWorkspace();
  const coordinator = workspace.serve();
  await coordinator.url();
  workspace.drop("docs/one.md", `One [[command: while [ ! -e ${join(workspace.dir, "go")} ]; do sleep 0.05; done]]\n`);
  await coordinator.saw("started");
  workspace.drop("docs/two.md", "Two\n");
  await coordinator.saw("accepted", 2);
  expect((await workspace.command("pause", "--session", "docs")).code).toBe(0);
  await coordinator.saw("paused");
  workspace.drop("other/three.md", "Three\n");
  writeFileSync(join(workspace.dir, "go"), "");
  await coordinator.saw("committed", 2);
  expect(
    workspace.results
      .tasks()
      .map(({ title, status }) => `${title}: ${status}`)
      .sort(),
  ).toEqual([expect.stringMatching(/^One .*: succeeded$/), "Three: succeeded"]);
  expect((await workspace.command("resume", "--session", "docs")).stdout).toBe("session docs goes on.\n");
  await coordinator.saw("committed", 3);
  expect(workspace.results.task("Two").status).toBe("succeeded");
});

it("a pause file that is damaged stays a pause, and says how to end it", async () => {
  const workspace = await tempWorkspace();
  await workspace.command("pause");
  writeFileSync(join(workspace.stateDir, "paused", "queue.json"), "");
  workspace.drop("docs/greet.md", "Say hello\n");
  await workspace.serveUntilIdle({ code: 75 });
  expect((await workspace.command("status")).stdout).toMatch(
    /queue\.json cannot be read.*codex-inbox resume removes it/,
  );
  await workspace.command("resume");
  await workspace.serveUntilIdle();
  expect(workspace.results.task("Say hello").status).toBe("succeeded");
});

it("the name of a session is checked, and a workspace is needed", async () => {
  const workspace = await tempWorkspace();
  const wrong = await workspace.command("pause", "--session", "../etc");
  expect(wrong).toMatchObject({ code: 2, stdout: "" });
  expect(wrong.stderr).toMatch(/--session: a session's name may consist of letters/);
  expect((await workspace.command("-C", "/", "pause")).code).toBe(3);
  expect(workspace.stateFiles("paused")).toEqual([]);
});
