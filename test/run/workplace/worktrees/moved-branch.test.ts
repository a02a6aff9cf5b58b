import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { leaseOfRecord } from "../../../../src/run/workplace/worktrees/session-worktrees.ts";
import type { WorktreeRecord } from "../../../../src/store/worktrees/worktree-records.ts";
import type { GitRepo } from "../../../support/git-repo.ts";
import { openSessionTrees, type SessionTrees } from "../../../support/session-trees.ts";
import { tempRepo } from "../../../support/temp-repo.ts";

const TURN = { session: "docs", title: "A turn", task: "20261120-141530-k3f9x2", thread: undefined };

/** The session has made work.txt in its first turn. */
async function worked(): Promise<{ repo: GitRepo; sessions: SessionTrees; record: WorktreeRecord }> {
  const repo = tempRepo();
  repo.write("a.txt", "base\n");
  repo.git("add", "a.txt");
  repo.git("commit", "--quiet", "-m", "a");
  const sessions = openSessionTrees(repo.dir);
  const record = await sessions.worktrees.open("docs", () => true);
  writeFileSync(join(record.dir, "work.txt"), "work\n");
  await sessions.snapshots.after(leaseOfRecord(record), { ...TURN, run: 1 }, Date.now());
  return { repo, sessions, record };
}

/** Merges main, which has changed a.txt, into the branch of the session, and leaves its worktree as it is. */
function mergeOutside(repo: GitRepo, { branch }: WorktreeRecord): string {
  repo.write("a.txt", "of main\n");
  repo.git("commit", "--quiet", "-am", "of main");
  const tree = repo.git("merge-tree", "--write-tree", "main", branch);
  const merge = repo.git("commit-tree", tree, "-p", branch, "-p", "main", "-m", "by hand");
  repo.git("update-ref", `refs/heads/${branch}`, merge);
  return merge;
}

it("where somebody has moved the branch alone its worktree follows, and keeps what is edited there", async () => {
  const { repo, sessions, record } = await worked();
  const merge = mergeOutside(repo, record);
  writeFileSync(join(record.dir, "work.txt"), "edited\n");
  await sessions.snapshots.before(leaseOfRecord(record), { ...TURN, run: 2 });
  expect(readFileSync(join(record.dir, "a.txt"), "utf8")).toBe("of main\n");
  expect(repo.git("rev-parse", `${record.branch}^`)).toBe(merge);
  expect(repo.git("diff", "--name-only", merge, record.branch)).toBe("work.txt");
  expect(repo.git("-C", record.dir, "status", "--porcelain")).toBe("");
});

it("where that does not go together with what is edited nothing is changed, and it is said", async () => {
  const { repo, sessions, record } = await worked();
  const merge = mergeOutside(repo, record);
  writeFileSync(join(record.dir, "a.txt"), "edited\n");
  const begin = (): Promise<void> => sessions.snapshots.before(leaseOfRecord(record), { ...TURN, run: 2 });
  await expect(begin()).rejects.toThrow(/was moved to \w{12} by somebody, .* git -C \S+ reset commits it as it is/);
  const [kept] = await sessions.keeping.tidy({ all: true });
  expect(kept?.why).toContain("was moved to");
  expect([repo.git("rev-parse", record.branch), readFileSync(join(record.dir, "a.txt"), "utf8")]).toEqual([
    merge,
    "edited\n",
  ]);
  repo.git("-C", record.dir, "reset", "--quiet");
  await begin();
  expect(repo.git("show", `${record.branch}:a.txt`)).toBe("edited");
});

it("a branch that somebody sets back by git reset --soft takes no file away", async () => {
  const { repo, sessions, record } = await worked();
  repo.git("-C", record.dir, "reset", "--quiet", "--soft", "HEAD~1");
  await sessions.snapshots.before(leaseOfRecord(record), { ...TURN, run: 2 });
  expect(existsSync(join(record.dir, "work.txt"))).toBe(true);
  expect(repo.git("show", `${record.branch}:work.txt`)).toBe("work");
});

it("no run begins in the middle of somebody's merge: its commit would be half of that", async () => {
  const { repo, sessions, record } = await worked();
  writeFileSync(join(record.dir, "a.txt"), "of the session\n");
  await sessions.snapshots.before(leaseOfRecord(record), { ...TURN, run: 2 });
  repo.write("a.txt", "of main\n");
  repo.git("commit", "--quiet", "-am", "of main");
  expect(() => repo.git("-C", record.dir, "merge", "main")).toThrow();
  const before = repo.git("rev-parse", record.branch);
  const begin = (): Promise<void> => sessions.snapshots.before(leaseOfRecord(record), { ...TURN, run: 3 });
  await expect(begin()).rejects.toThrow(`in the worktree ${record.dir} a merge is in progress (MERGE_HEAD): finish it`);
  expect(repo.git("rev-parse", record.branch)).toBe(before);
  expect(repo.git("-C", record.dir, "status", "--porcelain")).toBe("UU a.txt");
  repo.git("-C", record.dir, "merge", "--abort");
  await begin();
});
