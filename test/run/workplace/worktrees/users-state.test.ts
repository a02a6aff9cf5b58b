import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { landBranch } from "../../../../src/git/merge/landing.ts";
import { createMerger } from "../../../../src/git/merge/merger.ts";
import { createConfiguredPrograms } from "../../../../src/git/repository/configured-programs.ts";
import { openedTree } from "../../../support/opened-tree.ts";
import { tempDir } from "../../../support/temp-dir.ts";
import { makeUsersState, usersState } from "../../../support/worktree-kills.ts";

it("what a user has staged, changed, stashed and left untracked is the same byte for byte while a worktree is made, worked in, parked, made again and landed", async () => {
  const tree = await openedTree((made) => {
    makeUsersState(made);
    made.git("status"); // Nothing of the index is out of date.
  });
  const { repo, record, write, commit, park, open } = tree;
  const before = usersState(repo);
  write("made.txt", "one\n");
  await commit();
  expect(await park()).toBeUndefined();
  expect(existsSync(record.dir)).toBe(false);
  await open();
  write("README.md", "changed by the agent\n");
  await commit(2);
  const checkout = { topDir: repo.dir, gitDir: join(repo.dir, ".git"), commonDir: join(repo.dir, ".git") };
  const parts = { checkout, merger: createMerger(checkout, join(tempDir(), "merging")) };
  const deps = { ...parts, programs: createConfiguredPrograms(), now: Date.now };
  const landing = await landBranch(deps, record.branch, record.slug, "land it");
  expect(landing).toMatchObject({ state: "ready", why: "it has changes that are not committed" });
  expect([...usersState(repo)]).toEqual([...before]);
  repo.git("stash", "--quiet", "--include-untracked");
  expect(await landBranch(deps, record.branch, record.slug, "land it")).toMatchObject({ state: "landed" });
  repo.git("stash", "pop", "--quiet", "--index");
  // The index and the branch have moved, as was asked for; what the user had is on top of that.
  for (const path of ["src/main.c", "untracked.txt"]) expect([path, repo.read(path)]).toEqual([path, before.get(path)]);
  expect(repo.git("diff", "--cached", "--name-only")).toBe("src/main.c");
  expect(repo.git("stash", "list", "--format=%gs")).toMatch(/^WIP on main/);
});
