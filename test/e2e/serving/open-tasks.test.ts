import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { tempWorkspace } from "../../support/workspace.ts";

it("a full queue refuses over HTTP and on the command line, and keeps what is dropped until there is room", async () => {
  const workspace = await tempWorkspace();
  const go = join(workspace.dir, "go");
  const coordinator = workspace.serve({ args: ["--max-open-tasks", "1"] });
  workspace.drop("docs/one.md", `One [[command: while [ ! -e ${go} ]; do sleep 0.05; done]]\n`);
  await coordinator.saw("accepted");
  const refused = await coordinator.ask("/tasks", { method: "POST", body: "Two" });
  expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "30"]);
  const message =
    "the queue is full, with 1 of at most 1 open tasks: try again when some have ended, or set maxOpenTasks higher";
  expect(await refused.json()).toEqual({ error: { code: "QUEUE_FULL", message } });
  expect(await workspace.command("add", "Two")).toEqual({
    ...{ code: 75, signal: null, stdout: "", stderr: `codex-inbox: ${message}\n` },
  });
  for (const name of ["three", "four"]) workspace.drop(`docs/${name}.md`, `${name}\n`);
  await coordinator.saw("queue-full");
  await coordinator.kill();
  workspace.commitSettings('{"maxOpenTasks": 1}');
  expect((await workspace.command("add", "Five")).code).toBe(75);
  writeFileSync(go, "");
  await workspace.serveUntilIdle();
  expect(workspace.results.tasks().map(({ title, status }) => `${title.slice(0, 5).trim()}: ${status}`)).toHaveLength(
    3,
  );
  expect(workspace.results.openTasks()).toEqual([]);
  expect(existsSync(join(workspace.dir, "inbox/docs/three.md"))).toBe(false);
});
