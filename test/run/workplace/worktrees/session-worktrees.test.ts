import { appendFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { leaseOfRecord } from "../../../../src/run/workplace/worktrees/session-worktrees.ts";
import type { WorktreeRecord } from "../../../../src/store/worktrees/worktree-records.ts";
import type { GitRepo } from "../../../support/git-repo.ts";
import { openSessionTrees, type SessionTrees } from "../../../support/session-trees.ts";
import { tempRepo } from "../../../support/temp-repo.ts";

const TURN = { session: "docs", title: "Make it", task: "20261120-141530-k3f9x2", run: 1, thread: undefined };
const AT_MS = Date.parse("2026-11-20T14:15:30Z");

interface Opened {
  readonly repo: GitRepo;
  readonly sessions: SessionTrees;
  readonly record: WorktreeRecord;
  /** Writes a file of the worktree. */
  write(path: string, text: string): void;
  park(): Promise<string | undefined>;
}

async function opened(): Promise<Opened> {
  const repo = tempRepo();
  const sessions = openSessionTrees(repo.dir);
  const record = await sessions.worktrees.open("docs", () => true);
  return {
    ...{ repo, sessions, record },
    write(path, text) {
      mkdirSync(join(record.dir, path, ".."), { recursive: true });
      writeFileSync(join(record.dir, path), text);
    },
    park: () => sessions.removal.park(record.slug, () => !sessions.busy.has("docs")),
  };
}

it("a worktree with a task file of its agent stays: such files are part of no commit", async () => {
  const { sessions, record, write, park } = await opened();
  write("inbox/later.md", "Do it later.\n");
  await sessions.snapshots.after(leaseOfRecord(record), TURN, AT_MS);
  expect(await park()).toBe("in no commit: inbox/later.md");
  rmSync(join(record.dir, "inbox/later.md"));
  expect(await park()).toBeUndefined();
});

describe("a run's change", () => {
  it("is a commit on the branch of its session, the same when it is made again", async () => {
    const { repo, sessions, record, write } = await opened();
    write("made.txt", "one\ntwo\n");
    rmSync(join(record.dir, "README.md"));
    const change = await sessions.snapshots.after(leaseOfRecord(record), TURN, AT_MS);
    expect(change).toMatchObject({ branch: record.branch, parent: record.base, insertions: 2, deletions: 1 });
    expect(change?.files).toEqual([
      { path: "README.md", change: "deleted" },
      { path: "made.txt", change: "added" },
    ]);
    expect(repo.git("-C", record.dir, "status", "--porcelain")).toBe("");
    expect(repo.git("rev-parse", record.branch)).toBe(change?.commit);
    // A coordinator that was killed before it had noted it.
    repo.git("update-ref", `refs/heads/${record.branch}`, record.base);
    const again = openSessionTrees(repo.dir);
    expect(await again.snapshots.after(leaseOfRecord(record), TURN, AT_MS)).toEqual({ ...change, leftOut: [] });
    repo.git("update-ref", "-d", `refs/codex-inbox/turns/${TURN.task}/1`);
    repo.git("update-ref", `refs/heads/${record.branch}`, record.base);
    expect((await again.snapshots.after(leaseOfRecord(record), TURN, AT_MS))?.commit).toBe(change?.commit);
  });

  it("that holds a secret is on the held ref alone, and keeps the worktree", async () => {
    const { repo, sessions, record, write, park } = await opened();
    write("made.txt", "SECRET\n");
    const change = await sessions.snapshots.after(leaseOfRecord(record), TURN, AT_MS);
    expect(change).toMatchObject({ commit: undefined, tip: record.base, held: { paths: ["made.txt"] } });
    expect(repo.git("show", `refs/codex-inbox/held/${record.slug}:made.txt`)).toBe("SECRET");
    expect(repo.git("rev-parse", record.branch)).toBe(record.base);
    expect(await park()).toBe("in no commit: made.txt");
  });

  it("stays on top of what somebody has committed there by hand", async () => {
    const { repo, sessions, record, write } = await opened();
    write("hand.txt", "by hand\n");
    repo.git("-C", record.dir, "add", "--all");
    repo.git("-C", record.dir, "commit", "--quiet", "-m", "by hand");
    write("made.txt", "one\n");
    await sessions.snapshots.after(leaseOfRecord(record), TURN, AT_MS);
    expect(repo.git("log", "--format=%s", record.branch)).toBe("docs: Make it (turn 1)\nby hand\nfirst");
  });
});

describe("a worktree", () => {
  it("is parked once all of it is on its branch, and made again as it was", async () => {
    const { repo, sessions, record, write, park } = await opened();
    write("made.txt", "one\n");
    await sessions.snapshots.after(leaseOfRecord(record), TURN, AT_MS);
    write("made.txt", "edited\n");
    expect(await park()).toBeUndefined();
    expect(existsSync(record.dir)).toBe(false);
    expect(sessions.trees.list()).toEqual([]);
    expect(repo.git("log", "--format=%s", record.branch, "--not", "main")).toBe(
      "docs: edited between two turns\ndocs: Make it (turn 1)",
    );
    const again = await sessions.worktrees.open("docs", () => true);
    expect(readFileSync(join(again.dir, "made.txt"), "utf8")).toBe("edited\n");
    expect(again).toMatchObject({ state: "ready", dir: record.dir, slot: 0 });
  });

  it.each<{ name: string; make: (one: Opened) => void; why: RegExp }>([
    {
      name: "has an open task",
      make: ({ sessions }) => sessions.busy.add("docs"),
      why: /^it is in use$/,
    },
    {
      name: "has a file that is too large for a commit",
      make: ({ write }) => write("dump.bin", "x".repeat(11 * 1024 * 1024)),
      why: /^in no commit: dump\.bin$/,
    },
    {
      name: "has a stash",
      make({ repo, record, write }) {
        write("README.md", "stashed\n");
        repo.git("-C", record.dir, "stash", "--quiet");
      },
      why: /^a stash was made on codex-inbox\/docs-/,
    },
    {
      name: "has an ignored file that is too large to be kept",
      make({ repo, write }) {
        appendFileSync(join(repo.dir, ".git/info/exclude"), "*.db\n");
        write("data.db", "x".repeat(51 * 1024 * 1024));
      },
      why: /^it holds 1 ignored files \(53477376 bytes\) that no setup has made: data\.db$/,
    },
  ])("that $name stays", async ({ make, why }) => {
    const one = await opened();
    make(one);
    expect(await one.park()).toMatch(why);
    expect(one.sessions.worktrees.repository(one.record)).toBeDefined();
    expect(one.sessions.records.get(one.record.slug)?.state).toBe("ready");
  });

  it("leaves what git ignores on a ref of its own", async () => {
    const { repo, record, write, park } = await opened();
    appendFileSync(join(repo.dir, ".git/info/exclude"), "*.db\n");
    write("sub/data.db", "rows\n");
    expect(await park()).toBeUndefined();
    expect(repo.git("show", `refs/codex-inbox/salvage/${record.slug}/1:sub/data.db`)).toBe("rows");
  });

  it("keeps nested repositories and what a changed ignore file hides", async () => {
    const { repo, sessions, record, write } = await opened();
    repo.git("init", "--quiet", join(record.dir, "inner"));
    write("inner/a.txt", "inner\n");
    write("bogus/.git/HEAD", "nonsense\n");
    write("bogus/b.txt", "bogus\n");
    write(".gitignore", "*\n");
    write("hidden.txt", "hidden\n");
    const change = await sessions.snapshots.after(leaseOfRecord(record), TURN, AT_MS);
    expect(change?.files.map(({ path }) => path)).toEqual([".gitignore", "bogus/b.txt", "hidden.txt", "inner/a.txt"]);
  });

  it("whose folder was moved is not taken for gone while it can be repaired", async () => {
    const { sessions, record, repo } = await opened();
    renameSync(record.dir, `${record.dir}-moved`);
    renameSync(join(repo.dir, ".git/worktrees"), join(repo.dir, ".git/worktrees-away"));
    renameSync(`${record.dir}-moved`, record.dir);
    await expect(sessions.worktrees.open("docs", () => true)).rejects.toThrow(/"codex-inbox worktree repair docs"/);
  });
});

it("what a worktree takes is measured, its checkout included", async () => {
  const repo = tempRepo();
  let nowMs = AT_MS;
  // Git is asked for its filters before each step of a checkout.
  const sessions = openSessionTrees(repo.dir, undefined, {
    async forListing() {
      nowMs += 1_000;
      return {};
    },
  });
  sessions.clock.now = () => nowMs;
  const { openingMs } = await sessions.worktrees.open("docs", () => true);
  expect(openingMs).toBeGreaterThanOrEqual(1_000);
  const again = openSessionTrees(repo.dir);
  expect(again.records.find("docs")?.openingMs).toBe(openingMs);
});

describe("keeping", () => {
  it("parks the one that was used longest ago where there is no room, and says why where none can go", async () => {
    const { sessions, record } = await opened();
    sessions.settings.maxCount = 2;
    const two = await sessions.worktrees.open("two", () => true);
    const three = await sessions.worktrees.open("three", () => true);
    expect([record, two, three].map(({ dir }) => existsSync(dir))).toEqual([false, true, true]);
    for (const session of ["two", "three"]) sessions.busy.add(session);
    await expect(sessions.worktrees.open("four", () => true)).rejects.toThrow(
      "no room for one more worktree: there are 2 worktrees (worktree.maxCount: 2)",
    );
    sessions.settings.maxCount = 100;
    sessions.settings.freeBytes = Number.MAX_SAFE_INTEGER;
    await expect(sessions.worktrees.open("four", () => true)).rejects.toThrow(/bytes are free \(worktree\.freeBytes\)/);
  });

  it.each([
    { name: "removal", state: "removing" },
    { name: "making", state: "made" },
  ] as const)("makes room by one whose $name a kill has cut off", async ({ state }) => {
    const { sessions, record } = await opened();
    sessions.settings.maxCount = 1;
    await sessions.records.save({ ...record, state });
    const two = await sessions.worktrees.open("two", () => true);
    expect([record, two].map(({ dir }) => existsSync(dir))).toEqual([false, true]);
  });

  it("forgets what holds no work, and what is landed; what is not landed keeps its branch", async () => {
    const { repo, sessions, record, write } = await opened();
    write("made.txt", "one\n");
    await sessions.snapshots.after(leaseOfRecord(record), TURN, AT_MS);
    await sessions.worktrees.open("two", () => true);
    expect(await sessions.keeping.tidy({ all: true })).toEqual([]);
    expect(sessions.records.list().map(({ session, state }) => [session, state])).toEqual([["docs", "parked"]]);
    expect(repo.git("for-each-ref", "--format=%(refname:short)", "refs/heads")).toBe(`${record.branch}\nmain`);
    repo.git("merge", "--quiet", record.branch);
    await sessions.keeping.tidy();
    expect(sessions.records.list()).toEqual([]);
    expect(repo.git("for-each-ref", "--format=%(refname:short)", "refs/heads")).toBe("main");
  });
});
