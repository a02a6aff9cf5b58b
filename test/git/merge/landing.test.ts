import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type Landing, landBranch } from "../../../src/git/merge/landing.ts";
import { createMerger } from "../../../src/git/merge/merger.ts";
import { createConfiguredPrograms } from "../../../src/git/repository/configured-programs.ts";
import type { GitRepo } from "../../support/git-repo.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { tempRepo } from "../../support/temp-repo.ts";

const BRANCH = "codex-inbox/docs-1a2b3c";

interface Site {
  readonly repo: GitRepo;
  land(): Promise<Landing>;
  head(ref?: string): string;
}

/** A session's branch with one commit, made while `main` is checked out. */
function site(files: Readonly<Record<string, string>> = { "docs.txt": "written\n" }): Site {
  const repo = tempRepo();
  repo.write("docs.txt", "old\n");
  repo.git("add", "-A");
  repo.git("commit", "-q", "-m", "docs");
  repo.git("checkout", "-q", "-b", BRANCH);
  for (const [path, text] of Object.entries(files)) repo.write(path, text);
  repo.git("add", "-A");
  repo.git("commit", "-q", "-m", "a turn");
  repo.git("checkout", "-q", "main");
  const gitDir = join(repo.dir, ".git");
  const checkout = { topDir: repo.dir, gitDir, commonDir: gitDir };
  const merger = createMerger(checkout, join(tempDir(), "merging"));
  const deps = { checkout, merger, programs: createConfiguredPrograms(), now: () => 1_700_000_000_000 };
  return {
    repo,
    head: (ref = "HEAD") => repo.git("rev-parse", ref).trim(),
    land: () => landBranch(deps, BRANCH, "docs-1a2b3c", "Land docs\n"),
  };
}

describe("landing a session's branch", () => {
  it("merges it into the branch that is checked out, with that as first parent, and moves the checkout", async () => {
    const { repo, land, head } = site();
    const before = [head(), head(BRANCH)];
    expect(await land()).toMatchObject({ state: "landed", branch: BRANCH, target: "main", head: before[1] });
    expect(repo.git("log", "-1", "--format=%P", "main").trim().split(" ")).toEqual(before);
    expect(readFileSync(join(repo.dir, "docs.txt"), "utf8")).toBe("written\n");
    expect(repo.git("status", "--porcelain")).toBe("");
    expect(repo.git("for-each-ref", "refs/codex-inbox/")).toBe("");
    expect(await land()).toEqual({ state: "nothing", branch: BRANCH, target: "main" });
  });

  it.each<{ name: string; prepare: (repo: GitRepo) => void; why: RegExp }>([
    {
      name: "changes that are not committed",
      prepare: (repo) => repo.write("README.md", "mine\n"),
      why: /not committed/,
    },
    { name: "a file in the way", prepare: (repo) => repo.write("new.txt", "mine\n"), why: /untracked|overwritten/ },
    {
      name: "a file in the way that git ignores",
      prepare(repo) {
        repo.write(".git/info/exclude", "new.txt\n");
        repo.write("new.txt", "mine\n");
      },
      why: /untracked|overwritten/,
    },
    {
      name: "a filter that would have to run",
      prepare: (repo) => repo.git("config", "filter.crypt.smudge", "cat"),
      why: /filters/,
    },
  ])("leaves the checkout as it is beside $name, and says the command that moves it", async ({ prepare, why }) => {
    const { repo, land, head } = site({ "docs.txt": "written\n", "new.txt": "theirs\n" });
    prepare(repo);
    const before = [head(), repo.git("status", "--porcelain"), readFileSync(join(repo.dir, ".git/index"))];
    const landing = await land();
    if (landing.state !== "ready") throw new Error(`it is ${landing.state}`);
    expect(landing.why).toMatch(why);
    expect(landing.command).toBe(
      `git -C ${repo.dir} merge --ff-only --no-overwrite-ignore ${landing.commit.slice(0, 12)}`,
    );
    expect([head(), repo.git("status", "--porcelain"), readFileSync(join(repo.dir, ".git/index"))]).toEqual(before);
    expect(head("refs/codex-inbox/landing/docs-1a2b3c")).toBe(landing.commit);
    repo.git("clean", "-fdxq");
    repo.git("checkout", "-q", ".");
    repo.git("merge", "-q", "--ff-only", landing.commit.slice(0, 12));
    expect(await land()).toMatchObject({ state: "nothing" });
    expect(repo.git("for-each-ref", "refs/codex-inbox/")).toBe("");
  });

  it("names what conflicts, and changes nothing", async () => {
    const { repo, land, head } = site();
    repo.write("docs.txt", "mine\n");
    repo.git("commit", "-q", "-a", "-m", "mine");
    const before = head();
    expect(await land()).toMatchObject({
      state: "conflict",
      conflicts: ["docs.txt"],
      onto: before,
      head: head(BRANCH),
    });
    expect(head()).toBe(before);
    expect(repo.git("status", "--porcelain")).toBe("");
  });

  it("is refused where no branch is checked out, and where there is none to land", async () => {
    const { repo, land } = site();
    repo.git("checkout", "-q", "--detach");
    await expect(land()).rejects.toThrow(/no branch checked out/);
    repo.git("checkout", "-q", "main");
    repo.git("branch", "-q", "-D", BRANCH);
    await expect(land()).rejects.toThrow(`there is no branch ${BRANCH}`);
  });
});
