import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openSyncLink, type SyncLink } from "../../../src/git/sync/sync-round.ts";
import { ALWAYS } from "../../support/commit-plans.ts";
import { committerAt } from "../../support/committer-at.ts";
import { type GitRepo, gitRepoAt } from "../../support/git-repo.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { tempRepo } from "../../support/temp-repo.ts";
import { onTestFinished } from "../../support/test-end.ts";
import { waitFor } from "../../support/wait-for.ts";

interface Site {
  readonly here: GitRepo;
  readonly bare: GitRepo;
  readonly other: GitRepo;
  readonly link: SyncLink;
}

async function linkOf(here: GitRepo, sessions = false, onRemote = (): void => undefined): Promise<SyncLink> {
  const branch = await committerAt(here);
  const gitDir = join(here.dir, ".git");
  return openSyncLink({
    ...{ repository: { topDir: here.dir, gitDir, commonDir: gitDir }, prefix: "", branch },
    ...{ localBranch: "main", remoteBranch: "main", remote: "origin" },
    ...{ mergingDir: join(gitDir, "codex-inbox/merging/m"), now: Date.now, random: () => 0 },
    ...{ sessions: () => sessions, mayMove: () => undefined, onRemote },
  });
}

async function site(sessions = false): Promise<Site> {
  const here = tempRepo();
  const base = tempDir();
  const [bare, other] = [gitRepoAt(join(base, "bare.git")), gitRepoAt(join(base, "other"))];
  here.git("clone", "--quiet", "--bare", here.dir, bare.dir);
  here.git("remote", "add", "origin", bare.dir);
  here.git("clone", "--quiet", bare.dir, other.dir);
  for (const setting of ["user.name=Other", "user.email=other@example.org"])
    other.git("config", ...(setting.split("=", 2) as [string, string]));
  return { here, bare, other, link: await linkOf(here, sessions) };
}

function push({ other }: Site, path: string, text: string): string {
  other.write(path, text);
  other.git("add", "--all");
  other.git("commit", "--quiet", "-m", path);
  other.git("pull", "--quiet", "--no-rebase", "--no-edit");
  other.git("push", "--quiet");
  return other.git("rev-parse", "HEAD");
}

/** A user who adds and commits, with pauses of `pauseMs`, until `leave` or the end of the test. */
function userAt(repo: GitRepo, pauseMs: number) {
  const gone = join(tempDir(), "gone");
  const turn = `echo $n > mine.txt && git add mine.txt && git commit --quiet -m "mine $n"`;
  const line = `n=0; until test -e ${gone}; do n=$((n+1)); ${turn}; sleep ${pauseMs / 1_000}; done`;
  const child = spawn("sh", ["-c", line], { cwd: repo.dir, stdio: ["ignore", "ignore", "pipe"] });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  onTestFinished(async () => {
    child.kill();
    await ended;
  });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  return {
    failures: () => said,
    /** Resolves after the last commit. */
    async leave(): Promise<void> {
      writeFileSync(gone, "");
      await ended;
    },
  };
}

describe("a user who commits every moment", () => {
  it("keeps the branch neither from following the remote nor from being sent", { timeout: 60_000 }, async () => {
    const place = await site();
    const { here, bare, link } = place;
    const user = userAt(here, 400);
    for (const n of [1, 2]) {
      const theirs = push(place, `theirs-${n}.txt`, `${n}\n`);
      await waitFor(() => here.tryGit("log", "--grep=^mine", "main", "--format=%s", "-1").stdout !== "", {
        what: "commits of the user",
      });
      const outcome = await link.round(ALWAYS);
      expect(outcome).toMatchObject({ inTheWay: undefined, refused: undefined, moved: true });
      expect(here.tryGit("merge-base", "--is-ancestor", theirs, "main").status).toBe(0);
      expect(bare.git("log", "--format=%s", "main")).toMatch(/^mine/m);
    }
    await user.leave(); // A commit beside fsck is missing for it: it lists the objects before it reads the branch.
    expect(user.failures()).toBe("");
    expect(here.git("fsck", "--no-dangling")).toBe("");
  });
});

