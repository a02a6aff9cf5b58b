import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { slugOf } from "../../../src/run/workplace/worktrees/session-worktrees.ts";
import { realCodex } from "../../support/real-codex.ts";
import { tempWorkspace } from "../../support/workspace.ts";

it("a conflict goes back to its session, which settles it in a worktree where both sides are merged", {
  timeout: 60_000,
}, async () => {
  const codex = await realCodex({ shellSnapshot: false });
  const workspace = await tempWorkspace({ codex });
  const { repo, dir, results } = workspace;
  workspace.commitSettings({ workplace: "session", maxAttempts: 1, worktree: { freeBytes: 0 } });
  repo.write("list.txt", "one\n");
  repo.git("add", "list.txt");
  repo.git("commit", "--quiet", "-m", "a list");
  workspace.drop("docs/add.md", "# Add\n\n[[shell: echo of the session >> list.txt]]\n");
  await workspace.serveUntilIdle();
  repo.write("list.txt", "one\nof the user\n");
  repo.git("commit", "--quiet", "-m", "of the user", "--", "list.txt");
  const branch = `codex-inbox/${slugOf("docs")}`;

  const refused = await workspace.command("land", "docs");
  expect([refused.code, refused.stdout]).toEqual([4, expect.stringContaining("codex-inbox land --repair docs")]);
  const before = repo.git("rev-parse", branch);
  const asked = await workspace.command("land", "--repair", "--json", "docs");
  expect(asked.code).toBe(75);
  const { repairTask } = JSON.parse(asked.stdout) as { repairTask: string };
  // Nobody has taken it yet: once more is the same.
  expect((await workspace.command("land", "--repair", "docs")).stdout).toContain(`in task ${repairTask}`);
  await workspace.serveUntilIdle({ code: 1 });
  const [left] = results.tasks().filter(({ id }) => id === repairTask);
  expect(left).toMatchObject({ status: "failed", frontMatter: { failure: "mergeUnsettled" } });
  expect(left?.result?.reason).toBe("the merge is not settled: marks of conflicts are left in list.txt");
  expect(repo.git("show", `main:${left?.path}`)).toContain("does not merge with what is checked out: `list.txt`.");
  expect(repo.git("rev-parse", branch)).toBe(before);

  const words =
    "[[shell: grep -q '^<<<<<<<' list.txt && printf 'one\\nof both\\n' > list.txt; git status --porcelain]]";
  expect((await workspace.command("land", "--repair", "docs", words)).code).toBe(75);
  await workspace.serveUntilIdle();
  const settled = results.tasks().find(({ title, status }) => title.startsWith("Settle") && status === "succeeded");
  expect(settled?.result?.changedFiles.map(({ path }) => path)).toEqual(["list.txt"]);
  const [first, second] = repo.git("log", "-1", "--format=%P", branch).split(" ");
  expect(first).toBe(before);
  expect(repo.git("merge-base", "main", second ?? "")).toBe(second);
  const diff = await workspace.command("diff", settled?.id ?? "");
  expect(diff.stdout).toContain("+of both");

  expect((await workspace.command("land", "docs")).stdout).toContain("docs is landed on main");
  expect(readFileSync(join(dir, "list.txt"), "utf8")).toBe("one\nof both\n");
  expect(repo.git("status", "--porcelain", "--untracked-files=no")).toBe("");
  expect(results.tasks()).toHaveLength(3); // Landing has taken back no record of ours.
});
