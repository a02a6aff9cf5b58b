import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { createCommitEdits } from "../../../../src/run/workplace/worktrees/session-edits.ts";
import { leaseOfRecord } from "../../../../src/run/workplace/worktrees/session-worktrees.ts";
import { openSessionTrees, type SessionTrees } from "../../../support/session-trees.ts";
import { tempRepo } from "../../../support/temp-repo.ts";

const free = (): undefined => undefined;

function editsOf(sessions: SessionTrees): ReturnType<typeof createCommitEdits> {
  return createCommitEdits({ ...sessions, home: undefined });
}

it("what somebody has edited in a worktree is a commit of its own, marked so, and what is left out is named", async () => {
  const repo = tempRepo();
  const sessions = openSessionTrees(repo.dir);
  const { dir, branch } = await sessions.worktrees.open("docs", () => true);
  const commit = editsOf(sessions);
  expect(await commit("docs", free)).toEqual({ edited: null, left: null });
  writeFileSync(join(dir, "mine.txt"), "mine\n");
  writeFileSync(join(dir, "key.txt"), "SECRET\n");
  const { edited, left } = await commit("docs", free);
  expect(repo.git("rev-parse", branch)).toBe(edited);
  expect(repo.git("log", "-1", "--format=%(trailers:key=Author-Kind,valueonly)", branch)).toContain("outside");
  expect(repo.git("show", "--format=", "--name-only", branch)).toBe("mine.txt");
  expect(left).toMatch(/^in no commit: key\.txt \(.*secret/);
  expect((await commit("docs", free)).edited).toBeNull();
});

it("nothing is committed where something else goes on in a worktree, and what is left there is said", async () => {
  const repo = tempRepo();
  const sessions = openSessionTrees(repo.dir);
  const commit = editsOf(sessions);
  expect(await commit("docs", () => "never asked")).toEqual({ edited: null, left: null });
  const record = await sessions.worktrees.open("docs", () => true);
  const before = repo.git("rev-parse", record.branch);
  writeFileSync(join(record.dir, "mine.txt"), "mine\n");
  const leftBy = async (obstacle: () => string | undefined): Promise<string> => {
    const { edited, left } = await commit("docs", obstacle);
    expect([edited, repo.git("rev-parse", record.branch)]).toEqual([null, before]);
    return String(left).replace(`what has changed in ${record.dir} and is in no commit yet: `, "");
  };
  expect(await leftBy(() => "t1 is under way there")).toBe("t1 is under way there");
  // A run that begins while another use of the worktree is waited for.
  let asked = 0;
  expect(await leftBy(() => (++asked > 1 ? "t2 is under way there" : undefined))).toBe("t2 is under way there");
  repo.git("-C", record.dir, "switch", "--quiet", "-c", "elsewhere");
  expect(await leftBy(free)).toBe("it is on elsewhere");
  repo.git("-C", record.dir, "switch", "--quiet", "--detach", before);
  expect(await leftBy(free)).toBe("it is on no branch");
  repo.git("-C", record.dir, "switch", "--quiet", record.branch);
  writeFileSync(join(repo.dir, ".git/worktrees", record.slug, "MERGE_HEAD"), `${before}\n`);
  expect(await leftBy(free)).toMatch(/^a merge is in progress/);
});

it("a merge that a task has to settle stays for it", async () => {
  const repo = tempRepo();
  const sessions = openSessionTrees(repo.dir);
  const record = await sessions.worktrees.open("docs", () => true);
  repo.write("README.md", "theirs\n");
  repo.git("commit", "--quiet", "-am", "theirs");
  await sessions.snapshots.merge(leaseOfRecord(record), "20261120-141530-k3f9x2");
  const { edited, left } = await editsOf(sessions)("docs", free);
  expect(edited).toBeNull();
  expect(left).toMatch(/a merge lies there that is not settled$/);
  expect(sessions.records.find("docs")?.merging).toBeDefined();
});
