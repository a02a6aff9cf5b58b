import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { parseLedger } from "../../../src/task/ledger/ledger.ts";
import { waitFor } from "../../support/wait-for.ts";
import { tempWorkspace } from "../../support/workspace.ts";

it("a session is archived beside a coordinator and without one, and takes no more tasks until it is taken out", async () => {
  const workspace = await tempWorkspace();
  const coordinator = workspace.serve();
  await coordinator.url();
  workspace.drop("docs/one.md", "Say hello.\n");
  await coordinator.saw("committed");
  expect(await workspace.command("archive", "nowhere")).toMatchObject({ code: 3 });
  const archived = await workspace.command("archive", "docs");
  expect(archived, archived.stderr).toMatchObject({ code: 0 });
  const links = parseLedger(readFileSync(join(workspace.dir, "tasks.md"), "utf8")).flatMap(
    ({ result }) => result ?? [],
  );
  expect(links).toMatchObject([
    { title: "Say hello.", path: expect.stringMatching(/^archive\/.*\/docs\/.*-say-hello-/) },
  ]);
  expect(existsSync(join(workspace.dir, links[0]?.path ?? ""))).toBe(true);
  workspace.drop("docs/two.md", "More.\n");
  const said = join(workspace.dir, "inbox/docs/two.error.md");
  await waitFor(() => existsSync(said), { what: "the error file" });
  expect(readFileSync(said, "utf8")).toContain('the session "docs" is archived');
  const refused = await coordinator.ask("/tasks", { method: "POST", body: "---\nsessionKey: docs\n---\nMore.\n" });
  expect(refused.status).toBe(409);
  expect((await workspace.command("sessions")).stdout).toContain("ARCHIVED");
  expect(await workspace.command("add", "--session", "docs", "More.")).toMatchObject({
    ...{ code: 4, stderr: expect.stringContaining("codex-inbox archive --undo") },
  });
  const undone = await coordinator.ask("/sessions/docs/archive", { method: "POST", body: '{"undo": true}' });
  expect(await undone.json()).toMatchObject({ session: "docs", archived: false, commit: expect.any(String) });
  coordinator.signal("SIGTERM");
  await coordinator.ended;

  workspace.drop("docs/two.md", "More, again.\n");
  await workspace.serveUntilIdle();
  expect(workspace.stubRuns().map(({ resume }) => resume === null)).toEqual([true, false]);
  expect(await workspace.command("archive", "docs")).toMatchObject({ code: 0 });
  expect((await workspace.command("ls")).stdout).not.toContain("succeeded");
  expect((await workspace.command("ls", "-a")).stdout.match(/succeeded/g)).toHaveLength(2);
  expect(workspace.repo.git("status", "--porcelain")).toBe("");
});

it("a queued task that came by commit is cancelled by git rm, and the ledger is compacted beside the coordinator", async () => {
  const workspace = await tempWorkspace();
  workspace.commitDrop("docs/later.md", "---\nnotBefore: 2099-01-01T00:00:00Z\n---\nLater.\n");
  const coordinator = workspace.serve();
  await coordinator.saw("committed");
  const path = workspace.repo.git("ls-files", "sessions/docs/*/*-later-*");
  expect(path).toMatch(/\.md$/);
  await waitFor(() => workspace.repo.tryGit("rm", "-q", path).status === 0, { what: "git rm" });
  workspace.repo.git("commit", "-q", "-m", "not any more");
  const result = (text: string) => workspace.results.tasks().find(({ prompt }) => prompt.includes(text));
  await waitFor(() => result("Later.") !== undefined, { what: "its result" });
  expect(result("Later.")).toMatchObject({ status: "cancelled" });
  expect(await workspace.command("compact-tasks")).toMatchObject({ code: 4 });
  const before = workspace.results.rows();
  const compacted = await workspace.command("compact-tasks", "--force");
  expect(compacted, compacted.stderr).toMatchObject({ code: 0 });
  expect(before.length).toBeGreaterThan(1);
  expect(workspace.results.rows()).toMatchObject([{ status: "cancelled", result: { path } }]);
  workspace.drop("docs/next.md", "Next.\n");
  await waitFor(() => result("Next.") !== undefined, { what: "the next result" });
  expect(result("Next.")).toMatchObject({ status: "succeeded" });
  expect(workspace.stubRuns()).toHaveLength(1);
  expect(workspace.repo.git("log", "-1", "--author=codex-inbox", "--format=%an")).toBe("codex-inbox");
});
