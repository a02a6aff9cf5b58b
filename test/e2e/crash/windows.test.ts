import { expect, it } from "vitest";
import { expectSettled } from "../../support/settled.ts";
import { tempWorkspace } from "../../support/workspace.ts";

it("a file that was staged when it was taken, and was being discarded when the coordinator died, is not run again", async () => {
  const workspace = await tempWorkspace();
  workspace.drop("docs/greet.md", "Say hello\n");
  workspace.repo.git("add", "inbox/docs/greet.md");
  await workspace.serveUntilIdle({ isAlone: true });
  workspace.repo.git("rm", "--cached", "--quiet", "inbox/docs/greet.md"); // No longer in git's hands, so nothing keeps it there.
  const crashed = workspace.serve({ fault: "accept:renamed" });
  expect((await crashed.ended).signal, crashed.log()).toBe("SIGKILL");
  expect(workspace.stateFiles("accepting")).not.toEqual([]);
  await workspace.serveUntilIdle({ isAlone: true });
  expect(workspace.stubRuns()).toHaveLength(1);
  expectSettled(workspace, { tasks: 1 });
});

it("a commit that is made again after a crash writes no entry twice, even where it has filled the transcript", async () => {
  const workspace = await tempWorkspace();
  workspace.drop("docs/first.md", `[[say: ${"x".repeat(20_000)}]]`);
  await workspace.serveUntilIdle({ isAlone: true });
  workspace.drop("docs/second.md", `[[say: ${"y".repeat(20_000)}]]`);
  const crashed = workspace.serve({ fault: "commit:done" });
  expect((await crashed.ended).signal, crashed.log()).toBe("SIGKILL");
  await workspace.serveUntilIdle({ isAlone: true });
  expectSettled(workspace, { tasks: 2 });
  workspace.drop("docs/third.md", "Say hello\n");
  await workspace.serveUntilIdle({ isAlone: true });
  expect(workspace.repo.git("ls-tree", "-r", "--name-only", "main", "sessions/docs/transcript")).not.toBe("");
  expectSettled(workspace, { tasks: 3 });
});
