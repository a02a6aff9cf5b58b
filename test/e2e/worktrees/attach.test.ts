import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { slugOf } from "../../../src/run/workplace/worktrees/session-worktrees.ts";
import { waitFor } from "../../support/wait-for.ts";
import { watchEvents } from "../../support/watch-events.ts";
import { tempWorkspace } from "../../support/workspace.ts";

it("a session's worktree is made again for a person, who holds the session while they work there, with and without a coordinator", {
  timeout: 60_000,
}, async () => {
  const workspace = await tempWorkspace();
  const { repo } = workspace;
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
  const branch = `codex-inbox/${slugOf("docs")}`;
  const edited = (): string =>
    repo.git("log", "-1", "--format=%an: %s (%(trailers:key=Author-Kind,separator=))", branch);
  writeFileSync(join(tree, "made.txt"), "by hand\n");
  expect((await workspace.command("attach", "--release", "docs")).stdout).toBe(
    `docs is released\nwhat was edited in its worktree is commit ${repo.git("rev-parse", branch).slice(0, 10)}\n`,
  );
  expect(edited()).toBe("User: docs: edited between two turns (Author-Kind: outside)");
  writeFileSync(join(tree, "more.txt"), "by hand\n");
  const alone = await workspace.command("land", "docs");
  expect(alone.stdout).toMatch(/^what was edited in its worktree is commit \w+\ndocs is landed on main/);
  expect(readFileSync(join(workspace.dir, "more.txt"), "utf8")).toBe("by hand\n");
  writeFileSync(join(tree, "later.txt"), "by hand\n"); // What is landed wholly is forgotten.
  expect(await park()).toBe(false);

  const gate = join(workspace.dir, "../go-on");
  // A coordinator makes it, and starts nothing there while it is taken.
  const served = workspace.serve();
  await served.url();
  const { events } = watchEvents(workspace);
  expect((await workspace.command("attach", "--take", "docs")).stdout).toBe(`${tree}\n`);
  writeFileSync(join(tree, "made.txt"), "mine\n");
  workspace.drop("docs/two.md", `# Go on\n\n[[command: until [ -e ${gate} ]; do sleep .05; done]]\n`);
  await served.saw("accepted");
  const listed = JSON.parse((await workspace.command("ls", "--json")).stdout) as {
    readonly tasks: readonly Readonly<Record<string, unknown>>[];
  };
  expect(listed.tasks.find(({ title }) => title === "Go on")).toMatchObject({
    status: "queued",
    hold: expect.stringContaining("session docs is taken by"),
    holdRemedy: "codex-inbox attach --release docs",
  });
  const released = JSON.parse((await workspace.command("attach", "--release", "--json", "docs")).stdout) as object;
  await served.saw("started");
  expect(released).toMatchObject({ released: true, edited: repo.git("rev-parse", branch), left: null });
  const refused = await workspace.command("attach", "--take", "docs");
  expect(refused).toMatchObject({ code: 4, stderr: expect.stringContaining("is under way in session docs") });
  expect((await workspace.command("status")).stdout).not.toMatch(taken);
  // While an agent works there, what it has written is its own, and named.
  writeFileSync(join(tree, "agents.txt"), "half\n");
  const beside = JSON.parse((await workspace.command("land", "--json", "docs")).stdout) as { readonly left: string };
  expect(beside).toMatchObject({ state: "landed", head: repo.git("rev-parse", branch), edited: null });
  expect(beside.left).toMatch(/ is under way there$/);
  await waitFor(() => events.some(({ kind }) => kind === "land"), { what: "the event" });
  expect(events.find(({ kind }) => kind === "land")).toMatchObject({
    ...{ session: "docs", state: "landed", branch, target: "main", commit: repo.git("rev-parse", "main") },
    ...{ left: beside.left, edited: null, conflicts: [], why: null, command: null, repairTask: null },
  });
  writeFileSync(gate, "");
  served.signal("SIGTERM");
  await served.ended;
  expect((await workspace.command("attach", "nobody")).code).toBe(3);
});