describe("branches of sessions and recorded changes", () => {
  const refs = (repo: GitRepo): readonly string[] =>
    repo
      .git(
        "for-each-ref",
        "--format=%(refname)",
        "refs/heads/codex-inbox",
        "refs/codex-inbox/turns",
        "refs/codex-inbox/held",
      )
      .split("\n");
  const [SESSION, TURN, HELD] = [
    "refs/heads/codex-inbox/docs",
    "refs/codex-inbox/turns/t1/1",
    "refs/codex-inbox/held/docs",
  ];

  it("travel where the setting says so, held ones never; a clone that is new brings them, once", async () => {
    const { here, bare, other, link } = await site(true);
    const change = here.git("commit-tree", "HEAD^{tree}", "-p", "HEAD", "-m", "a change");
    for (const ref of [SESSION, TURN, HELD]) here.git("update-ref", ref, change);
    await link.round(ALWAYS);
    expect(refs(bare)).toEqual([TURN, SESSION]);
    // It goes on there, and what was sent once more is the same.
    const more = here.git("commit-tree", "HEAD^{tree}", "-p", change, "-m", "more");
    here.git("update-ref", SESSION, more);
    await link.round(ALWAYS);
    expect(bare.git("rev-parse", SESSION)).toBe(more);

    const theirs = await linkOf(other, true);
    await theirs.round(ALWAYS);
    expect(refs(other)).toEqual([TURN, SESSION]);
    expect(other.git("rev-parse", SESSION, TURN)).toBe(`${more}\n${change}`);
    expect(refs(here)).toEqual([HELD, TURN, SESSION]);
    // What was removed there stays away as long as anything is left.
    other.git("update-ref", "-d", SESSION);
    await (await linkOf(other, true)).round(ALWAYS);
    expect(refs(other)).toEqual([TURN]);
  });

  it("stay here without it", async () => {
    const { here, bare, link } = await site();
    here.git("update-ref", SESSION, "HEAD");
    here.git("update-ref", TURN, "HEAD");
    expect(await link.round(ALWAYS)).toMatchObject({ inTheWay: undefined, refused: undefined });
    expect(refs(bare)).toEqual([""]);
  });
});

describe("a push that somebody else was faster than", () => {
  async function raced(times: number) {
    const place = await site();
    const { here, bare, other } = place;
    let pushes = 0;
    // Told after each fetch, and after a push that was accepted.
    const link = await linkOf(here, false, () => {
      if (pushes === times) return;
      pushes += 1;
      push(place, `theirs-${pushes}.txt`, "theirs\n");
    });
    here.write("mine.txt", "mine\n");
    here.git("add", "--all");
    here.git("commit", "--quiet", "-m", "mine");
    return { here, bare, other, link, outcome: await link.round(ALWAYS) };
  }

  it("is fetched, merged and made again", async () => {
    const { here, bare, outcome } = await raced(2);
    expect(outcome).toEqual({
      ahead: 0,
      behind: 0,
      inTheWay: undefined,
      refused: undefined,
      moved: true,
      pushed: true,
    });
    expect(bare.git("rev-parse", "main")).toBe(here.git("rev-parse", "main"));
    expect(here.git("ls-files")).toBe("README.md\nmine.txt\nsrc/main.c\ntheirs-1.txt\ntheirs-2.txt");
    expect(here.git("status", "--porcelain")).toBe("");
  });

  it("is left to the next round after six times, and this is said", { timeout: 60_000 }, async () => {
    const { here, other, link, outcome } = await raced(6);
    expect(outcome.inTheWay?.why).toBe("the branch moves faster than it can be merged, here or there");
    expect(await link.round(ALWAYS)).toMatchObject({ ahead: 0, behind: 0, inTheWay: undefined });
    other.git("pull", "--quiet", "--no-rebase", "--no-edit");
    expect(other.git("rev-parse", "HEAD")).toBe(here.git("rev-parse", "main"));
  });
});
