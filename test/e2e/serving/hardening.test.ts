import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import type { CoordinatorProcess } from "../../support/coordinator-process.ts";
import { expectSettled } from "../../support/settled.ts";
import { waitFor } from "../../support/wait-for.ts";
import { tempWorkspace } from "../../support/workspace.ts";

it("an agent that removes its own working directory costs the list of changed files, not the result", async () => {
  const workspace = await tempWorkspace();
  workspace.repo.write("sub/a.txt", "a\n");
  workspace.repo.git("add", "sub");
  workspace.repo.git("commit", "--quiet", "-m", "sub");
  workspace.drop(
    "docs/greet.md",
    `---\nworkdir: sub\n---\n[[command: rm -rf ${workspace.dir}/sub]] [[final: hello]]\n`,
  );
  await workspace.serveUntilIdle();
  expect(workspace.results.task("rm -rf").result?.lastMessage).toBe("hello");
  expect(existsSync(join(workspace.dir, "sub"))).toBe(false);
});

it("what a killed agent has left running is ended before the task runs again", async () => {
  const workspace = await tempWorkspace();
  const gate = join(workspace.home, "gate");
  const go = join(workspace.home, "go");
  const wait = `[[command: until [ -e ${go} ]; do sleep 0.05; done]]`;
  workspace.drop("docs/greet.md", `[[background: touch ${gate}; sleep 300]] ${wait} [[final: hello]]\n`);
  const coordinator = workspace.serve();
  await coordinator.saw("thread");
  await waitFor(() => existsSync(gate), { what: "the agent's command" });
  const before = workspace.agentPids();
  process.kill(workspace.stubRuns()[0]?.pid ?? Number.NaN, "SIGKILL");
  await coordinator.saw("started", 2);
  writeFileSync(go, "");
  const after = workspace.agentPids();
  expect(before.filter((pid) => after.includes(pid))).toEqual([]);
  await coordinator.saw("committed");
  expect(workspace.results.task("hello").frontMatter).toMatchObject({ status: "succeeded", run: 2 });
});

it("a coordinator whose log nobody reads any more goes on", async () => {
  const workspace = await tempWorkspace();
  const coordinator = workspace.serve();
  await coordinator.saw("serving");
  coordinator.closeLog();
  workspace.drop("docs/greet.md", "Say hello\n");
  await waitFor(() => workspace.results.commits().length === 1, { what: "the result" });
  coordinator.signal("SIGTERM");
  expect(await coordinator.ended).toEqual({ code: 0, signal: null });
});

it("a task that was accepted over HTTP when the coordinator died is known when it is sent again", async () => {
  const workspace = await tempWorkspace();
  const send = (to: CoordinatorProcess): Promise<Response> =>
    to.ask("/tasks", {
      method: "POST",
      headers: { "content-type": "text/markdown" },
      body: "---\nid: 20261120-141530-k3f9x2\n---\nSay hello\n",
    });
  const crashed = workspace.serve({ fault: "accept:journaled" });
  await expect(send(crashed)).rejects.toThrow();
  expect((await crashed.ended).signal).toBe("SIGKILL");
  const second = workspace.serve();
  expect((await send(second)).status).toBe(200);
  await second.saw("committed");
  second.signal("SIGTERM");
  await second.ended;
  expect(workspace.stubRuns()).toHaveLength(1);
  expectSettled(workspace, { tasks: 1 });
});
