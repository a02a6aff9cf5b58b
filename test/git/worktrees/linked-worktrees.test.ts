import { existsSync, mkdirSync, readdirSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  type LinkedWorktrees,
  openLinkedWorktrees,
  type WorktreePlan,
} from "../../../src/git/worktrees/linked-worktrees.ts";
import type { GitRepo } from "../../support/git-repo.ts";
import { startLineProcess } from "../../support/line-process.ts";
import { seededRandom, testSeed } from "../../support/seeded-random.ts";
import { tempRepo } from "../../support/temp-repo.ts";
import { workUntil } from "../../support/user-beside.ts";

function open({ dir }: GitRepo): LinkedWorktrees {
  const repository = { topDir: dir, gitDir: join(dir, ".git"), commonDir: join(dir, ".git") };
  return openLinkedWorktrees({ repository, trashDir: join(dir, ".git/trash"), environment: async () => ({}) });
}

function plan(repo: GitRepo, slug: string, more: Partial<WorktreePlan> = {}): WorktreePlan {
  return {
    dir: join(dirname(repo.dir), "trees", slug),
    branch: `refs/heads/codex-inbox/${slug}`,
    base: repo.git("rev-parse", "main"),
    reason: `a test of ${slug}`,
    sparse: [],
    ...more,
  };
}

/** What git lists beside the main worktree. */
function listed(repo: GitRepo): readonly string[] {
  const lines = repo.git("worktree", "list", "--porcelain").split("\n");
  return lines.filter((line) => line.startsWith("worktree ")).slice(1);
}

describe("a linked worktree", () => {
  it("is made locked, on a new branch without an upstream, and no hook runs", async () => {
    const repo = tempRepo();
    const hooks = join(repo.dir, "hooks");
    repo.write("hooks/post-checkout", "#!/bin/sh\ntouch hooked\n");
    repo.git("config", "core.hooksPath", hooks);
    repo.tryGit("update-index", "--chmod=+x", "hooks/post-checkout");
    const trees = open(repo);
    const one = plan(repo, "docs-1");
    const made = await trees.add(one);
    expect(made).toEqual({
      topDir: one.dir,
      gitDir: join(repo.dir, ".git/worktrees/docs-1"),
      commonDir: join(repo.dir, ".git"),
    });
    expect(trees.find(one.dir)).toEqual(made);
    const { name, topDir, lock, branch } = trees.list()[0] ?? {};
    expect({ name, topDir, lock, branch }).toEqual({
      ...{ name: "docs-1", topDir: one.dir, lock: "a test of docs-1", branch: one.branch },
    });
    expect(readdirSync(one.dir).sort()).toEqual([".git", "README.md", "src"]);
    expect(repo.tryGit("config", "branch.codex-inbox/docs-1.remote").status).toBe(1);
    expect(existsSync(join(one.dir, "hooked"))).toBe(false);
  });

  it("that is forgotten is made again on its branch, with what was committed there", async () => {
    const repo = tempRepo();
    const trees = open(repo);
    const one = plan(repo, "docs-1");
    const made = await trees.add(one);
    const tree = repo.git("rev-parse", "main^{tree}");
    const commit = repo.git("commit-tree", tree, "-p", "main", "-m", "more");
    repo.git("update-ref", one.branch, commit);
    renameSync(one.dir, `${one.dir}-away`);
    await trees.forget(one.dir);
    expect(trees.list()).toEqual([]);
    expect(await trees.add(one)).toEqual(made);
    expect(repo.git("-C", one.dir, "rev-parse", "HEAD")).toBe(commit);
  });

  it("is refused where something lies in the way, or its branch is checked out, and leaves nothing behind", async () => {
    const repo = tempRepo();
    const trees = open(repo);
    const one = plan(repo, "docs-1");
    mkdirSync(one.dir, { recursive: true });
    await expect(trees.add(one)).rejects.toThrow("is there already; move it away");
    repo.git("switch", "--quiet", "-c", "codex-inbox/docs-2");
    const two = plan(repo, "docs-2");
    await expect(trees.add(two)).rejects.toThrow(/already checked out at .*switch that one to another branch/);
    expect(existsSync(two.dir)).toBe(false);
    expect(trees.list()).toEqual([]);
  });

  it("holds the folders of its cone alone", async () => {
    const repo = tempRepo();
    repo.write("docs/a.md", "a\n");
    repo.git("add", "--all");
    repo.git("commit", "--quiet", "-m", "docs");
    const one = plan(repo, "docs-1", { sparse: ["docs"] });
    await open(repo).add(one);
    expect(readdirSync(one.dir).sort()).toEqual([".git", "README.md", "docs"]);
    expect(repo.git("-C", one.dir, "status", "--porcelain")).toBe("");
  });

  it("that was moved is found again by its new place", async () => {
    const repo = tempRepo();
    const trees = open(repo);
    const one = plan(repo, "docs-1");
    await trees.add(one);
    renameSync(one.dir, `${one.dir}-moved`);
    expect(trees.find(one.dir)).toBeUndefined();
    await trees.repair(`${one.dir}-moved`);
    expect(trees.find(`${one.dir}-moved`)?.topDir).toBe(`${one.dir}-moved`);
  });
});

