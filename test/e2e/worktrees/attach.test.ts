import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { slugOf } from "../../../src/run/workplace/worktrees/session-worktrees.ts";
import { tempWorkspace } from "../../support/workspace.ts";

it("a session's worktree is made again for a person, who holds the session while they work there, with and without a coordinator", {
  timeout: 60_000,
}, async () => {
  const workspace = await tempWorkspace();
  workspace.commitSettings({ workplace: "session", worktree: { freeBytes: 0 } });
  workspace.drop("docs/one.md", "# Make it\n\n[[write made.txt: one]]\n");
  await workspace.serveUntilIdle();
  const tree = join(workspace.dir, "../repo-inbox-trees", slugOf("docs"));
  const park = async (): Promise<boolean> => {
    await workspace.command("worktree", "gc");
    return existsSync(tree);
  };
  const taken = /^taken +session docs by \S+ since .* \(codex-inbox attach --release docs\)$/m;

  // Without a coordinator.
  expect(await park()).toBe(false);
  expect(await workspace.command("attach", "docs")).toMatchObject({ code: 0, stdout: `${tree}\n` });
  expect(existsSync(join(tree, "made.txt"))).toBe(true);
  const view = JSON.parse((await workspace.command("attach", "--take", "--json", "docs")).stdout) as { resume: string };
  const { thread } = workspace.results.task("Make it").frontMatter;
  expect(view).toMatchObject({ session: "docs", dir: tree, thread, takenBy: expect.any(String) });
  expect(view.resume).toMatch(
    new RegExp(`^cd ${tree} && \\S*codex\\S* -c 'projects=.*"untrusted".*' resume ${String(thread)}$`),
  );
  expect((await workspace.command("status")).stdout).toMatch(taken);
  expect(await park()).toBe(true);
  expect((await workspace.command("attach", "--release", "docs")).stdout).toBe("docs is released\n");
  expect(await park()).toBe(false);

  // A coordinator makes it, and starts nothing there while it is taken.
  const served = workspace.serve();
  await served.url();
  expect((await workspace.command("attach", "--take", "docs")).stdout).toBe(`${tree}\n`);
  writeFileSync(join(tree, "made.txt"), "mine\n");
  workspace.drop("docs/two.md", "# Go on\n\n[[sleep 1500]]\n");
  await served.saw("accepted");
  const listed = JSON.parse((await workspace.command("ls", "--json")).stdout) as {
    readonly tasks: readonly Readonly<Record<string, unknown>>[];
  };
  expect(listed.tasks.find(({ title }) => title === "Go on")).toMatchObject({
    status: "queued",
    hold: expect.stringContaining("session docs is taken by"),
    holdRemedy: "codex-inbox attach --release docs",
  });
  await workspace.command("attach", "--release", "docs");
  await served.saw("started");
  const refused = await workspace.command("attach", "--take", "docs");
  expect(refused).toMatchObject({ code: 4, stderr: expect.stringContaining("is under way in session docs") });
  expect((await workspace.command("status")).stdout).not.toMatch(taken);
  served.signal("SIGTERM");
  await served.ended;
  expect(workspace.repo.git("log", "-1", "--format=%an: %s", `codex-inbox/${slugOf("docs")}`)).toBe(
    "User: docs: edited between two turns",
  );
  expect((await workspace.command("attach", "nobody")).code).toBe(3);
});
