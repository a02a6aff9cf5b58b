import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { slugOf } from "../../../src/run/workplace/worktrees/session-worktrees.ts";
import type { GitRepo } from "../../support/git-repo.ts";
import { realCodex } from "../../support/real-codex.ts";
import { onTestFinished } from "../../support/test-end.ts";
import { type TestWorkspace, tempWorkspace } from "../../support/workspace.ts";
import { makeUsersState, usersState } from "../../support/worktree-kills.ts";

const SESSIONS = ["one", "two", "three", "four"] as const;

/** Fails where anybody has begun a file and not ended it. */
const VERIFY = "! grep -rl HALF --include=*.part .";

function dropWork(workspace: TestWorkspace, sleepMs: number): void {
  for (const session of SESSIONS) {
    const work = `[[write ${session}.part: HALF]] [[sleep ${sleepMs}]] [[shell: mv ${session}.part ${session}.txt; echo whole > ${session}.txt]]`;
    const front = `---\nverifyCommand: ${JSON.stringify(VERIFY)}\n---\n`;
    workspace.drop(`${session}/work.md`, `${front}# Work of ${session}\n\n${work}\n`);
  }
}

/** Lets a user at work save a file of theirs again and again, until the function that it returns is called: its text at the end. */
function editMeanwhile(path: string): () => string {
  let text = "";
  const timer = setInterval(() => {
    text += "by the user\n";
    writeFileSync(path, text);
  }, 20);
  onTestFinished(() => clearInterval(timer));
  return () => {
    clearInterval(timer);
    return text;
  };
}

/** What codex itself puts into the folder for temporary files; here that is the work tree. */
const OF_CODEX = /^codex-bwrap-[^/]*\//;

/** What of a user's the coordinator has no commits of its own to make in: all but the index and the branch. */
function besidesOurCommits(repo: GitRepo): readonly (readonly [string, string])[] {
  const ours = /^(inbox|sessions)\/|^tasks\.md$|^\.git\/index$|^main$/;
  return [...usersState(repo)].filter(([what]) => !ours.test(what) && !OF_CODEX.test(what));
}

it("four sessions in one checkout, each of which would fail for what another has half done, take turns; the user is at work there", async () => {
  const workspace = await tempWorkspace({ codex: await realCodex({ shellSnapshot: false }) });
  const { repo, dir } = workspace;
  workspace.commitSettings({ workplace: "shared", maxWorkers: 5 });
  makeUsersState(repo);
  repo.git("worktree", "add", "--quiet", "--detach", join(dir, "../mine"));
  const before = besidesOurCommits(repo);
  dropWork(workspace, 100);
  const attempts = [
    ...[`${dir}/.git/hooks/post-commit`, `${dir}/.git/config`, `${dir}/.git/codex-inbox/policy.json`],
    ...[`${dir}/.git/refs/heads/stolen`, `${dir}/../mine/stolen.txt`, `${dir}/.git/worktrees/mine/config.worktree`],
  ];
  const tries = attempts.map((path) => `(echo stolen >> ${path}) 2>/dev/null && echo WROTE ${path}`);
  const more = "mv .git gone 2>/dev/null && echo WROTE .git; git stash 2>/dev/null && echo WROTE stash";
  workspace.drop("thief/out.md", `# Get out\n\n[[shell: ${tries.join("; ")}; ${more}; echo tried]]\n`);
  const edited = editMeanwhile(join(dir, "untracked.txt"));
  await workspace.serveUntilIdle({ environment: { TMPDIR: dir, CODEX_INBOX_SHARED_WRITERS: "1" } });
  const text = edited();

  const spans: (readonly [number, number])[] = [];
  for (const session of SESSIONS) {
    const task = workspace.results.task(`Work of ${session}`);
    expect(task).toMatchObject({ status: "succeeded", frontMatter: { attempts: 1 } });
    // What the agent's commands have made, and what the user saved meanwhile, is told apart from nobody's: none is another session's.
    const paths = task.result?.changedFiles.map(({ path }) => path) ?? [];
    expect(paths.filter((path) => path !== "untracked.txt" && !OF_CODEX.test(path))).toEqual([`${session}.txt`]);
    expect(repo.git("log", "-1", "--format=%s", `refs/codex-inbox/turns/${task.id}/1`)).toBe(
      `${session}: Work of ${session} (turn 1)`,
    );
    const { startedAt, endedAt } = task.frontMatter;
    spans.push([Date.parse(String(startedAt)), Date.parse(String(endedAt))]);
  }
  const inTurn = spans.toSorted(([one], [other]) => one - other);
  for (const [at, [start]] of inTurn.entries()) expect(start).toBeGreaterThanOrEqual(inTurn[at - 1]?.[1] ?? 0);

  expect(outputsOf(workspace, "thief")).toEqual(["tried"]);
  expect(existsSync(join(dir, "../mine/stolen.txt"))).toBe(false);
  const made = new Set(SESSIONS.map((session) => `${session}.txt`));
  const after = besidesOurCommits(repo).filter(([what]) => !made.has(what));
  expect(after).toEqual(before.map(([what, was]) => [what, what === "untracked.txt" ? text : was]));
  expect(repo.git("diff", "--cached", "--name-only")).toBe("src/main.c");
});

