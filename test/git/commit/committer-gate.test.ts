import { existsSync, mkdirSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Branch } from "../../../src/git/branch.ts";
import type { CommitReport } from "../../../src/task/records/commit-plan.ts";
import { ALWAYS, result } from "../../support/commit-plans.ts";
import { committerAt } from "../../support/committer-at.ts";
import { type GitRepo, gitRepoAt } from "../../support/git-repo.ts";
import { startOther } from "../../support/other-git.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { tempRepo } from "../../support/temp-repo.ts";
import { waitFor } from "../../support/wait-for.ts";

interface Waiting {
  readonly done: Promise<CommitReport>;
}

/** Starts committing the result of `id`, and returns once the committer says that it waits because of `reason`. */
async function commitThatWaits(committer: Branch, id: string, reason: RegExp): Promise<Waiting> {
  const done = committer.commit([result(id)], ALWAYS);
  done.catch(() => undefined); // It is rejected when a test that failed closes the committer.
  await waitFor(() => committer.waiting() !== undefined, { what: "the committer to wait" });
  expect(committer.waiting()).toEqual({ reason: expect.stringMatching(reason), sinceMs: expect.any(Number) });
  return { done };
}

async function expectLanded(repo: GitRepo, committer: Branch, { done }: Waiting): Promise<void> {
  const { tip } = await done;
  expect(repo.git("rev-parse", "main")).toBe(tip);
  expect(committer.waiting()).toBeUndefined();
  expect(repo.git("status", "--porcelain")).toBe("");
  expect(repo.git("fsck", "--no-dangling")).toBe("");
}

/** A repository with a result in it, and a branch "topic" that conflicts with `main` in README.md. */
async function repoWithTopic(): Promise<{ readonly repo: GitRepo; readonly committer: Branch }> {
  const repo = tempRepo();
  repo.git("switch", "-q", "-c", "topic");
  repo.write("README.md", "# Topic\n");
  repo.git("commit", "-q", "-a", "-m", "topic");
  repo.git("switch", "-q", "main");
  repo.write("README.md", "# Main\n");
  repo.git("commit", "-q", "-a", "-m", "main");
  const committer = await committerAt(repo);
  await committer.commit([result("t1")], ALWAYS);
  return { repo, committer };
}

describe("while HEAD is elsewhere only the branch moves", () => {
  it.each([
    ["on another branch", "topic"],
    ["detached", "--detach"],
  ])("%s", async (_name, target) => {
    const { repo, committer } = await repoWithTopic();
    repo.git("switch", "-q", target);
    const files = repo.git("ls-files", "-s");
    expect(await committer.headIsOurs()).toBe(false);
    const { tip } = await committer.commit([result("t2"), result("t3")], ALWAYS);
    expect(repo.git("rev-parse", "main")).toBe(tip);
    expect(repo.git("ls-files", "-s")).toBe(files);
    expect(repo.git("status", "--porcelain")).toBe("");
    expect(repo.git("log", "-g", "-1", "--format=%gs", "main")).toBe("codex-inbox: docs: t3");
    expect(repo.git("log", "-g", "-1", "--format=%gs", "HEAD")).not.toContain("codex-inbox");
    repo.git("switch", "-q", "main");
    expect(repo.read("tasks.md")).toBe("| t1 | succeeded |\n| t2 | succeeded |\n| t3 | succeeded |\n");
    await committer.commit([result("t4")], ALWAYS);
    expect(repo.git("status", "--porcelain")).toBe("");
  });

  it("but not while a reset's leftovers of ours would bar the way back", async () => {
    const { repo, committer } = await repoWithTopic();
    repo.git("branch", "other", "main~1");
    repo.git("reset", "-q", "--mixed", "main~1");
    repo.git("switch", "-q", "other");
    const waiting = await commitThatWaits(committer, "t1", /left in the work tree of another branch/);
    repo.git("switch", "-q", "main");
    await expectLanded(repo, committer, waiting);
  });
});

