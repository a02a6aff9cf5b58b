import { existsSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { DEFAULT_POLICY, parsePolicy } from "../../../src/task/rights/policy.ts";
import { type GitRepo, makeGitRepo, type RepoShape } from "../../support/git-repo.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { waitFor } from "../../support/wait-for.ts";
import { type TestWorkspace, tempWorkspace, workspaceIn } from "../../support/workspace.ts";
import { readResults } from "../../support/workspace-results.ts";

function newRepo(shape: RepoShape = {}): GitRepo {
  return makeGitRepo(join(tempDir(), "repo"), shape);
}

async function initialized(workspace: TestWorkspace, ...args: readonly string[]): Promise<TestWorkspace> {
  const made = await workspace.command("init", ...args);
  if (made.code !== 0) throw new Error(`init ended with ${made.code}: ${made.stderr}`);
  return workspace;
}

async function runsOne(workspace: TestWorkspace): Promise<void> {
  workspace.drop("docs/one.md", "one [[write made.txt: x]] [[final: did one]]\n");
  await workspace.serveUntilIdle();
  expect(workspace.results.task("one").result?.lastMessage).toBe("did one");
}

describe("a workspace", () => {
  it("begins the history of an empty repository, under a name of its own where the user has none", async () => {
    const repo = newRepo({ empty: true, anonymous: true });
    const workspace = await initialized(workspaceIn(repo.dir));
    expect(repo.git("log", "--format=%an <%ae> %p")).toBe("codex-inbox <codex-inbox@localhost>");
    expect(repo.git("status", "--porcelain")).toBe("");
    await runsOne(workspace);
    expect(repo.git("log", "--format=%an %cn").split("\n")).toEqual(Array(2).fill("codex-inbox codex-inbox"));
    expect(repo.git("status", "--porcelain")).toBe("?? made.txt");
    const policy = join(repo.dir, ".git/codex-inbox/policy.json");
    expect(statSync(policy).mode & 0o777).toBe(0o600);
    expect(parsePolicy(readFileSync(policy, "utf8"))).toEqual({ policy: DEFAULT_POLICY });
    expect((await workspace.command("policy", "set", "sandbox", "read-only")).code).toBe(0);
    expect((await workspace.command("init")).stdout).toContain("is a workspace already");
    const inner = await workspaceIn(join(repo.dir, "inbox")).command("init");
    expect(inner).toMatchObject({ code: 4, stderr: expect.stringContaining(`${repo.dir} is the workspace of`) });
    const second = await workspace.command("init", "--branch", "inbox");
    expect(second).toMatchObject({ code: 4, stderr: expect.stringContaining("give --another") });
    expect(repo.git("branch", "--list", "inbox")).toBe("");
    expect(readFileSync(policy, "utf8")).toContain("read-only");
    expect(repo.git("rev-list", "--count", "HEAD")).toBe("2");
  });

  it("on a branch of its own leaves the code's branch, index and log alone; agents work in the code", async () => {
    const code = newRepo();
    const before = { head: code.git("rev-parse", "HEAD"), index: readFileSync(join(code.dir, ".git/index")) };
    const dir = join(code.dir, "../queue");
    await initialized(workspaceIn(code.dir), "--branch", "inbox", "--dir", "../queue");
    const [home = ""] = stateHomes(code.dir);
    const workspace = workspaceIn(dir, {
      ...{ stateDir: home, branch: "refs/heads/inbox" },
      environment: { CODEX_INBOX_WORKPLACE: "shared" },
    });
    expect(workspace.repo.git("log", "--format=%s")).toBe("codex-inbox: this folder is a workspace");
    expect(parsePolicy(readFileSync(join(home, "policy.json"), "utf8"))).toEqual({ policy: DEFAULT_POLICY });
    await runsOne(workspace);

    expect(readFileSync(join(code.dir, ".git/index")).equals(before.index)).toBe(true);
    expect(code.git("rev-parse", "HEAD")).toBe(before.head);
    expect(code.git("status", "--porcelain")).toBe("?? made.txt");
    expect(code.git("log", "--format=%s", "main")).toBe("first");
    expect(workspace.repo.git("status", "--porcelain")).toBe("");
    expect(workspace.results.task("one").result?.changedFiles).toEqual([
      { path: "made.txt", change: "added", by: "patch" },
    ]);
    const fromCode = await workspaceIn(code.dir).command("ls");
    expect(fromCode).toEqual(await workspace.command("ls"));
    expect(fromCode).toMatchObject({ code: 0, stdout: expect.stringContaining("succeeded") });
    expect(await workspaceIn(dirname(code.dir)).command("ls", "-C", code.dir)).toEqual(fromCode);
    const again = await workspaceIn(code.dir).command("init", "--branch", "inbox", "--dir", "../queue");
    expect(again).toMatchObject({ code: 4, stderr: expect.stringContaining("is there already") });
    expect(again.stderr).toContain(`codex-inbox -C ${resolve(dir)} serve`);
    const taken = await workspaceIn(code.dir).command("init", "--branch", "main", "--dir", "../other", "--another");
    expect(taken).toMatchObject({ code: 4, stderr: expect.stringContaining("'main' is already checked out") });

    for (const words of [["--branch", "second", "--dir", "../second"], []]) {
      const unasked = await workspaceIn(code.dir).command("init", ...words);
      expect(unasked).toMatchObject({
        code: 4,
        stderr: expect.stringContaining(`${resolve(dir)} is the workspace of`),
      });
    }
    expect(code.git("branch", "--list", "second")).toBe("");
    await initialized(workspaceIn(code.dir), "--branch", "second", "--dir", "../second", "--another");
    const ambiguous = await workspaceIn(code.dir).command("ls");
    expect(ambiguous).toMatchObject({ code: 4, stdout: "" });
    for (const one of [dir, join(code.dir, "../second")])
      expect(ambiguous.stderr).toContain(`codex-inbox -C ${resolve(one)}`);
    expect(await workspace.command("ls")).toEqual(fromCode);
  });

  it("may be a folder inside a repository, and touches nothing outside of it", async () => {
    const repo = newRepo();
    repo.write("tools/queue/keep.txt", "x");
    repo.git("add", "--all");
    repo.git("commit", "--quiet", "-m", "a folder");
    const workspace = await initialized(
      workspaceIn(join(repo.dir, "tools/queue"), { stateDir: join(repo.dir, ".git/x") }),
    );
    await runsOne(workspace);
    workspace.commitDrop("later/two.md", "two [[final: did two]]\n");
    await workspace.serveUntilIdle();
    expect(workspace.results.task("two").result?.lastMessage).toBe("did two");
    const touched = repo.git("diff", "--name-only", "HEAD~4", "HEAD").split("\n");
    expect(touched.filter((path) => !path.startsWith("tools/queue/"))).toEqual([]);
    expect(repo.git("status", "--porcelain")).toBe("?? tools/queue/made.txt");
    expect(workspace.results.task("one").result?.changedFiles).toEqual([
      { path: "tools/queue/made.txt", change: "added", by: "patch" },
    ]);
  });

  it("may lie in a linked worktree, beside one in the main work tree", async () => {
    const main = await tempWorkspace();
    const dir = join(main.dir, "../linked");
    main.repo.git("worktree", "add", "--quiet", "-b", "side", dir);
    const stateDir = join(main.stateDir, "homes");
    const linked = workspaceIn(dir, { branch: "side", stateDir });
    const first = main.serve();
    await first.saw("serving");
    await runsOne(linked); // One coordinator for each.
    expect(main.results.tasks()).toEqual([]);
    expect(linked.repo.git("status", "--porcelain")).toBe("?? made.txt");
    main.drop("main.md", "main [[final: yes]]\n");
    await first.saw("committed");
    expect(linked.results.tasks()).toHaveLength(1);
    expect(main.results.task("main").status).toBe("succeeded");
    main.repo.git("worktree", "remove", "--force", dir);
    expect(existsSync(stateDir)).toBe(true); // What was accepted there would not be lost.
  });

  it("whose journal folder is new knows what the branch says", async () => {
    const workspace = await tempWorkspace();
    workspace.commitDrop("docs/one.md", "one [[final: 1]]\n");
    await workspace.serveUntilIdle();
    rmSync(workspace.stateDir, { recursive: true });
    await workspace.serveUntilIdle();
    expect(workspace.stubRuns()).toHaveLength(1);
    workspace.drop("docs/two.md", "two [[final: 2]]\n");
    await workspace.serveUntilIdle();
    // That a run of this workspace has begun a thread was noted in the folder that is gone; the branch alone is no right to go on in it.
    await workspace.command("policy", "set", "resume", "any");
    workspace.drop("docs/three.md", "three [[final: 3]]\n");
    await workspace.serveUntilIdle();
    const { thread } = workspace.results.task("two").frontMatter;
    expect(workspace.stubRuns().map(({ resume }) => resume)).toEqual([null, null, thread]);
    expect(workspace.stubRuns()[1]?.prompt).toContain(
      "This is a new thread, because no run of this workspace has begun it",
    );
  });
});

describe("a HEAD that names no branch", () => {
  it("is refused at the start, with what to do", async () => {
    const workspace = await tempWorkspace();
    workspace.repo.git("switch", "--quiet", "--detach");
    const refused = workspace.serve();
    expect((await refused.ended).code).toBe(4);
    expect(refused.log()).toMatch(/is on no branch \(detached HEAD\): switch to the branch/);
    expect((await workspace.command("ls")).code).toBe(4);
    expect((await workspace.command("init")).code).toBe(4);
  });

  it("while serving: only the branch moves, commands still answer, and all is right once HEAD is back", async () => {
    const workspace = await tempWorkspace();
    const { repo } = workspace;
    const serving = workspace.serve();
    await serving.saw("serving");
    repo.git("switch", "--quiet", "--detach");
    const detachedAt = repo.git("rev-parse", "HEAD");
    const index = readFileSync(join(workspace.dir, ".git/index"));
    workspace.drop("docs/away.md", "away [[final: did it]]\n");
    await serving.saw("committed");

    expect(readFileSync(join(workspace.dir, ".git/index")).equals(index)).toBe(true);
    expect(repo.git("rev-parse", "HEAD")).toBe(detachedAt);
    expect(repo.git("status", "--porcelain")).toBe("");
    expect(workspace.results.task("away").result?.lastMessage).toBe("did it");
    const status = await workspace.command("status");
    expect(status).toMatchObject({ code: 0, stdout: expect.stringContaining("(main)") });
    expect((await workspace.command("ls")).stdout).toContain("away");

    repo.git("switch", "--quiet", "main");
    expect(repo.git("status", "--porcelain")).toBe("");
    workspace.drop("docs/home.md", "home [[final: too]]\n");
    await serving.saw("committed", 2);
    expect(repo.git("status", "--porcelain")).toBe("");
    expect(repo.read(workspace.results.task("home").path)).toContain("too");
  });
});

describe("a branch that is switched under our feet", () => {
  it("is not served with the open tasks of another one, and is once these are done", async () => {
    const workspace = await tempWorkspace();
    const { repo } = workspace;
    workspace.drop("docs/long.md", "long [[sleep 300]] [[final: ready]]\n");
    const crashed = workspace.serve();
    await crashed.saw("thread");
    await crashed.kill();
    repo.git("switch", "--quiet", "-c", "topic");
    const refused = workspace.serve();
    expect((await refused.ended).code).toBe(4);
    expect(refused.log()).toContain("HEAD names topic, but 1 open task of this workspace belongs to main");
    repo.git("switch", "--quiet", "main");
    await workspace.serveUntilIdle();
    expect(workspace.results.task("long").result?.lastMessage).toBe("ready");
    repo.git("switch", "--quiet", "topic");
    workspace.drop("docs/more.md", "more [[final: here]]\n");
    await workspace.serveUntilIdle();
    expect(readResults(repo, "topic").task("more").status).toBe("succeeded");
    expect(workspace.results.tasks()).toHaveLength(1);
  });

  it("gets nothing of ours; results go to the one that is served, and new drops are taken all the same", async () => {
    const workspace = await tempWorkspace();
    const { repo } = workspace;
    repo.git("switch", "--quiet", "-c", "topic", "HEAD~1"); // Made before the workspace was: it has no inbox.
    repo.write("topic.txt", "mine\n");
    repo.git("add", "topic.txt");
    repo.git("commit", "--quiet", "-m", "topic");
    repo.git("switch", "--quiet", "main");
    workspace.drop("docs/long.md", "long [[sleep 700]] [[final: ready]]\n");
    const serving = workspace.serve();
    await serving.saw("thread");
    repo.git("switch", "--quiet", "topic");
    repo.write("topic.txt", "changed\n");
    workspace.drop("docs/meanwhile.md", "meanwhile [[final: as well]]\n");
    await serving.saw("run-ended", 2);
    await waitFor(() => workspace.results.tasks().length === 2, { what: "both results on main" });

    expect(repo.git("log", "--format=%s", "-1", "topic")).toBe("topic");
    expect(repo.git("status", "--porcelain")).toBe(" M topic.txt");
    expect((await workspace.command("status")).stdout).toContain("(main)");
    expect((await workspace.command("log", workspace.results.task("long").id)).stdout).toContain("ready");
    repo.git("checkout", "--quiet", "topic.txt");
    repo.git("switch", "--quiet", "main");
    expect(repo.git("status", "--porcelain")).toBe("");
    expect(repo.read(workspace.results.task("long").path)).toContain("ready");
    workspace.drop("docs/back.md", "back [[final: here]]\n");
    await waitFor(() => workspace.results.tasks().length === 3, { what: "the third result" });
    await waitFor(() => repo.git("status", "--porcelain") === "", { what: "a clean work tree" });
  });
});

/** The state folders of linked worktrees in the repository at `dir`. */
function stateHomes(dir: string): readonly string[] {
  const homes = join(dir, ".git/codex-inbox/homes");
  return readdirSync(homes).map((name) => join(homes, name));
}
