import { chmodSync, cpSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type GitRepo, gitRepoAt } from "../../support/git-repo.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { waitFor } from "../../support/wait-for.ts";
import { watchEvents } from "../../support/watch-events.ts";
import { type TestWorkspace, workspaceIn, workspaceTemplate } from "../../support/workspace.ts";

/** A workspace whose remote is a bare repository, and a clone of that; the remote is asked only when somebody says so. */
async function site(): Promise<{ readonly a: TestWorkspace; readonly b: GitRepo; readonly bare: GitRepo }> {
  const base = tempDir();
  cpSync(await workspaceTemplate(), join(base, "a"), { recursive: true });
  const a = workspaceIn(join(base, "a"));
  a.commitSettings({ sync: { remote: "origin", intervalMs: 0 } });
  const bare = gitRepoAt(join(base, "remote.git"));
  a.repo.git("clone", "--quiet", "--bare", a.dir, bare.dir);
  a.repo.git("remote", "add", "origin", bare.dir);
  a.repo.git("clone", "--quiet", bare.dir, join(base, "b"));
  const b = gitRepoAt(join(base, "b"));
  b.git("config", "user.name", "User");
  b.git("config", "user.email", "user@example.org");
  return { a, b, bare };
}

function push(b: GitRepo, path: string, text: string): void {
  b.git("pull", "--quiet", "--no-rebase", "--no-edit");
  b.write(path, text);
  b.git("add", "--all");
  b.git("commit", "--quiet", "-m", path);
  b.git("push", "--quiet");
}

describe("codex-inbox sync", () => {
  it("without a coordinator brings both sides together, and names what is in the way", async () => {
    const { a, b, bare } = await site();
    push(b, "src/theirs.c", "theirs\n");
    a.repo.write("src/mine.c", "mine\n");
    a.repo.git("add", "src/mine.c");
    a.repo.git("commit", "--quiet", "-m", "mine");
    const done = await a.command("sync", "--json");
    expect([done.code, done.stderr]).toEqual([0, ""]);
    expect(JSON.parse(done.stdout)).toMatchObject({
      remote: "origin",
      branch: "main",
      ahead: 0,
      behind: 0,
      inTheWay: null,
    });
    expect(bare.git("rev-parse", "main")).toBe(a.repo.git("rev-parse", "main"));
    expect([a.repo.read("src/theirs.c"), a.repo.git("status", "--porcelain")]).toEqual(["theirs\n", ""]);

    push(b, "src/mine.c", "theirs\n");
    a.repo.write("src/mine.c", "not committed\n");
    const blocked = await a.command("sync");
    expect(blocked.code).toBe(75);
    expect(blocked.stdout).toMatch(
      /in the way since .*: files differ from the branch: src\/mine\.c; git -C .* pull --no-rebase origin main/,
    );
    expect(a.repo.read("src/mine.c")).toBe("not committed\n");

    a.repo.git("remote", "set-url", "origin", join(bare.dir, "nowhere"));
    const away = await a.command("sync");
    expect([away.code, away.stdout]).toEqual([75, expect.stringContaining("the remote origin cannot be reached")]);
    a.commitSettings({});
    expect(await a.command("sync")).toMatchObject({ code: 78, stderr: expect.stringContaining("name no remote") });
  });

  it("is what the hook of a bare repository asks for: a push is taken at once, its result is there to pull, and readers of events see it", async () => {
    const { a, b, bare } = await site();
    const hook = await a.command("sync", "--print-hook");
    expect(hook.code).toBe(0);
    writeFileSync(join(bare.dir, "hooks/post-receive"), hook.stdout);
    chmodSync(join(bare.dir, "hooks/post-receive"), 0o755);
    const serving = a.serve();
    await serving.url();
    const { events } = watchEvents(a);
    push(b, "inbox/x.md", "x [[final: did x]]\n");
    await serving.saw("accepted");
    const isDone = (repo: GitRepo): boolean =>
      repo.git("log", "--format=%(trailers:key=Task-Status,valueonly)", "main").includes("succeeded");
    await waitFor(() => a.results.commits().some(({ status }) => status === "succeeded"), { what: "the result" });
    // With an interval of 0 nobody but the hook has asked until now.
    expect(isDone(bare)).toBe(false);
    expect((await a.command("sync")).code).toBe(0);
    b.git("pull", "--quiet", "--no-rebase", "--no-edit");
    expect(isDone(b)).toBe(true);
    expect(serving.lines("sync-waits")).toEqual([]);

    a.repo.git("remote", "set-url", "origin", join(bare.dir, "nowhere"));
    const sync = async () => (await serving.ask("/sync", { method: "POST" })).json();
    expect(await sync()).toMatchObject({ sync: { problem: { reason: expect.stringContaining("cannot be reached") } } });
    a.repo.git("remote", "set-url", "origin", bare.dir);
    expect(await sync()).toMatchObject({
      sync: { remote: "origin", branch: "main", ahead: 0, behind: 0, problem: null },
    });
    const told = () => events.flatMap((event) => (event.kind === "sync" ? [event.what] : []));
    await waitFor(() => told().includes("goes-on"), { what: "the end of the trouble" });
    expect([...new Set(told())]).toEqual(["fetched", "pushed", "away", "goes-on"]);
  });
});