describe("while the user is in the middle of something it waits, and commits afterwards", () => {
  it.each<{ name: string; begin: readonly string[]; reason: RegExp; finish: readonly (readonly string[])[] }>([
    {
      name: "a merge that is finished",
      begin: ["merge", "-q", "topic"],
      reason: /a merge is in progress/,
      finish: [
        ["add", "README.md"],
        ["commit", "-q", "--no-edit"],
      ],
    },
    {
      name: "a merge that is given up",
      begin: ["merge", "-q", "topic"],
      reason: /merge/,
      finish: [["merge", "--abort"]],
    },
    {
      name: "a cherry-pick",
      begin: ["cherry-pick", "topic"],
      reason: /cherry-pick/,
      finish: [
        ["add", "README.md"],
        ["commit", "-q", "--no-edit"],
      ],
    },
    { name: "a revert", begin: ["revert", "--no-edit", "main~2"], reason: /revert/, finish: [["revert", "--abort"]] },
    { name: "a rebase", begin: ["rebase", "-q", "topic"], reason: /rebase/, finish: [["rebase", "--abort"]] },
    { name: "a bisection", begin: ["bisect", "start"], reason: /bisection/, finish: [["bisect", "reset"]] },
    {
      name: "a conflict of a stash",
      begin: ["stash", "apply", "-q"],
      reason: /unmerged paths/,
      finish: [
        ["checkout", "-q", "--ours", "README.md"],
        ["reset", "-q", "--hard"],
      ],
    },
  ])("$name", async ({ begin, reason, finish }) => {
    const { repo, committer } = await repoWithTopic();
    repo.write("README.md", "# Stashed\n");
    repo.git("stash", "push", "-q");
    repo.write("README.md", "# Main, changed\n");
    repo.git("commit", "-q", "-a", "-m", "changed");
    repo.tryGit(...begin);
    const tip = repo.git("rev-parse", "main");
    const waiting = await commitThatWaits(committer, "t2", reason);
    expect(repo.git("rev-parse", "main")).toBe(tip);
    for (const args of finish) repo.git(...args);
    await expectLanded(repo, committer, waiting);
    expect(repo.git("show", "main:tasks.md")).toBe("| t1 | succeeded |\n| t2 | succeeded |");
  });

  it.each([
    ["index.lock", /index\.lock/],
    ["HEAD.lock", /HEAD\.lock/],
    ["refs/heads/main.lock", /main\.lock/],
  ])("somebody's %s", async (lock, reason) => {
    const { repo, committer } = await repoWithTopic();
    const path = join(repo.dir, ".git", lock);
    writeFileSync(path, "");
    const waiting = await commitThatWaits(committer, "t2", reason);
    expect(existsSync(path)).toBe(true);
    rmSync(path);
    await expectLanded(repo, committer, waiting);
  });

  it("our branch, checked out in a second worktree while HEAD is elsewhere here", async () => {
    const { repo, committer } = await repoWithTopic();
    repo.git("switch", "-q", "topic");
    const second = join(tempDir(), "second");
    repo.git("worktree", "add", "-q", second, "main");
    const waiting = await commitThatWaits(committer, "t2", /another worktree/);
    repo.git("worktree", "remove", second);
    await expectLanded(repo, committer, waiting);
  });

  it("our branch, renamed away: no second one is begun", async () => {
    const { repo, committer } = await repoWithTopic();
    repo.git("branch", "-m", "main", "trunk");
    const waiting = await commitThatWaits(committer, "t2", /does not exist/);
    repo.git("branch", "-m", "trunk", "main");
    await expectLanded(repo, committer, waiting);
  });

  it("a file of the user's where a folder of ours belongs", async () => {
    const repo = tempRepo();
    repo.write("sessions", "a file\n");
    repo.git("add", "sessions");
    repo.git("commit", "-q", "-m", "sessions");
    const committer = await committerAt(repo);
    const waiting = await commitThatWaits(committer, "t1", /something else than a plain file of ours at sessions/);
    repo.git("rm", "-q", "sessions");
    repo.git("commit", "-q", "-m", "gone");
    await expectLanded(repo, committer, waiting);
  });

  it("given up by its signal, it leaves no lock and no temporary file", async () => {
    const { repo, committer } = await repoWithTopic();
    repo.tryGit("merge", "-q", "topic");
    const giveUp = new AbortController();
    const done = committer.commit([result("t2")], giveUp.signal);
    await waitFor(() => committer.waiting() !== undefined, { what: "the committer to wait" });
    giveUp.abort();
    await expect(done).rejects.toMatchObject({ name: "AbortError" });
    expect(committer.waiting()).toBeUndefined();
    expect(readdirSync(join(repo.dir, ".git/codex-inbox/tmp"))).toEqual([]);
    expect(readdirSync(join(repo.dir, ".git")).filter((name) => name.endsWith(".lock"))).toEqual([]);
    await expect(committer.commit([result("t2")], AbortSignal.abort())).rejects.toMatchObject({ name: "AbortError" });
  });

  it("closed, it rejects what waits", async () => {
    const { repo, committer } = await repoWithTopic();
    repo.tryGit("merge", "-q", "topic");
    const { done } = await commitThatWaits(committer, "t2", /merge/);
    await committer.close();
    await expect(done).rejects.toMatchObject({ name: "AbortError" });
  });
});

