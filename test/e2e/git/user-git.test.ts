import { copyFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { CoordinatorProcess } from "../../support/coordinator-process.ts";
import { gitRepoAt } from "../../support/git-repo.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { waitFor } from "../../support/wait-for.ts";
import { type TestWorkspace, tempWorkspace } from "../../support/workspace.ts";

async function healthOf(serving: CoordinatorProcess): Promise<Record<string, unknown>> {
  return (await (await serving.ask("/health")).json()) as Record<string, unknown>;
}

/** Three results, each a commit of its own. */
async function withResults(workspace: TestWorkspace, names: readonly string[]): Promise<void> {
  for (const name of names) {
    workspace.drop(`docs/${name}.md`, `${name} [[final: did ${name}]]\n`);
    await workspace.serveUntilIdle();
  }
}

function resultsOf({ results }: TestWorkspace): readonly string[] {
  return results
    .tasks()
    .flatMap(({ result }) => result?.lastMessage ?? [])
    .sort();
}

describe("a user who is in the middle of something", () => {
  it.each([
    {
      name: "a merge",
      reason: "a merge is in progress (MERGE_HEAD)",
      begin: ["merge", "--no-ff", "--no-commit", "topic"],
      end: ["commit", "--quiet", "--no-edit"],
    },
    {
      name: "a conflicting rebase",
      reason: "a rebase is in progress (rebase-merge)",
      begin: ["rebase", "conflict"],
      end: ["rebase", "--abort"],
    },
  ])("$name: results wait, and it is said since when; then they are committed", async ({ reason, begin, end }) => {
    const workspace = await tempWorkspace();
    const { repo } = workspace;
    for (const [branch, path] of [
      ["topic", "topic.txt"],
      ["conflict", "README.md"],
    ] as const) {
      repo.git("switch", "--quiet", "-c", branch, "main");
      repo.write(path, `of ${branch}\n`);
      repo.git("add", path);
      repo.git("commit", "--quiet", "-m", branch);
    }
    repo.git("switch", "--quiet", "main");
    repo.write("README.md", "of main\n");
    repo.git("commit", "--quiet", "-am", "main's own");
    const serving = workspace.serve();
    await serving.url();
    const before = Date.now();
    repo.tryGit(...begin);
    workspace.drop("docs/one.md", "one [[final: did it]]\n");
    await serving.saw("run-ended");
    const health = await waitFor(
      async () => {
        const answer = await healthOf(serving);
        return answer.committer === null ? undefined : answer;
      },
      { what: "health to say that it waits" },
    );
    expect(health).toMatchObject({ status: "waiting", tasks: { uncommitted: 1 }, committer: { reason } });
    const since = Date.parse((health.committer as { since: string }).since);
    expect(since).toBeGreaterThanOrEqual(before);
    expect((await workspace.command("status")).stdout).toContain(`: ${reason}`);
    expect((await workspace.command("ls")).stdout).toContain("succeeded");
    expect(workspace.results.tasks()).toEqual([]);

    repo.git(...end);
    await serving.saw("committed");
    expect(resultsOf(workspace)).toEqual(["did it"]);
    await waitFor(() => repo.git("status", "--porcelain") === "", { what: "a clean work tree" });
    expect(await healthOf(serving)).toMatchObject({ status: "ok", committer: null });
  });
});

describe("results that the branch loses", () => {
  it("by reset --hard are committed again, once each", async () => {
    const workspace = await tempWorkspace();
    const { repo } = workspace;
    await withResults(workspace, ["one", "two", "three"]);
    const serving = workspace.serve();
    await serving.saw("serving");
    repo.git("reset", "--quiet", "--hard", "HEAD~3");
    await waitFor(() => resultsOf(workspace).length === 3, { what: "the three results" });
    await waitFor(() => repo.git("status", "--porcelain") === "", { what: "a clean work tree" });

    expect(resultsOf(workspace)).toEqual(["did one", "did three", "did two"]);
    expect(workspace.results.commits().map(({ subject }) => subject.split(" ")[1])).toHaveLength(3);
    expect(workspace.results.openTasks()).toEqual([]);
    expect(workspace.stubRuns()).toHaveLength(3);
    const ends = workspace.results.transcriptLines("docs").filter((line) => line.includes('"kind":"end"'));
    expect(ends).toHaveLength(3);
    for (const { path } of workspace.results.tasks()) expect(repo.read(path)).toContain("did ");
    workspace.drop("docs/four.md", "four [[final: did four]]\n");
    await waitFor(() => resultsOf(workspace).length === 4, { what: "the next result" });
    expect(workspace.stubRuns().at(-1)?.resume).toBe(workspace.results.task("one").frontMatter.thread);
  });

  it("while nobody serves are committed again at the next start", async () => {
    const workspace = await tempWorkspace();
    await withResults(workspace, ["one", "two"]);
    workspace.repo.git("reset", "--quiet", "--hard", "HEAD~2");
    await workspace.serveUntilIdle();
    expect(resultsOf(workspace)).toEqual(["did one", "did two"]);
    expect(workspace.stubRuns()).toHaveLength(2);
    expect(workspace.repo.git("status", "--porcelain")).toBe("");
  });

  it("by a forced push from elsewhere are committed again, on top of what was pushed", async () => {
    const workspace = await tempWorkspace();
    const { repo } = workspace;
    await withResults(workspace, ["one"]);
    repo.git("config", "receive.denyCurrentBranch", "updateInstead");
    const clone = gitRepoAt(join(tempDir(), "clone"));
    repo.git("clone", "--quiet", repo.dir, clone.dir);
    clone.git("reset", "--quiet", "--hard", "HEAD~1");
    clone.write("theirs.txt", "theirs\n");
    clone.git("add", "theirs.txt");
    clone.git("-c", "user.name=C", "-c", "user.email=c@example.org", "commit", "--quiet", "-m", "theirs");
    const serving = workspace.serve();
    await serving.saw("serving");
    clone.git("push", "--quiet", "--force", "origin", "main");
    await serving.saw("recommit");
    await waitFor(() => resultsOf(workspace).length === 1, { what: "the result" });
    expect(repo.git("log", "--format=%s", "-2").split("\n")[1]).toBe("theirs");
    await waitFor(() => repo.git("status", "--porcelain") === "", { what: "a clean work tree" });
    expect(repo.read("theirs.txt")).toBe("theirs\n");
  });

  it("only seem to be lost when the user rewrites our commits: nothing is committed twice", async () => {
    const workspace = await tempWorkspace();
    const { repo } = workspace;
    repo.git("switch", "--quiet", "-c", "upstream");
    repo.write("theirs.txt", "theirs\n");
    repo.git("add", "theirs.txt");
    repo.git("commit", "--quiet", "-m", "theirs");
    repo.git("switch", "--quiet", "main");
    await withResults(workspace, ["one", "two"]);
    const serving = workspace.serve();
    await serving.saw("serving");
    repo.git("rebase", "--quiet", "upstream");
    await serving.saw("branch-moved");
    repo.git("commit", "--quiet", "--amend", "-m", "docs: two, in my words");
    await serving.saw("branch-moved", 2);
    workspace.drop("docs/three.md", "three [[final: did three]]\n");
    await serving.saw("committed");
    expect(serving.lines("recommit")).toEqual([]);
    expect(resultsOf(workspace)).toEqual(["did one", "did three", "did two"]);
    expect(
      repo
        .git("log", "--format=%s", "-4")
        .split("\n")
        .map((subject) => subject.split(" [[")[0]),
    ).toEqual(["docs: three", "docs: two, in my words", "docs: one", "theirs"]);
    expect(repo.git("status", "--porcelain")).toBe("");
  });

  it("by a commit made from an older index are committed again", async () => {
    const workspace = await tempWorkspace();
    const { repo } = workspace;
    const old = join(tempDir(), "index");
    copyFileSync(join(workspace.dir, ".git/index"), old);
    const serving = workspace.serve();
    workspace.drop("docs/one.md", "one [[final: did one]]\n");
    await serving.saw("committed");
    copyFileSync(old, join(workspace.dir, ".git/index"));
    repo.write("README.md", "# Mine\n");
    repo.git("commit", "--quiet", "-am", "mine");
    await waitFor(() => resultsOf(workspace).length === 1 && workspace.results.openTasks().length === 0, {
      what: "the result",
    });
    await waitFor(() => repo.git("status", "--porcelain") === "", { what: "a clean work tree" });
    expect(repo.git("show", "HEAD:README.md")).toBe("# Mine");
    expect(workspace.results.transcript("docs").filter(({ body }) => body.kind === "end")).toHaveLength(1);
    expect((await workspace.command("ls", "--json")).stdout.match(/"title"/g)).toHaveLength(1);
  });
});

describe("what a user does to a result on purpose", () => {
  it("stays: one that was deleted in a commit does not come back", async () => {
    const workspace = await tempWorkspace();
    const { repo } = workspace;
    await withResults(workspace, ["one", "two"]);
    const serving = workspace.serve();
    await serving.saw("serving");
    const { path } = workspace.results.task("one");
    repo.git("rm", "--quiet", path);
    repo.git("commit", "--quiet", "-m", "not needed");
    await serving.saw("forgotten");
    workspace.drop("docs/three.md", "three [[final: did three]]\n");
    await serving.saw("committed");
    await serving.kill();
    await workspace.serveUntilIdle();
    expect(resultsOf(workspace)).toEqual(["did three", "did two"]);
    expect(repo.read(path)).toBeUndefined();
    expect(repo.git("status", "--porcelain")).toBe("");
  });

  it("stays: an edit in the work tree is not overwritten, and one in a commit is kept", async () => {
    const workspace = await tempWorkspace();
    const { repo } = workspace;
    await withResults(workspace, ["one"]);
    const { path } = workspace.results.task("one");
    const edited = `${repo.read(path)}\nMy note.\n`;
    repo.write(path, edited);
    repo.write("tasks.md", `${repo.read("tasks.md")}\nMy line.\n`);
    workspace.drop("docs/two.md", "two [[final: did two]]\n");
    const serving = workspace.serve();
    const left = await serving.saw("left-alone");
    expect(left.field("path")).toBe("tasks.md");
    await serving.saw("committed");
    expect(repo.read(path)).toBe(edited);
    expect(repo.read("tasks.md")).toMatch(/\nMy line\.\n$/);
    expect(resultsOf(workspace)).toEqual(["did one", "did two"]);

    repo.git("checkout", "--quiet", "tasks.md");
    repo.git("commit", "--quiet", "-am", "my note");
    await serving.saw("branch-moved");
    workspace.drop("docs/three.md", "three [[final: did three]]\n");
    await serving.saw("committed", 2);
    expect(repo.git("show", `HEAD:${path}`)).toBe(edited.trimEnd());
    expect(repo.git("status", "--porcelain")).toBe("");
  });

  it("stays: a work tree without our files is not filled again", async () => {
    const workspace = await tempWorkspace();
    const { repo } = workspace;
    await withResults(workspace, ["one"]);
    rmSync(join(workspace.dir, "sessions"), { recursive: true });
    workspace.drop("docs/two.md", "two [[final: did two]]\n");
    await workspace.serveUntilIdle();
    expect(repo.read(workspace.results.task("one").path)).toBeUndefined();
    expect(resultsOf(workspace)).toEqual(["did one", "did two"]);
  });
});
