import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { expectSettled } from "../support/settled.ts";
import { type TestWorkspace, tempWorkspace } from "../support/workspace.ts";

/** Keeps the coordinator from committing, as a program of the user's does that writes the index. */
function holdIndexLock(workspace: TestWorkspace): () => void {
  const lock = join(workspace.dir, ".git/index.lock");
  writeFileSync(lock, "", { flag: "wx" });
  return () => rmSync(lock);
}

describe("a drop that git has", () => {
  it("stays where it is until the commit that takes it out: the work tree is never dirty", async () => {
    const workspace = await tempWorkspace();
    workspace.commitDrop("docs/greet.md", "Say hello\n");
    const letGo = holdIndexLock(workspace);
    const coordinator = workspace.serve();
    await coordinator.saw("run-ended");
    expect(workspace.repo.git("status", "--porcelain")).toBe("");
    expect(workspace.repo.read("inbox/docs/greet.md")).toBe("Say hello\n");
    letGo();
    await coordinator.saw("committed", 2);
    await coordinator.kill();
    await workspace.serveUntilIdle();
    expect(workspace.repo.git("status", "--porcelain")).toBe("");
    expect(workspace.stubRuns()).toHaveLength(1);
    expectSettled(workspace, { tasks: 1 });
  });

  it("only staged stays staged, runs once, and leaves with the commit that brings it into the branch", async () => {
    const workspace = await tempWorkspace();
    workspace.drop("docs/greet.md", "Say hello\n");
    workspace.repo.git("add", "inbox/docs/greet.md");
    await workspace.serveUntilIdle();
    expect(workspace.repo.git("status", "--porcelain")).toBe("A  inbox/docs/greet.md");
    workspace.repo.git("commit", "--quiet", "-m", "ask");
    expect(workspace.repo.git("status", "--porcelain")).toBe("");
    await workspace.serveUntilIdle();
    expect(workspace.stubRuns()).toHaveLength(1);
    expectSettled(workspace, { tasks: 1 });
  });

  it("staged and then no longer staged goes away: its task is known", async () => {
    const workspace = await tempWorkspace();
    workspace.drop("docs/greet.md", "Say hello\n");
    workspace.repo.git("add", "inbox/docs/greet.md");
    await workspace.serveUntilIdle();
    workspace.repo.git("reset", "--quiet", "--", "inbox");
    await workspace.serveUntilIdle();
    expect(workspace.stubRuns()).toHaveLength(1);
    expectSettled(workspace, { tasks: 1 });
  });

  it("staged anew with another text is another task", async () => {
    const workspace = await tempWorkspace();
    workspace.drop("docs/greet.md", "Say hello\n");
    workspace.repo.git("add", "inbox/docs/greet.md");
    await workspace.serveUntilIdle();
    workspace.drop("docs/greet.md", "Say goodbye\n");
    workspace.repo.git("add", "inbox/docs/greet.md");
    await workspace.serveUntilIdle();
    workspace.repo.git("commit", "--quiet", "-m", "ask");
    await workspace.serveUntilIdle();
    expect(workspace.stubRuns().map(({ prompt }) => prompt)).toEqual(["Say hello\n", "Say goodbye\n"]);
    expectSettled(workspace, { tasks: 2 });
  });

  it("edited after it was committed is taken as it is on disk, once", async () => {
    const workspace = await tempWorkspace();
    workspace.commitDrop("docs/greet.md", "Say hello\n");
    workspace.drop("docs/greet.md", "Say goodbye\n");
    await workspace.serveUntilIdle();
    await workspace.serveUntilIdle();
    expect(workspace.stubRuns().map(({ prompt }) => prompt)).toEqual(["Say goodbye\n"]);
    expectSettled(workspace, { tasks: 1 });
  });

  it("is the same drop when its commit is written anew before it is taken out", async () => {
    const workspace = await tempWorkspace();
    workspace.commitDrop("docs/greet.md", "Say hello\n");
    const letGo = holdIndexLock(workspace);
    const coordinator = workspace.serve();
    await coordinator.saw("run-ended");
    await coordinator.kill();
    letGo();
    workspace.repo.git("commit", "--quiet", "--amend", "-m", "ask nicely");
    await workspace.serveUntilIdle();
    expect(workspace.stubRuns()).toHaveLength(1);
    expectSettled(workspace, { tasks: 1 });
  });
});
