import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { CoordinatorProcess } from "../support/coordinator-process.ts";
import { waitFor } from "../support/wait-for.ts";
import { type TestWorkspace, tempWorkspace } from "../support/workspace.ts";

const PROMPT = "once [[final: did it]]\n";

/** A drop that the user had staged has been taken and has run; their index still has it. */
async function takenWhileStaged(): Promise<{ workspace: TestWorkspace; serving: CoordinatorProcess }> {
  const workspace = await tempWorkspace();
  workspace.drop("docs/once.md", PROMPT);
  workspace.repo.git("add", "inbox/docs/once.md");
  const serving = workspace.serve();
  await serving.saw("committed");
  expect(workspace.repo.git("ls-files", "--cached", "inbox/docs")).toBe("inbox/docs/once.md");
  return { workspace, serving };
}

/** Nothing of the drop is left anywhere, and its task ran once. */
async function isDoneWith({ repo, results, stubRuns }: TestWorkspace, tasks = 1): Promise<void> {
  await waitFor(() => results.commits().length >= tasks, { what: "the results" });
  await waitFor(
    () => repo.git("status", "--porcelain") === "" && !repo.git("ls-tree", "-r", "main").includes("once.md"),
    { what: "the drop to be gone", intervalMs: 50 }, // Each look is two starts of git.
  );
  expect(repo.read("inbox/docs/once.md")).toBeUndefined();
  expect(results.commits()).toHaveLength(tasks);
  expect(stubRuns()).toHaveLength(tasks);
}

describe("a drop that was staged when it was taken", () => {
  it("leaves the branch again after the user has committed it", async () => {
    const { workspace, serving } = await takenWhileStaged();
    workspace.repo.git("commit", "--quiet", "-m", "what was staged");
    await isDoneWith(workspace);
    await serving.saw("committed", 2);
  });

  it("is not taken again when reset --hard brings it back into the work tree", async () => {
    const { workspace, serving } = await takenWhileStaged();
    await serving.kill();
    workspace.repo.git("commit", "--quiet", "-m", "what was staged");
    workspace.repo.git("reset", "--quiet", "--hard");
    expect(workspace.repo.read("inbox/docs/once.md")).toBe(PROMPT);
    await workspace.serveUntilIdle();
    await isDoneWith(workspace);
  });

  it("is not taken again when it is restored from the index, or comes out of a stash", async () => {
    const { workspace, serving } = await takenWhileStaged();
    const { repo } = workspace;
    repo.git("restore", "inbox/docs/once.md");
    repo.git("stash", "--quiet");
    expect(repo.git("status", "--porcelain")).toBe("");
    repo.git("stash", "pop", "--quiet", "--index");
    workspace.drop("docs/other.md", "other [[final: ok]]\n");
    await serving.saw("committed", 2);
    repo.git("commit", "--quiet", "-m", "what was staged");
    await isDoneWith(workspace, 2);
  });

  it("is a new task when it is saved once more after that", async () => {
    const { workspace, serving } = await takenWhileStaged();
    workspace.repo.git("commit", "--quiet", "-m", "what was staged");
    await isDoneWith(workspace);
    workspace.drop("docs/once.md", PROMPT);
    await serving.saw("run-ended", 2);
    await waitFor(() => workspace.results.commits().length === 2, { what: "the second result" });
  });
});

