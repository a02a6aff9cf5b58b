import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { type TestWorkspace, tempWorkspace } from "../../support/workspace.ts";

const FAULT = "fault";

/** A task that fails as long as a file is there, and has failed once; returns its id. */
async function failedTask(workspace: TestWorkspace): Promise<string> {
  writeFileSync(join(workspace.dir, FAULT), "");
  workspace.drop(
    "docs/fix.md",
    `---\nmaxAttempts: 1\nmaxVerifyAttempts: 1\nverifyCommand: test ! -e ${FAULT}\n---\nFix it.\n`,
  );
  const coordinator = await workspace.serveUntilIdle({ code: 1 });
  rmSync(join(workspace.dir, FAULT));
  return coordinator.lines("accepted")[0]?.field("task") ?? "";
}

function outcomes(workspace: TestWorkspace): readonly object[] {
  return workspace.results
    .tasks()
    .map(({ id, status, prompt, frontMatter }) => ({ id, status, prompt, parent: frontMatter.parent ?? null }))
    .sort((a, b) => a.status.localeCompare(b.status));
}

it("a task that failed succeeds as a new one, in its session, while a coordinator serves", async () => {
  const workspace = await tempWorkspace();
  const parent = await failedTask(workspace);
  const coordinator = workspace.serve();
  await coordinator.url();
  const retried = await workspace.command("retry", parent.slice(-6));
  expect(retried, retried.stderr).toMatchObject({ code: 0 });
  const id = retried.stdout.trim();
  await coordinator.saw("committed");
  const [first, second] = workspace.stubRuns();
  expect(second).toMatchObject({ prompt: first?.prompt, resume: expect.any(String) });
  const prompt = "Fix it.\n";
  expect(outcomes(workspace)).toEqual([
    { id: parent, status: "failed", prompt, parent: null },
    { id, status: "succeeded", prompt, parent },
  ]);
  const again = await workspace.command("retry", id);
  expect(again).toMatchObject({ code: 4, stdout: "" });
  expect(again.stderr).toContain(`codex-inbox add --session docs "<prompt>" sends a follow-up`);
  const answer = await coordinator.ask(`/tasks/${parent}/retry`, { method: "POST" });
  expect(answer.status).toBe(202);
  const { id: third } = (await answer.json()) as { id: string };
  expect(answer.headers.get("location")).toBe(`/tasks/${third}`);
  await coordinator.saw("committed", 2);
  expect(workspace.results.tasks().find((task) => task.id === third)).toMatchObject({ status: "succeeded" });
  coordinator.signal("SIGTERM");
  await coordinator.ended;
});

it("a retry without a coordinator waits in the inbox for the next one", async () => {
  const workspace = await tempWorkspace();
  const parent = await failedTask(workspace);
  const retried = await workspace.command("retry", "--json", parent);
  const { id } = JSON.parse(retried.stdout);
  expect(JSON.parse(retried.stdout)).toEqual({ version: 1, id, parent });
  expect(workspace.stubRuns()).toHaveLength(1);
  await workspace.serveUntilIdle();
  expect(outcomes(workspace)).toMatchObject([
    { id: parent, status: "failed" },
    { id, status: "succeeded", parent },
  ]);
  expect(workspace.stubRuns()).toHaveLength(2);
});