/** All of it lies below a folder for temporary files, which codex's sandbox lets commands write to. */
it("four sessions side by side, each of which would fail for what another has half done, and one that tries to get out", async () => {
  const codex = await realCodex({ shellSnapshot: false });
  const workspace = await tempWorkspace({ codex });
  const { repo, dir } = workspace;
  workspace.commitSettings({ workplace: "session", maxWorkers: 5, worktree: { freeBytes: 0 } });
  makeUsersState(repo);
  const state = besidesOurCommits(repo);
  dropWork(workspace, 1_500);
  const trees = join(dir, "../repo-inbox-trees");
  const other = join(trees, slugOf("one"));
  const attempts = {
    hook: `${dir}/.git/hooks/post-commit`,
    config: `${dir}/.git/config`,
    own: `${dir}/.git/worktrees/${slugOf("thief")}/config.worktree`,
    state: `${dir}/.git/codex-inbox/policy.json`,
    checkout: `${dir}/src/main.c`,
    home: `${dir}/inbox/stolen.md`,
    neighbour: `${other}/stolen.txt`,
    link: `${trees}/${slugOf("thief")}/.git/x`,
    other: `${trees}/stolen.txt`,
  };
  const before = new Map(Object.values(attempts).map((path) => [path, textOf(path)]));
  const tries = Object.values(attempts).map((path) => `(echo stolen >> ${path}) 2>/dev/null && echo WROTE ${path}`);
  const commits =
    "git config core.hooksPath /tmp 2>/dev/null && echo WROTE hooksPath; git commit --allow-empty -qm x 2>/dev/null && echo WROTE commit";
  workspace.drop(
    "thief/out.md",
    `# Get out\n\n[[sleep 2000]] [[shell: ${tries.join("; ")}; ${commits}; touch inside.txt; echo tried; sleep 0.3]]\n`,
  );
  // The checkout as the folder for temporary files: only what a worktree's runs are kept out of besides closes it.
  const edited = editMeanwhile(join(dir, "untracked.txt"));
  await workspace.serveUntilIdle({ environment: { TMPDIR: dir } });
  const text = edited();

  for (const session of SESSIONS) {
    const task = workspace.results.task(`Work of ${session}`);
    expect(task).toMatchObject({ status: "succeeded", frontMatter: { attempts: 1 } });
    expect(task.result?.changedFiles.map(({ path }) => path)).toEqual([`${session}.txt`]);
    const log = repo.git(
      "log",
      "-p",
      "--format=%s%n%(trailers:key=Task-Id)",
      `codex-inbox/${slugOf(session)}`,
      "--not",
      "main",
    );
    expect(log).toContain(`${session}: Work of ${session} (turn 1)\nTask-Id: ${task.id}`);
    expect(log).toContain("+whole");
  }
  // At the same time: each began before any had ended.
  const times = SESSIONS.map((session) => workspace.results.task(`Work of ${session}`).frontMatter);
  const lastStart = Math.max(...times.map(({ startedAt }) => Date.parse(String(startedAt))));
  expect(Math.min(...times.map(({ endedAt }) => Date.parse(String(endedAt))))).toBeGreaterThan(lastStart);

  expect(outputsOf(workspace, "thief")).toEqual(["tried"]);
  for (const [path, text] of before) expect([path, textOf(path)]).toEqual([path, text]);
  expect(repo.git("log", "-1", "--format=%s", `codex-inbox/${slugOf("thief")}`)).toBe("thief: Get out (turn 1)");
  expect(repo.tryGit("config", "core.hooksPath").stdout).toBe("/dev/null\n");
  expect(besidesOurCommits(repo)).toEqual(state.map(([what, was]) => [what, what === "untracked.txt" ? text : was]));
  expect(repo.git("diff", "--cached", "--name-only")).toBe("src/main.c");
});

function outputsOf({ results }: TestWorkspace, session: string): readonly string[] {
  const entries = results.transcript(session);
  return entries.flatMap(({ body }) => (body.kind === "command" ? [body.output.trim()] : []));
}

function textOf(path: string): string | undefined {
  return existsSync(path) ? readFileSync(path, "utf8") : undefined;
}
