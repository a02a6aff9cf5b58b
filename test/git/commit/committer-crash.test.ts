import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { FAULT_POINTS } from "../../../src/base/fault-point.ts";
import { ALWAYS, result } from "../../support/commit-plans.ts";
import { committerAt } from "../../support/committer-at.ts";
import type { GitRepo } from "../../support/git-repo.ts";
import { startDriver } from "../../support/run-driver.ts";
import { tempRepo } from "../../support/temp-repo.ts";

const COMMIT_FAULTS = FAULT_POINTS.filter((name) => name.startsWith("commit:"));

/** Names of the lock files in the git directory. */
function listLocks(repo: GitRepo): readonly string[] {
  const names = readdirSync(join(repo.dir, ".git"), { recursive: true, encoding: "utf8" });
  return names.filter((name) => name.endsWith(".lock"));
}

async function crash(repo: GitRepo, fault: string): Promise<void> {
  const died = await startDriver(["once", repo.dir, "t2", "t3"], fault).ended;
  expect(died).toMatchObject({ how: "SIGKILL", report: undefined });
}

function countCommits(repo: GitRepo): Readonly<Record<string, number>> {
  const ids = repo.git("log", "--format=%(trailers:key=Task-Id,valueonly,separator=)", "main").split("\n");
  return Object.fromEntries(["t1", "t2", "t3", "t4"].map((id) => [id, ids.filter((found) => found === id).length]));
}

describe("killed in the middle of a commit, the next start finishes it", () => {
  it("tests every step there is", () => expect(COMMIT_FAULTS.length).toBeGreaterThanOrEqual(10));

  it.each(COMMIT_FAULTS)("%s", async (fault) => {
    const repo = tempRepo();
    const first = await committerAt(repo);
    await first.commit([result("t1")], ALWAYS);
    await first.close();
    await crash(repo, fault);
    expect(repo.git("fsck", "--no-dangling")).toBe("");

    // The rows the user may see on disk by now are followed by others before the batch is tried again.
    const committer = await committerAt(repo);
    expect(listLocks(repo)).toEqual([]);
    expect(readdirSync(join(repo.dir, ".git/codex-inbox/tmp"))).toEqual([]);
    await committer.refresh();
    const report = await committer.commit(["t2", "t4", "t3"].map(result), ALWAYS);
    expect(report.leftAlone).toEqual([]);
    expect(countCommits(repo)).toEqual({ t1: 1, t2: 1, t3: 1, t4: 1 });
    expect(repo.git("status", "--porcelain")).toBe("");
    expect(repo.git("fsck", "--no-dangling")).toBe("");

    repo.write("README.md", "# Afterwards\n");
    repo.git("commit", "-q", "-a", "-m", "the user goes on");
    expect(repo.git("show", "--format=", "--name-only", "main")).toBe("README.md");
  });

  it("and a lock of somebody else's stays", async () => {
    const repo = tempRepo();
    await crash(repo, "commit:ref-locked");
    const foreign = join(repo.dir, ".git/index.lock");
    writeFileSync(foreign, "");
    const notices: string[] = [];
    const committer = await committerAt(repo, { onNotice: (message) => notices.push(message) });
    expect(listLocks(repo)).toEqual(["index.lock"]);
    expect(notices).toHaveLength(2);
    expect(committer.waiting()).toBeUndefined();
  });

  it("and a second opener does not take the locks of one that lives", async () => {
    const repo = tempRepo();
    const driver = startDriver(["loop", repo.dir, "t"]);
    for (let opened = 0; opened < 10; opened += 1) {
      const reader = await committerAt(repo);
      await reader.refresh();
      await reader.close();
    }
    driver.child.stdin?.end();
    expect(await driver.ended).toMatchObject({ how: "0", stderr: "" });
    expect(repo.git("status", "--porcelain")).toBe("");
  });
});