describe("somebody else's git", () => {
  it.each([
    ["commit", 'GIT_EDITOR="$HOLD" git commit'],
    ["commit --amend", 'GIT_EDITOR="$HOLD" git commit --amend'],
    ["commit -a", 'GIT_EDITOR="$HOLD" git commit -a'],
    ["commit -- path, from elsewhere", 'cd / && GIT_EDITOR="$HOLD" git -C "$REPO" commit -- README.md'],
    ["rebase -i", 'git stash -q && GIT_SEQUENCE_EDITOR="$HOLD" git rebase -i HEAD~1; git stash pop'],
  ])("%s with its editor open is waited for, and succeeds", async (name, command) => {
    const { repo, committer } = await repoWithTopic();
    repo.write("README.md", "# Edited\n");
    if (!name.includes("-")) repo.git("add", "README.md");
    const user = startOther(repo.dir, command, { REPO: repo.dir });
    await user.held();
    const tip = repo.git("rev-parse", "main");
    const waiting = await commitThatWaits(
      committer,
      "t2",
      /(git (commit|rebase) \(process \d+\)|index\.lock|a rebase)/,
    );
    expect(repo.git("rev-parse", "main")).toBe(tip);
    user.release();
    const { status, output } = await user.ended();
    expect(output).not.toMatch(/fatal|error: cannot/);
    expect(status).toBe(0);
    const { tip: landed } = await waiting.done;
    expect(repo.git("rev-parse", "main")).toBe(landed);
    expect(repo.git("show", "main:tasks.md")).toBe("| t1 | succeeded |\n| t2 | succeeded |");
  });

  it("may take away what is prepared but not referred to yet: it is written again", async () => {
    const { repo, committer } = await repoWithTopic();
    // An editor that fails: the commit is given up, and the branch stays where it is.
    const user = startOther(repo.dir, `GIT_EDITOR='"$HOLD" none; false' git commit --allow-empty; true`);
    await user.held();
    const waiting = await commitThatWaits(committer, "t2", /git commit/);
    repo.git("gc", "-q", "--prune=now");
    user.release();
    await user.ended();
    await expectLanded(repo, committer, waiting);
  });

  it.each<{ name: string; command: string; environment?: Record<string, string> }>([
    { name: "an open git log", command: 'GIT_EXTERNAL_DIFF="$HOLD" git log -p --ext-diff' },
    { name: "an open git diff", command: 'GIT_EXTERNAL_DIFF="$HOLD" git diff HEAD~1' },
    { name: "the description of a branch", command: 'GIT_EDITOR="$HOLD" git branch --edit-description; true' },
    {
      name: "an agent of ours",
      command: 'GIT_EDITOR="$HOLD" git commit --allow-empty; true',
      environment: { CODEX_INBOX_RUN: "test:1" },
    },
    {
      name: "a commit in another repository",
      command: 'git init -q "$OTHER" && cd "$OTHER" && GIT_EDITOR="$HOLD" $COMMIT --allow-empty',
    },
    {
      name: "a commit in a nested repository",
      command: 'git init -q nested && cd nested && GIT_EDITOR="$HOLD" $COMMIT --allow-empty; rm -rf ../nested',
    },
    {
      name: "a commit in another worktree",
      command: 'git worktree add -q -b side "$OTHER" && cd "$OTHER" && GIT_EDITOR="$HOLD" git commit --allow-empty',
    },
  ])("$name is not waited for", async ({ command, environment = {} }) => {
    const { repo, committer } = await repoWithTopic();
    const OTHER = join(tempDir(), "other");
    const COMMIT = "git -c user.name=Other -c user.email=other@example.org commit"; // The machine may know no user.
    const user = startOther(repo.dir, command, { OTHER, COMMIT, ...environment });
    await user.held();
    const { tip } = await committer.commit([result("t2")], ALWAYS);
    expect(repo.git("rev-parse", "main")).toBe(tip);
    user.release();
    await user.ended();
  });

  it("that names our git directory from elsewhere is waited for", async () => {
    const { repo, committer } = await repoWithTopic();
    const elsewhere = tempDir();
    const command = 'GIT_EDITOR="$HOLD" git --git-dir="$REPO/.git" --work-tree="$REPO" commit --allow-empty';
    const user = startOther(elsewhere, command, { REPO: repo.dir });
    await user.held();
    const waiting = await commitThatWaits(committer, "t2", /git commit/);
    user.release();
    expect((await user.ended()).status).toBe(0);
    await expectLanded(repo, committer, waiting);
  });

  it("may be reading the work tree while it is young", async () => {
    const { repo, committer } = await repoWithTopic();
    expect(committer.isUserAtGit()).toBe(false);
    const user = startOther(repo.dir, 'GIT_EDITOR="$HOLD" git commit --allow-empty');
    await user.held();
    expect(committer.isUserAtGit()).toBe(true);
    user.release();
    await user.ended();
    expect(committer.isUserAtGit()).toBe(false);
    const lock = join(repo.dir, ".git/index.lock");
    writeFileSync(lock, "");
    expect(committer.isUserAtGit()).toBe(true);
    utimesSync(lock, 0, 0);
    expect(committer.isUserAtGit()).toBe(false);
    rmSync(lock);
  });

  it("in the main worktree does not hold up a workspace in a linked one", async () => {
    const main = tempRepo();
    const linked = gitRepoAt(join(tempDir(), "linked"));
    main.git("worktree", "add", "-q", "-b", "work", linked.dir);
    const committer = await committerAt(linked, { branch: "refs/heads/work" });
    const user = startOther(main.dir, 'GIT_EDITOR="$HOLD" git commit --allow-empty');
    await user.held();
    await committer.commit([result("t1")], ALWAYS);
    user.release();
    expect((await user.ended()).status).toBe(0);
  });
});

it("programs that start without end in the work tree do not starve it", async () => {
  const { repo, committer } = await repoWithTopic();
  mkdirSync(join(repo.dir, "busy"));
  const stop = join(tempDir(), "stop");
  const loop = `touch started; while [ ! -e "${stop}" ]; do /bin/true; done`;
  const busy = startOther(join(repo.dir, "busy"), loop);
  await waitFor(() => existsSync(join(repo.dir, "busy/started")), { what: "the loop to start" });
  const { tip } = await committer.commit([result("t2")], ALWAYS);
  writeFileSync(stop, "");
  await busy.ended();
  expect(repo.git("rev-parse", "main")).toBe(tip);
});
