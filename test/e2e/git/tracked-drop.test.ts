import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { startOther } from "../../support/other-git.ts";
import { expectSettled } from "../../support/settled.ts";
import { type TestWorkspace, tempWorkspace } from "../../support/workspace.ts";

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

  it("brought back by a branch from before its commit was amended goes away: its task is known", async () => {
    const workspace = await tempWorkspace();
    workspace.commitDrop("docs/greet.md", "Say hello\n");
    workspace.repo.git("branch", "topic");
    workspace.repo.git("commit", "--quiet", "--amend", "-m", "ask, better");
    await workspace.serveUntilIdle();
    workspace.repo.git("merge", "--quiet", "--no-edit", "topic");
    expect(workspace.repo.read("inbox/docs/greet.md")).toBe("Say hello\n");
    await workspace.serveUntilIdle();
    expect(workspace.stubRuns()).toHaveLength(1);
    expectSettled(workspace, { tasks: 1 });
  });

  it("committed once more after its task has ended is another task", async () => {
    const workspace = await tempWorkspace();
    for (let n = 0; n < 2; n += 1) {
      workspace.commitDrop("docs/greet.md", "Say hello\n");
      await workspace.serveUntilIdle();
    }
    expect(workspace.stubRuns()).toHaveLength(2);
    expectSettled(workspace, { tasks: 2 });
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

it("a drop is not taken while git may be reading it; one that brings its id along is", async () => {
  const workspace = await tempWorkspace();
  const coordinator = workspace.serve();
  await coordinator.saw("serving");
  const user = startOther(workspace.dir, 'GIT_EDITOR="$HOLD" git commit --allow-empty');
  await user.held();
  workspace.drop("greet.md", "Say hello\n");
  workspace.drop("20261120-141530-k3f9x2.md", "Say goodbye\n");
  const first = await coordinator.saw("accepted");
  expect(first.field("source")).toBe("inbox/20261120-141530-k3f9x2.md");
  expect(workspace.repo.read("inbox/greet.md")).toBe("Say hello\n");
  user.release();
  expect((await user.ended()).status).toBe(0);
  expect((await coordinator.saw("accepted", 2)).field("source")).toBe("inbox/greet.md");
});
