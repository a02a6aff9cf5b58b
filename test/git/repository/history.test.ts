import { expect, it } from "vitest";
import { isCopy } from "../../../src/git/repository/history.ts";
import type { GitRepo } from "../../support/git-repo.ts";
import { tempRepo } from "../../support/temp-repo.ts";

const PATH = "inbox/x.md";

/** Commits the file as written in one and the same second: a script may commit several times in it. */
function add(repo: GitRepo): void {
  repo.write(PATH, "Do it.\n");
  repo.git("add", PATH);
  repo.git("commit", "-q", "--date=2026-11-20T12:00:00Z", "-m", "ask");
}

function remove(repo: GitRepo): void {
  repo.git("rm", "-q", PATH);
  repo.git("commit", "-q", "-m", "taken");
}

it.each<{ name: string; make: (repo: GitRepo) => void; is: boolean }>([
  { name: "the only commit that brought it", make: add, is: false },
  {
    name: "another commit that brings it again after it was removed",
    make(repo) {
      add(repo);
      remove(repo);
      add(repo);
    },
    is: false,
  },
  {
    name: "a cherry-pick of the first one after it was removed: somebody asks again",
    make(repo) {
      add(repo);
      const first = repo.git("rev-parse", "HEAD");
      remove(repo);
      repo.git("cherry-pick", first);
    },
    is: false,
  },
  {
    name: "what was amended since, and comes back with a branch that was made of it before",
    make(repo) {
      add(repo);
      repo.git("branch", "topic");
      repo.git("commit", "-q", "--amend", "-m", "ask, better");
      remove(repo);
      repo.git("merge", "-q", "--no-edit", "topic");
    },
    is: true,
  },
  {
    name: "what was rebased elsewhere, and merged after it was removed",
    make(repo) {
      add(repo);
      repo.git("branch", "topic");
      remove(repo);
      repo.git("switch", "-q", "-c", "other", "main~2");
      repo.git("commit", "-q", "--allow-empty", "-m", "something else");
      repo.git("switch", "-q", "topic");
      repo.git("rebase", "-q", "other");
      repo.git("switch", "-q", "main");
      repo.git("merge", "-q", "--no-edit", "topic");
    },
    is: true,
  },
])("$name: a copy: $is", async ({ make, is }) => {
  const repo = tempRepo();
  make(repo);
  const gitDir = repo.git("rev-parse", "--absolute-git-dir");
  const place = { topDir: repo.dir, gitDir, commonDir: gitDir };
  expect(repo.read(PATH)).toBe("Do it.\n");
  expect(await isCopy(place, "HEAD", PATH)).toBe(is);
});
