import { cpSync, readdirSync, renameSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { expect, it } from "vitest";
import { type GitRepo, gitRepoAt } from "../../support/git-repo.ts";
import { type RealCodex, realCodex } from "../../support/real-codex.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { type TestWorkspace, tempWorkspace, workspaceIn } from "../../support/workspace.ts";

/** Copies what codex keeps of a thread: its file alone, to the same place in the other home. */
function carryThread(thread: string, from: RealCodex, to: RealCodex): void {
  const files = readdirSync(join(from.home, "sessions"), { recursive: true, encoding: "utf8" });
  const [file, ...more] = files.filter((path) => basename(path).endsWith(`-${thread}.jsonl`));
  if (file === undefined || more.length > 0) throw new Error(`no file of ${thread} among ${files.join(" ")}`);
  cpSync(join(from.home, "sessions", file), join(to.home, "sessions", file));
}

/** What commands tell of tasks that have ended, but for what stands in the journal of one clone alone and is said to. */
async function allTold(
  workspace: TestWorkspace,
  tasks: readonly { readonly id: string }[],
): Promise<readonly string[]> {
  const told = tasks.flatMap(({ id }) => [
    ["show", id, "--json"],
    ["log", id, "--json"],
  ]);
  const results = [];
  for (const command of told) results.push(await workspace.command(...command));
  expect(results.map(({ code }) => code)).toEqual(told.map(() => 0));
  return results.map(({ stdout }) => {
    const { commit: _, workplace: __, ...all } = JSON.parse(stdout);
    return JSON.stringify(all);
  });
}

function ours(repo: GitRepo): string {
  return repo.git(
    ...["for-each-ref", "--format=%(refname) %(objectname)"],
    ...["refs/heads/codex-inbox", "refs/codex-inbox/turns"],
  );
}

it("a repository that is restored from its remote alone has the same history, goes on in its sessions, and runs nothing again", {
  timeout: 120_000,
}, async () => {
  const [first, second] = [await realCodex({ shellSnapshot: false }), await realCodex({ shellSnapshot: false })];
  const lost = await tempWorkspace({ codex: first });
  lost.commitSettings({ sync: { remote: "origin", sessions: true, intervalMs: 60_000 } });
  const bare = gitRepoAt(join(tempDir(), "remote.git"));
  lost.repo.git("clone", "--quiet", "--bare", lost.dir, bare.dir);
  lost.repo.git("remote", "add", "origin", bare.dir);
  lost.drop("bird/ask.md", "The bird is a heron. [[write bird.txt: heron]] [[final: I keep the heron in mind.]]\n");
  lost.drop(
    "tree/ask.md",
    "---\nworktree: always\n---\nThe tree is an elm. [[write tree.txt: elm]] [[final: Elm it is.]]\n",
  );
  await lost.serveUntilIdle();
  const [tip, refs, tasks] = [lost.repo.git("rev-parse", "main"), ours(lost.repo), lost.results.tasks()];
  expect(tasks.map(({ status }) => status)).toEqual(["succeeded", "succeeded"]);
  expect(refs.split("\n")).toHaveLength(3);
  const shown = JSON.parse((await lost.command("ls", "--json")).stdout);
  const diff = (await lost.command("diff", lost.results.task("heron").id)).stdout;
  const told = await allTold(lost, tasks);
  // Nothing is left but the remote, and the thread that somebody has carried over.
  const thread = String(lost.results.task("heron").frontMatter.thread);
  carryThread(thread, first, second);
  renameSync(lost.dir, `${lost.dir}.lost`);
  rmSync(`${lost.dir}.lost`, { recursive: true });

  const dir = join(tempDir(), "restored");
  bare.git("clone", "--quiet", bare.dir, dir);
  const restored = workspaceIn(dir, { codex: second });
  for (const setting of ["user.name=User", "user.email=user@example.org"])
    restored.repo.git("config", ...(setting.split("=", 2) as [string, string]));
  expect(restored.repo.git("rev-parse", "main")).toBe(tip);
  expect((await restored.command("policy", "set", "resume", "any")).code).toBe(0);
  restored.drop("bird/more.md", "Which bird was it? [[final: The heron.]]\n");
  restored.drop(
    "tree/more.md",
    "---\nworktree: always\n---\nAnd its leaf? [[write leaf.txt: toothed]] [[final: Toothed.]]\n",
  );
  expect(await allTold(restored, tasks)).toEqual(told);
  const served = await restored.serveUntilIdle();

  // Nothing ran but what is new, every file of a task is bit by bit as it was, and ledgers and transcripts have only grown.
  const started = new Set(served.lines("started").map((line) => line.field("task")));
  expect([started.size, tasks.filter(({ id }) => started.has(id))]).toEqual([2, []]);
  expect(await allTold(restored, tasks)).toEqual(told);
  for (const path of restored.repo.git("ls-tree", "-r", "--name-only", tip).split("\n")) {
    const [before, after] = [tip, "main"].map((commit) => restored.repo.git("show", `${commit}:${path}`));
    expect(after?.startsWith(before ?? ""), path).toBe(true);
    if (path.endsWith(".md") && path !== "tasks.md") expect(after, path).toBe(before);
  }
  expect(restored.results.tasks().filter(({ id }) => tasks.some((task) => task.id === id))).toEqual(tasks);
  for (const line of refs.split("\n").filter((one) => one.includes("/turns/")))
    expect(ours(restored.repo)).toContain(line);
  expect((await restored.command("diff", tasks.find(({ path }) => path.includes("bird"))?.id ?? "")).stdout).toBe(diff);
  const { tasks: listed } = JSON.parse((await restored.command("ls", "--json")).stdout);
  expect(listed).toEqual(expect.arrayContaining(shown.tasks));
  expect(restored.results.commits()).toHaveLength(4);
  // The thread that was carried goes on; the other session begins a fresh one, which is told what was said.
  expect(restored.results.task("Which bird").frontMatter.thread).toBe(thread);
  expect(JSON.stringify(second.requests)).toContain("I keep the heron in mind.");
  expect(restored.results.task("And its leaf").frontMatter.thread).not.toBe(
    tasks.find(({ path }) => path.includes("tree"))?.frontMatter.thread,
  );
  expect(JSON.stringify(second.requests)).toContain("The tree is an elm.");
  // The session's branch goes on where it was.
  const branch = refs.split("\n").flatMap((line) => /^refs\/heads\/(\S+) /.exec(line)?.[1] ?? [])[0] ?? "";
  expect(restored.repo.git("show", `${branch}:tree.txt`, `${branch}:leaf.txt`)).toBe("elm\ntoothed");
  expect([bare.git("rev-parse", "main"), ours(bare)]).toEqual([
    restored.repo.git("rev-parse", "main"),
    ours(restored.repo),
  ]);
  expect(restored.repo.git("fsck", "--no-dangling")).toBe("");
  expect(dirname(restored.stateDir)).toBe(join(dir, ".git"));
});
