import { execFile } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, statSync, watch, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { createWorkTree } from "../../../src/git/commit/work-tree.ts";
import { createTemporaryFiles } from "../../../src/git/gate/temporary-files.ts";
import { findWorkTree } from "../../../src/git/repository/find-work-tree.ts";
import { openRepository } from "../../../src/git/repository/repository.ts";
import { ALWAYS, result } from "../../support/commit-plans.ts";
import { committerAt } from "../../support/committer-at.ts";
import { type GitRepo, gitRepoAt } from "../../support/git-repo.ts";
import { startDriver } from "../../support/run-driver.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { tempRepo } from "../../support/temp-repo.ts";
import { waitFor } from "../../support/wait-for.ts";

/** More of ours than are put in place under git's lock. */
const OURS = 1_250;
const THEIRS = 40;

/** A checkout, and a commit that another clone would have made on top of its branch. */
async function site(): Promise<{ readonly repo: GitRepo; readonly to: string }> {
  const repo = tempRepo();
  for (let n = 0; n < THEIRS; n += 1) repo.write(`code/${n}.txt`, `${n}\n`);
  repo.write("sessions/here/old.md", "old\n");
  repo.git("add", "--all");
  repo.git("commit", "--quiet", "-m", "more");
  const committer = await committerAt(repo);
  await committer.commit([result("t1")], ALWAYS);
  await committer.close();
  const other = gitRepoAt(join(tempDir(), "other"));
  repo.git("worktree", "add", "--quiet", "--detach", other.dir, "main");
  for (let n = 0; n < THEIRS; n += 1) other.write(`code/${n}.txt`, `${n} changed\n`);
  for (let n = 0; n < 60; n += 1) other.write(`sessions/new/${n % 7}/t${n}.md`, `# ${n}\n`);
  for (let n = 0; n < OURS; n += 1) other.write(`sessions/here/t${n}.md`, `# ${n}\n`);
  other.write("tools/a/b/run.sh", "#!/bin/sh\n");
  chmodSync(join(other.dir, "tools/a/b/run.sh"), 0o755);
  rmSync(join(other.dir, "sessions/here/old.md"));
  other.git("add", "--all", "--force");
  other.git("commit", "--quiet", "-m", "elsewhere");
  return { repo, to: other.git("rev-parse", "HEAD") };
}

function expectMoved(repo: GitRepo, to: string): void {
  expect(repo.git("rev-parse", "main", "HEAD")).toBe(`${to}\n${to}`);
  expect(repo.git("diff", "--name-only", to)).toBe("");
  expect(statSync(join(repo.dir, "tools/a/b/run.sh")).mode & 0o111).toBe(0o111);
  expect(existsSync(join(repo.dir, "sessions/here/old.md"))).toBe(false);
  expect(readdirSync(join(repo.dir, ".git/codex-inbox/tmp"))).toEqual([]);
}

it("many files come at once, beside a user who stages without a rest, and nothing of hers is lost", async () => {
  const { repo, to } = await site();
  const committer = await committerAt(repo);
  await committer.refresh();
  const moving = committer.advance(to, ALWAYS);
  const over = moving.then(() => true);
  const failures: string[] = [];
  for (let n = 0; !(await Promise.race([over, delay(50, false)])); n += 1) {
    writeFileSync(join(repo.dir, `mine-${n % 3}.txt`), `${n}\n`);
    const add = promisify(execFile)("git", ["-C", repo.dir, "add", `mine-${n % 3}.txt`]);
    await add.catch((error: unknown) => failures.push(String(error)));
  }
  expect(await moving).toMatchObject({ kind: "moved", tip: to, leftAlone: [] });
  // Who begins in just the moment of the swap is told of the lock, and of nothing else.
  expect(failures.filter((text) => !text.includes("index.lock"))).toEqual([]);
  expect(
    repo
      .git("status", "--porcelain")
      .replace(/^A[ M] mine-\d\.txt$|^\?\? mine-\d\.txt$/gm, "")
      .trim(),
  ).toBe("");
  repo.git("rm", "--quiet", "--force", "--cached", "--ignore-unmatch", "mine-0.txt", "mine-1.txt", "mine-2.txt");
  expectMoved(repo, to);
});