describe("a drop that came by a commit", () => {
  it("is taken out of the branch by a commit, where it stands as a queued task until it has run", async () => {
    const workspace = await tempWorkspace();
    const { repo } = workspace;
    // A run that has ended by the time of that commit would go into the same batch.
    const untilThen = "until git log -1 --format=%s | grep -q '^inbox: accepted'; do sleep 0.05; done";
    workspace.commitDrop("docs/once.md", `---\ntitle: once\n---\nonce [[command: ${untilThen}]] [[final: did it]]\n`);
    workspace.serve();
    const subjects = (): readonly string[] => repo.git("log", "--format=%s", "-2").split("\n");
    await waitFor(() => workspace.results.commits().length > 0, { what: "the result" });
    expect(subjects()).toEqual([expect.stringMatching(/^docs: once \(/), "inbox: accepted 1: once"]);
    expect(repo.git("show", "--name-status", "--format=", "HEAD~1").split("\n")).toEqual([
      "D\tinbox/docs/once.md",
      `A\t${workspace.results.task("once").path}`,
      "M\ttasks.md",
    ]);
    await isDoneWith(workspace);
  });

  it("does not run again when the user goes back to before it was accepted", async () => {
    const workspace = await tempWorkspace();
    workspace.commitDrop("docs/once.md", PROMPT);
    const dropped = workspace.repo.git("rev-parse", "HEAD");
    await workspace.serveUntilIdle();
    const { id } = workspace.results.task("once");
    workspace.repo.git("reset", "--quiet", "--hard", dropped);
    await workspace.serveUntilIdle();
    expect(workspace.results.task("once").id).toBe(id);
    await isDoneWith(workspace);
  });

  it("does not run again when the user goes back and makes the commit that brought it anew", async () => {
    const workspace = await tempWorkspace();
    const { repo } = workspace;
    workspace.commitDrop("docs/once.md", PROMPT);
    const dropped = repo.git("rev-parse", "HEAD");
    await workspace.serveUntilIdle();
    repo.git("reset", "--quiet", "--hard", `${dropped}~1`);
    repo.git("cherry-pick", "--no-commit", dropped);
    repo.git("commit", "--quiet", "-m", "asked anew");
    await workspace.serveUntilIdle();
    await isDoneWith(workspace);
  });

  it("is another task when it comes by another commit after it was taken out", async () => {
    const workspace = await tempWorkspace();
    for (const runs of [1, 2]) {
      workspace.commitDrop("docs/once.md", PROMPT);
      const lock = join(workspace.dir, ".git/index.lock"); // Until it goes everything waits: acceptance and end are one batch.
      writeFileSync(lock, "");
      const serving = workspace.serve();
      await serving.saw("run-ended");
      await serving.kill();
      rmSync(lock);
      await workspace.serveUntilIdle();
      await isDoneWith(workspace, runs);
    }
  });

  it("stands in the branch as queued again when the user goes back while it is", async () => {
    const workspace = await tempWorkspace();
    workspace.commitDrop("docs/once.md", `---\ndependsOn: [20200101-000000-aaaaaa]\n---\n${PROMPT}`);
    await workspace.serveUntilIdle({ code: 75 });
    const { id } = workspace.results.task("once");
    workspace.repo.git("reset", "--quiet", "--hard", "HEAD~1");
    workspace.repo.git("commit", "--quiet", "--amend", "-m", "asked anew");
    await workspace.serveUntilIdle({ code: 75 });
    expect(workspace.results.tasks()).toMatchObject([{ id, status: "queued" }]);
    expect(workspace.results.openTasks()).toEqual([id]);
    expect(workspace.repo.git("ls-files", "inbox/docs")).toBe("");
  });

  it("is not taken again while its removal waits for a merge of the user's, whatever brings its file back", async () => {
    const workspace = await tempWorkspace();
    const { repo } = workspace;
    repo.git("switch", "--quiet", "-c", "side");
    repo.write("side.txt", "x\n");
    repo.git("add", "side.txt");
    repo.git("commit", "--quiet", "-m", "side");
    repo.git("switch", "--quiet", "main");
    workspace.commitDrop("docs/once.md", PROMPT);
    repo.git("merge", "--quiet", "--no-commit", "--no-ff", "side");
    const serving = workspace.serve();
    await serving.saw("run-ended");
    repo.git("restore", "--worktree", "--source=HEAD", "inbox/docs/once.md");
    workspace.drop("docs/other.md", "other [[final: ok]]\n");
    await serving.saw("run-ended", 2);
    repo.git("commit", "--quiet", "--no-edit");
    await isDoneWith(workspace, 2);
    expect(repo.git("log", "--format=%s").split("\n")).toContain("Merge branch 'side'");
  });
});

describe("a file that is saved again under its name", () => {
  it("replaces the task while that is queued, and is another one afterwards", async () => {
    const workspace = await tempWorkspace();
    const serving = workspace.serve();
    workspace.drop("docs/first.md", "first [[sleep 1500]] [[final: 1]]\n");
    await serving.saw("started");
    workspace.drop("docs/plan.md", "old words [[final: old]]\n");
    await serving.saw("accepted", 2);
    workspace.drop("docs/plan.md", "new words [[final: new]]\n");
    await serving.saw("replaced");
    await waitFor(() => workspace.results.commits().length === 2, { what: "both results" });
    expect(workspace.results.task("new words").result?.lastMessage).toBe("new");
    expect(workspace.stubRuns().map(({ prompt }) => prompt.split(" ")[0])).toEqual(["first", "new"]);
    workspace.drop("docs/plan.md", "more words [[final: more]]\n");
    await waitFor(() => workspace.results.commits().length === 3, { what: "the third result" });
    expect(workspace.results.tasks()).toHaveLength(3);
  });

  it("replaces it in the branch as well, where it came by a commit", async () => {
    const workspace = await tempWorkspace();
    const wait = "---\ndependsOn: [20200101-000000-aaaaaa]\n---\n";
    workspace.commitDrop("docs/plan.md", `${wait}old words\n`);
    await workspace.serveUntilIdle({ code: 75 });
    const { id } = workspace.results.task("old words");
    workspace.commitDrop("docs/plan.md", `${wait}new words\n`);
    await workspace.serveUntilIdle({ code: 75 });
    expect(workspace.results.tasks()).toHaveLength(1);
    expect(workspace.results.task("new words")).toMatchObject({ id, status: "queued" });
    expect(workspace.repo.git("ls-files", "inbox/docs")).toBe("");
  });
});

describe("an id that is given twice", () => {
  it("is one task, whether the second comes beside the first or after it has ended", async () => {
    const workspace = await tempWorkspace();
    const text = (words: string): string => `---\nid: 20261120-010203-given1\n---\n${words} [[final: ok]]\n`;
    workspace.drop("docs/a.md", text("one"));
    workspace.drop("docs/b.md", text("two"));
    await workspace.serveUntilIdle();
    workspace.drop("docs/c.md", text("three"));
    workspace.commitDrop("docs/d.md", text("four"));
    await workspace.serveUntilIdle();
    expect(workspace.results.tasks().map(({ id }) => id)).toEqual(["20261120-010203-given1"]);
    expect(workspace.stubRuns()).toHaveLength(1);
    expect(workspace.repo.git("status", "--porcelain")).toBe("");
    expect(workspace.repo.git("ls-files", "inbox/docs")).toBe("");
  });
});