it("fifty are made at once, each whole, and no command of the user's beside them fails", async () => {
  const repo = tempRepo();
  const trees = open(repo);
  const plans = Array.from({ length: 50 }, (_, number) => plan(repo, `s-${number}`));
  let isOver = false;
  const user = workUntil(repo, () => isOver);
  const made = await Promise.all(plans.map(trees.add));
  isOver = true;
  const { commands, failures } = await user;
  expect(made.map(({ topDir }) => topDir)).toEqual(plans.map(({ dir }) => dir));
  expect(listed(repo)).toHaveLength(50);
  expect(failures).toEqual([]);
  expect(commands).toBeGreaterThan(5);
});

describe("what a kill leaves of a worktree", () => {
  /** States of a git that was killed, as they were seen. */
  it.each<{ name: string; leave: (repo: GitRepo, one: WorktreePlan) => void }>([
    {
      name: "a locked git directory without a path",
      leave(repo) {
        repo.write(".git/worktrees/docs-1/locked", "initializing\n");
        repo.write(".git/worktrees/docs-1/gitdir", "");
      },
    },
    {
      name: "a folder with some of the files, and a branch",
      leave(repo, one) {
        repo.git(
          "worktree",
          "add",
          "--quiet",
          "--lock",
          "--reason",
          "initializing",
          "-b",
          "codex-inbox/docs-1",
          one.dir,
        );
        repo.git("-C", one.dir, "update-index", "--force-remove", "README.md");
      },
    },
    {
      name: "a folder without a git directory",
      leave(_repo, one) {
        mkdirSync(one.dir, { recursive: true });
        writeFileSync(join(one.dir, "half.txt"), "half");
      },
    },
    {
      name: "the lock of its branch",
      leave(repo) {
        repo.write(".git/refs/heads/codex-inbox/docs-1.lock", "");
      },
    },
  ])("$name: is cleared, and it can be made", async ({ leave }) => {
    const repo = tempRepo();
    const trees = open(repo);
    const one = plan(repo, "docs-1");
    leave(repo, one);
    expect(trees.find(one.dir)).toBeUndefined();
    await trees.clear(one.dir);
    expect(trees.list()).toEqual([]);
    await trees.add(one);
    expect(repo.git("-C", one.dir, "status", "--porcelain", "--branch")).toBe("## codex-inbox/docs-1");
  });

  it("at any moment: is cleared, and it can be made", async () => {
    const repo = tempRepo();
    for (let file = 0; file < 200; file += 1) repo.write(`many/${file}.txt`, `${file}\n`.repeat(50));
    repo.git("add", "--all");
    repo.git("commit", "--quiet", "-m", "many");
    const trees = open(repo);
    const seed = testSeed("worktree kills");
    const rounds = Number(process.env.KILL_ROUNDS ?? 3);
    let killed = 0;
    for (let round = 0; round < rounds; round += 1) {
      const one = plan(repo, `k-${round}`);
      const child = startLineProcess("worktree-process.ts", { args: [repo.dir] });
      const made = child.ask(`${one.dir} ${one.branch} ${one.base}`).then(
        () => true,
        () => false,
      );
      const afterMs = seededRandom(seed, round).below(25);
      while (!existsSync(join(repo.dir, `.git/worktrees/k-${round}`))) await new Promise(setImmediate);
      const untilMs = performance.now() + afterMs;
      while (performance.now() < untilMs) await new Promise(setImmediate);
      process.kill(child.pid, "SIGKILL");
      if (!(await made)) killed += 1;
      await trees.clear(one.dir);
      await trees.add(one);
      expect(repo.git("-C", one.dir, "status", "--porcelain", "--branch")).toBe(`## codex-inbox/k-${round}`);
    }
    expect(listed(repo)).toHaveLength(rounds);
    expect(killed).toBeGreaterThan(0);
  });
});
