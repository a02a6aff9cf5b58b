import { cpSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { tempDir } from "../../support/temp-dir.ts";
import { STUB_PATH } from "../../support/test-runner.ts";
import { type TestWorkspace, tempWorkspace, workspaceIn } from "../../support/workspace.ts";

const LATER = "---\nnotBefore: 2100-01-01T00:00:00Z\n---\nMuch later.\n";

/** A workspace that serves one task, whose agent waits for `open`, and holds another. */
async function servedWorkspace() {
  const workspace = await tempWorkspace();
  const gate = join(tempDir(), "gate");
  workspace.drop("docs/live.md", `Say hello. [[command: until test -e ${gate}; do sleep 0.05; done]]\n`);
  workspace.drop("docs-later/later.md", LATER);
  const coordinator = workspace.serve();
  await coordinator.saw("accepted", 2);
  await coordinator.saw("thread");
  return { workspace, coordinator, open: () => writeFileSync(gate, "") };
}

/** Copies a repository as `cp -r` does, state folder and all. Its agents note their starts where those of the original do. */
function copyOf(workspace: TestWorkspace): TestWorkspace {
  const dir = join(tempDir(), "copy");
  cpSync(workspace.dir, dir, { recursive: true, verbatimSymlinks: true });
  return workspaceIn(dir, { codex: { codexPath: STUB_PATH, home: workspace.home } });
}

function cloneIdOf(workspace: TestWorkspace): string {
  return readFileSync(join(workspace.stateDir, "clone"), "utf8").slice(0, 6);
}

it("a copy serves beside the original, touches no agent of it, and runs its tasks only when it is told to", async () => {
  const { workspace, coordinator, open } = await servedWorkspace();
  const copy = copyOf(workspace);
  expect((await copy.command("status")).stdout).toContain("nobody");
  const stopped = await copy.command("stop", "docs");
  expect(stopped).toMatchObject({ code: 4, stderr: expect.stringContaining("stop it there") });
  const theirs = copy.serve();
  await theirs.url();
  expect((await theirs.saw("copied")).field("tasks")).toBe("2");
  expect(cloneIdOf(copy)).not.toBe(cloneIdOf(workspace));
  expect((await copy.command("status")).stdout).toContain("2 open, accepted by other clones");
  expect(await copy.command("ls")).toMatchObject({ code: 0, stdout: "", stderr: "no tasks\n" });
  expect(workspace.agentPids().length).toBeGreaterThan(0);
  open();
  await coordinator.saw("committed");
  expect(workspace.results.tasks().map(({ status }) => status)).toEqual(["succeeded"]);
  expect(workspace.stubRuns()).toHaveLength(1);

  theirs.signal("SIGTERM");
  await theirs.ended;
  const again = await copy.serveUntilIdle({ args: ["--take-over"], code: 75 });
  expect(again.lines("copied")).toEqual([]);
  expect(again.lines("taken-over")).toHaveLength(2);
  expect(copy.results.tasks().map(({ status }) => status)).toEqual(["succeeded"]);
  expect(workspace.stubRuns()).toHaveLength(2);
  expect((await copy.command("ls", "--open")).stdout).toMatch(/^\S+\tqueued\t.*not before 2100/);
});

it("a copy of one whose coordinator was killed leaves its agent alone too; the original takes it up again", async () => {
  const { workspace, coordinator, open } = await servedWorkspace();
  await coordinator.kill();
  const [agent] = workspace.stubRuns();
  const copy = copyOf(workspace);
  await copy.serveUntilIdle({ code: 0 });
  expect(workspace.agentPids()).toContain(agent?.pid);
  expect(workspace.stubRuns()).toHaveLength(1);
  const next = workspace.serve();
  open();
  await next.saw("committed");
  expect(workspace.results.tasks().map(({ status, frontMatter }) => [status, frontMatter.run])).toEqual([
    ["succeeded", 1],
  ]);
  expect(workspace.stubRuns()).toHaveLength(1);
});

it("a repository that was moved keeps its name, its tasks and its agents", async () => {
  const { workspace, coordinator, open } = await servedWorkspace();
  await coordinator.kill();
  const id = cloneIdOf(workspace);
  const dir = `${workspace.dir}-moved`;
  renameSync(workspace.dir, dir);
  const moved = workspaceIn(dir, { codex: { codexPath: STUB_PATH, home: workspace.home } });
  const next = moved.serve();
  await next.url();
  expect(next.lines("copied")).toEqual([]);
  expect(cloneIdOf(moved)).toBe(id);
  open();
  await next.saw("committed");
  expect(moved.stubRuns()).toHaveLength(1);
  expect((await moved.command("ls", "--open")).stdout).toMatch(/queued/);
});
