import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { processUsing } from "../../../src/git/worktrees/git-in-folder.ts";
import { slugOf } from "../../../src/run/workplace/worktrees/session-worktrees.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { beside } from "../../support/test-end.ts";
import { waitFor } from "../../support/wait-for.ts";
import { type TestWorkspace, tempWorkspace } from "../../support/workspace.ts";

const SETTINGS = { workplace: "session", maxWorkers: 4 };

async function withSessions(worktree: object = {}): Promise<TestWorkspace> {
  const workspace = await tempWorkspace();
  workspace.commitSettings({ ...SETTINGS, worktree: { freeBytes: 0, ...worktree } });
  return workspace;
}

function treeOf(workspace: TestWorkspace, session: string): string {
  return join(workspace.dir, "../repo-inbox-trees", slugOf(session));
}

/** Subjects and authors of a session's branch, without what it began from; the newest first. */
function workOf({ repo }: TestWorkspace, session: string): readonly string[] {
  return repo.git("log", "--format=%an: %s", `codex-inbox/${slugOf(session)}`, "--not", "main").split("\n");
}

describe.concurrent("a session", () => {
  it(
    "works in a worktree of its own: each run is a commit there, and what was edited in between another one",
    beside(async () => {
      const workspace = await withSessions({ setup: "echo $CODEX_INBOX_SLOT > slot.txt", copy: [".env"] });
      const { repo } = workspace;
      writeFileSync(join(workspace.dir, ".env"), "A=1\n");
      writeFileSync(join(workspace.dir, ".git/info/exclude"), ".env\nslot.txt\n");
      repo.write("src/main.c", "int main(void) { return 1; }\n");
      const verifyCommand =
        'test -f made.txt && test "$PORT_BASE" = $((20000 + 20 * CODEX_INBOX_SLOT)) && cat .env slot.txt';
      workspace.drop(
        "docs/one.md",
        `---\nverifyCommand: ${verifyCommand}\n---\n# Make it\n\n[[write made.txt: one]]\n`,
      );
      workspace.drop("other/two.md", "# Another\n\n[[write other.txt: two]]\n");
      await workspace.serveUntilIdle();

      const tree = treeOf(workspace, "docs");
      expect(workOf(workspace, "docs")).toEqual(["Codex: docs: Make it (turn 1)"]);
      const [made] = [repo.git("log", "-1", "--format=%B", `codex-inbox/${slugOf("docs")}`)];
      const { id, frontMatter, result } = workspace.results.task("Make it");
      expect(made.split("\n").slice(2)).toEqual([
        ...[
          `Task-Id: ${id}`,
          "Session-Key: docs",
          `Codex-Thread: ${frontMatter.thread}`,
          "Run: 1",
          "Author-Kind: agent",
        ],
      ]);
      expect(result?.changedFiles).toEqual([{ path: "made.txt", change: "added", by: "patch" }]);
      expect(workspace.results.task("Another").result?.changedFiles).toEqual([
        { path: "other.txt", change: "added", by: "patch" },
      ]);
      expect(repo.git("-C", tree, "status", "--porcelain")).toBe("");
      expect(readFileSync(join(tree, "src/main.c"), "utf8")).toContain("return 0");
      expect(repo.git("rev-parse", `refs/codex-inbox/turns/${id}/1`)).toBe(repo.git("-C", tree, "rev-parse", "HEAD"));

      writeFileSync(join(tree, "made.txt"), "mine\n");
      workspace.drop("docs/three.md", "# Again\n\n[[write more.txt: three]]\n");
      await workspace.serveUntilIdle();
      expect(workOf(workspace, "docs")).toEqual([
        "Codex: docs: Again (turn 1)",
        "User: docs: edited between two turns",
        "Codex: docs: Make it (turn 1)",
      ]);
      expect(workspace.results.task("Again").result?.changedFiles).toEqual([
        { path: "more.txt", change: "added", by: "patch" },
      ]);
      const listed = await workspace.command("worktree", "ls", "--json");
      const { worktrees } = JSON.parse(listed.stdout) as { worktrees: readonly Record<string, unknown>[] };
      expect(worktrees.map(({ session, state, ahead }) => [session, state, ahead])).toEqual([
        ...[
          ["docs", "ready", 3],
          ["other", "ready", 1],
        ],
      ]);
      expect((await workspace.command("worktree", "gc")).stdout).toMatch(/^docs +parked .*\nother +parked /);
      expect(existsSync(tree)).toBe(false);
      expect((await workspace.command("worktree", "open", "docs")).stdout.trim()).toBe(tree);
      expect(readFileSync(join(tree, "more.txt"), "utf8")).toContain("three");
      expect((await workspace.command("worktree", "open", "nobody")).code).toBe(3);
      // The user's checkout has what the user has done alone.
      expect(repo.git("status", "--porcelain")).toBe(" M src/main.c");
      expect(existsSync(join(workspace.dir, "made.txt"))).toBe(false);
    }),
  );

  it(
    "whose setup fails fails with what it printed, and works once that is mended, where the policy says",
    beside(async () => {
      const workspace = await withSessions({ setup: "echo no network; exit 3" });
      workspace.drop("docs/one.md", "# Make it\n\n[[write made.txt: one]]\n");
      await workspace.serveUntilIdle({ code: 1 });
      expect(workspace.results.task("Make it").result?.reason).toMatch(
        /the setup of the session's worktree \(worktree\.setup\) ended with exit code 3: no network; all that it printed: /,
      );
      workspace.commitSettings({ ...SETTINGS, worktree: { freeBytes: 0, setup: "true" } });
      const elsewhere = join(workspace.dir, "../elsewhere");
      await workspace.command("policy", "set", "worktreesDir", elsewhere);
      workspace.drop("docs/two.md", "# Once more\n\n[[write made.txt: two]]\n");
      await workspace.serveUntilIdle();
      expect(workOf(workspace, "docs")).toEqual(["Codex: docs: Once more (turn 1)"]);
      expect(existsSync(join(elsewhere, slugOf("docs"), "made.txt"))).toBe(true);
    }),
  );

  it(
    "whose task is stopped during the setup leaves no process there, and sets up again for the next task",
    beside(async () => {
      const quick = join(tempDir(), "quick");
      const workspace = await withSessions({ setup: `echo x >> setups.txt; test -e ${quick} || sleep 600` });
      const setups = join(treeOf(workspace, "docs"), "setups.txt");
      const { url, ended, signal, saw } = workspace.serve();
      await url();
      workspace.drop("docs/one.md", "# Make it\n\n[[write made.txt: one]]\n");
      await waitFor(() => existsSync(setups), { what: "the setup" });
      workspace.drop("other/two.md", "---\nworktree: never\n---\n# Another\n\n[[write other.txt: two]]\n");
      await saw("committed"); // One that is being set up holds up nobody.
      const { tasks } = JSON.parse((await workspace.command("ls", "--json")).stdout) as { tasks: { id: string }[] };
      const open = tasks.find((task) => "title" in task && task.title === "Make it")?.id ?? "";
      expect((await workspace.command("stop", open)).code).toBe(0);
      await waitFor(async () => (await processUsing(treeOf(workspace, "docs"))) === undefined, {
        what: "the end of the setup",
      });
      writeFileSync(quick, "");
      workspace.drop("docs/three.md", "# Once more\n\n[[write made.txt: three]]\n");
      const isDone = (): boolean => workspace.results.tasks().length === 3;
      await waitFor(isDone, { what: "the next task" });
      signal("SIGTERM");
      await ended;
      expect(workspace.results.task("Make it")).toMatchObject({ status: "cancelled" });
      expect(workspace.results.task("Once more")).toMatchObject({ status: "succeeded" });
      expect(workOf(workspace, "docs")[0]).toBe("Codex: docs: Once more (turn 1)");
      expect(readFileSync(setups, "utf8")).toBe("x\n"); // Nothing had been done there: it was made anew.
    }),
  );

  it(
    "goes on after its coordinator was killed: what the run wrote is in its commit",
    beside(async () => {
      const workspace = await withSessions();
      workspace.drop("docs/one.md", "# Make it\n\n[[write first.txt: 1]] [[sleep 600]] [[write second.txt: 2]]\n");
      const first = workspace.serve();
      await first.saw("thread");
      await first.kill();
      await workspace.serveUntilIdle();
      expect(workspace.stubRuns()).toHaveLength(1);
      expect(workOf(workspace, "docs")).toEqual(["Codex: docs: Make it (turn 1)"]);
      expect(workspace.results.task("Make it").result?.changedFiles.map(({ path }) => path)).toEqual([
        ...["first.txt", "second.txt"],
      ]);
    }),
  );
});