it("a user who goes to another branch between two parts can come back, and then the rest comes", async () => {
  const { repo, to } = await site();
  const tip = repo.git("rev-parse", "main");
  const committer = await committerAt(repo);
  await committer.refresh();
  const first = watch(join(repo.dir, "sessions/here"), () => {
    first.close();
    repo.git("switch", "--quiet", "-c", "topic");
  });
  const moving = committer.advance(to, ALWAYS);
  const why = /^sessions\/here\/t\d+\.md is left in the work tree of another branch/;
  await waitFor(() => why.test(committer.waiting()?.reason ?? ""), { what: "the move to wait" });
  expect([repo.git("rev-parse", "main"), repo.git("diff", "--name-only", "--", "code")]).toEqual([tip, ""]);
  repo.git("switch", "--quiet", "main");
  expect(await moving).toMatchObject({ kind: "moved", leftAlone: [] });
  expectMoved(repo, to);
});

it("killed once the first of them are in place, the next one finishes it", async () => {
  const { repo, to } = await site();
  const tip = repo.git("rev-parse", "main");
  expect(await startDriver(["advance", repo.dir, to], "commit:swap-files").ended).toMatchObject({ how: "SIGKILL" });
  expect([repo.git("rev-parse", "main"), existsSync(join(repo.dir, ".git/index.lock"))]).toEqual([tip, false]);
  expect(existsSync(join(repo.dir, "sessions/here/t0.md"))).toBe(true);
  expect(repo.git("diff", "--name-only", "--", "code", "tasks.md")).toBe("");
  const next = await committerAt(repo);
  await next.refresh();
  expect(await next.advance(to, ALWAYS)).toMatchObject({ kind: "moved", leftAlone: [] });
  expectMoved(repo, to);
});

it("under git's lock no more than a thousand files of ours move, and a folder that is new as a whole", async () => {
  const repo = tempRepo();
  repo.write("here/x.md", "x\n");
  const place = await findWorkTree(repo.dir);
  const repository = await openRepository(place, repo.dir, "refs/heads/main");
  const temporary = createTemporaryFiles(repository, join(repo.dir, ".git"));
  const workTree = createWorkTree(repository, temporary, () => "");
  const step = (path: string) => ({ path, content: Buffer.from(path), before: undefined, mayPrecede: true }) as const;
  mkdirSync(join(repo.dir, "shared"));
  chmodSync(join(repo.dir, "shared"), 0o2775);
  const whole = Array.from({ length: 300 }, (_, n) => step(`whole/${n % 9}/${n}.md`));
  const single = Array.from({ length: OURS }, (_, n) => step(`here/${n}.md`));
  const files = await workTree.stage([
    ...single,
    ...whole,
    step("shared/new/a.md"),
    step("late/a.md"),
    step("late/b.md"),
  ]);
  // Single ones, two folders that are new, and a file of one that has to have the group of the folder above it.
  expect(files.before.map(({ paths }) => paths.length)).toEqual([200, 53]);
  expect([existsSync(join(repo.dir, "whole")), files.stillAsSeen(), files.untouched()]).toEqual([false, true, true]);
  for (const part of files.before) expect([part.stillAsSeen(), part.apply()]).toEqual([true, []]);
  repo.write("late/b.md", "the user's\n");
  expect(files.stillAsSeen()).toBe(false);
  expect(files.apply()).toEqual(["late/b.md"]);
  await files.clear();
  expect([repo.read("whole/3/3.md"), repo.read("late/a.md"), repo.read("late/b.md")]).toEqual([
    "whole/3/3.md",
    "late/a.md",
    "the user's\n",
  ]);
  expect(statSync(join(repo.dir, "shared/new")).mode & 0o2000).toBe(0o2000);
  expect(readdirSync(join(repo.dir, "here"))).toHaveLength(OURS + 1);
  expect(readdirSync(join(repo.dir, ".git/tmp"))).toEqual([]);
});
