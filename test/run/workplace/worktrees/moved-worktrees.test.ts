import { execSync } from "node:child_process";
import { existsSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { type OpenedTree, openedTree } from "../../../support/opened-tree.ts";

/** A worktree with a commit and something that is in none. */
async function worked(): Promise<OpenedTree> {
  const tree = await openedTree();
  tree.write("made.txt", "committed\n");
  await tree.commit();
  tree.write("loose.txt", "in no commit\n");
  return tree;
}

const textAt = (...path: readonly string[]): string => readFileSync(join(...path), "utf8");

it("a worktree that somebody has deleted is made again from its branch, by git's command or not", async () => {
  const { repo, record, open } = await worked();
  rmSync(record.dir, { recursive: true });
  expect(await open()).toMatchObject({ state: "ready", dir: record.dir });
  expect(textAt(record.dir, "made.txt")).toBe("committed\n");
  repo.git("worktree", "remove", "-f", "-f", record.dir);
  expect(await open()).toMatchObject({ state: "ready", dir: record.dir });
  expect(textAt(record.dir, "made.txt")).toBe("committed\n");
});

it("one whose folder was moved by hand is made again, and git in the moved one touches nothing of the new one", async () => {
  const { repo, record, open, git } = await worked();
  const away = `${record.dir}-away`;
  renameSync(record.dir, away);
  await open();
  expect(textAt(record.dir, "made.txt")).toBe("committed\n");
  expect(textAt(away, "loose.txt")).toBe("in no commit\n");
  expect(repo.tryGit("-C", away, "status").stderr).toContain("not a git repository");
  expect(git("status", "--porcelain")).toBe("");
});

it("one that was moved by git's command stays there: its task is told how it comes back, and parking too", async () => {
  const { repo, record, open, park } = await worked();
  const away = `${record.dir} away`;
  repo.git("worktree", "move", "-f", "-f", record.dir, away);
  const refused = await open().then(String, String);
  expect(refused).toMatch(
    /the worktree \S+ was moved to .* away; move it back: git -C \S+ worktree move -f -f '.* away' \S+$/,
  );
  expect(await park()).toBe(refused.replace(/^\w+: /, ""));
  execSync(refused.slice(refused.indexOf("git -C")));
  expect(await open()).toMatchObject({ state: "ready", dir: record.dir });
  expect(textAt(record.dir, "loose.txt")).toBe("in no commit\n");
});

it("one whose .git file is gone is not touched until it is repaired", async () => {
  const { sessions, record, open, park, git } = await worked();
  rmSync(join(record.dir, ".git"));
  await expect(open()).rejects.toThrow(/"codex-inbox worktree repair docs" tells git, or move it away/);
  expect(await park()).toBe(`git does not know ${record.dir}`);
  await sessions.trees.repair(record.dir);
  expect(await open()).toMatchObject({ state: "ready" });
  expect(git("status", "--porcelain")).toBe("?? loose.txt");
});

it("one that git has forgotten is not touched: it can be moved away, and is made again then", async () => {
  const { repo, sessions, record, open, park } = await worked();
  rmSync(join(repo.dir, ".git/worktrees", record.slug), { recursive: true });
  await expect(open()).rejects.toThrow(/or move it away/);
  expect(await park()).toBe(`git does not know ${record.dir}`);
  await expect(sessions.trees.repair(record.dir)).rejects.toThrow(/move that folder away, then another one is made/);
  expect(sessions.worktrees.repository(record)).toBeUndefined();
  expect(textAt(record.dir, "loose.txt")).toBe("in no commit\n");
  renameSync(record.dir, `${record.dir}-away`);
  await open();
  expect(textAt(record.dir, "made.txt")).toBe("committed\n");
  expect(existsSync(join(record.dir, "loose.txt"))).toBe(false);
});
