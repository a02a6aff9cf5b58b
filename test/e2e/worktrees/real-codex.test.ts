import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { slugOf } from "../../../src/run/workplace/worktrees/session-worktrees.ts";
import { realCodex } from "../../support/real-codex.ts";
import { tempWorkspace } from "../../support/workspace.ts";

const SESSIONS = ["one", "two", "three", "four"] as const;

/** All of it lies below a folder for temporary files, which codex's sandbox lets commands write to. */
it("four sessions side by side, each of which would fail for what another has half done, and one that tries to get out", async () => {
  const codex = await realCodex();
  const workspace = await tempWorkspace({ codex });
  const { repo, dir } = workspace;
  workspace.commitSettings({ workplace: "session", maxWorkers: 5, worktree: { freeBytes: 0 } });
  // Fails where anybody has begun a file and not ended it.
  const verifyCommand = "! grep -rl HALF --include=*.part .";
  for (const session of SESSIONS) {
    const work = `[[write ${session}.part: HALF]] [[sleep 1500]] [[shell: mv ${session}.part ${session}.txt; echo whole > ${session}.txt]]`;
    workspace.drop(
      `${session}/work.md`,
      `---\nverifyCommand: ${JSON.stringify(verifyCommand)}\n---\n# Work of ${session}\n\n${work}\n`,
    );
  }
  const trees = join(dir, "../repo-inbox-trees");
  const other = join(trees, slugOf("one"));
  const attempts = {
    hook: `${dir}/.git/hooks/post-commit`,
    config: `${dir}/.git/config`,
    own: `${dir}/.git/worktrees/${slugOf("thief")}/config.worktree`,
    state: `${dir}/.git/codex-inbox/policy.json`,
    checkout: `${dir}/src/main.c`,
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
  await workspace.serveUntilIdle({ environment: { TMPDIR: dir } });

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

  const outputs = workspace.results
    .transcript("thief")
    .flatMap(({ body }) => (body.kind === "command" ? [body.output.trim()] : []));
  expect(outputs).toEqual(["tried"]);
  for (const [path, text] of before) expect([path, textOf(path)]).toEqual([path, text]);
  expect(repo.git("log", "-1", "--format=%s", `codex-inbox/${slugOf("thief")}`)).toBe("thief: Get out (turn 1)");
  expect(repo.tryGit("config", "core.hooksPath").stdout).toBe("/dev/null\n");
  expect(repo.git("status", "--porcelain", "--untracked-files=no")).toBe("");
});

function textOf(path: string): string | undefined {
  return existsSync(path) ? readFileSync(path, "utf8") : undefined;
}
