import { existsSync, globSync, linkSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { FAULT_POINTS } from "../../../src/base/fault-point.ts";
import { ALWAYS, result } from "../../support/commit-plans.ts";
import { committerAt } from "../../support/committer-at.ts";
import { shardOf } from "../../support/crash-shard.ts";
import type { GitRepo } from "../../support/git-repo.ts";
import { startDriver } from "../../support/run-driver.ts";
import { tempRepo } from "../../support/temp-repo.ts";
import { waitFor } from "../../support/wait-for.ts";

const COMMIT_FAULTS = FAULT_POINTS.filter((name) => name.startsWith("commit:"));

/** Names of the lock files in the git directory, where folders of tokens may go while it is read. */
function listLocks(repo: GitRepo): readonly string[] {
  return globSync("**/*.lock", { cwd: join(repo.dir, ".git") });
}

function nameOf(pid: number): string {
  return existsSync(`/proc/${pid}/comm`) ? readFileSync(`/proc/${pid}/comm`, "utf8").trim() : "";
}

function childrenOf(pid: number): readonly number[] {
  const path = `/proc/${pid}/task/${pid}/children`;
  return existsSync(path) ? readFileSync(path, "utf8").split(" ").filter(Boolean).map(Number) : [];
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

  it.each(shardOf("steps of a commit", COMMIT_FAULTS))("%s", async (fault) => {
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
    await committerAt(repo);
    expect(listLocks(repo)).toEqual(["index.lock"]);
  });

  it.each([
    { name: "that has its token", of: "token" },
    { name: "whose token was lost with the power", of: "content" },
  ])("and so does the next start with a lock $name where nothing watched", async ({ of }) => {
    const repo = tempRepo();
    const tokens = join(repo.dir, ".git/codex-inbox/locks/4194305-1-none.1");
    mkdirSync(tokens, { recursive: true });
    const lock = join(repo.dir, ".git/index.lock");
    writeFileSync(lock, "codex-inbox lock: pid 4194305, started 1, boot none\n");
    if (of === "token") {
      writeFileSync(lock, "anything");
      linkSync(lock, join(tokens, "index"));
    }
    const notices: string[] = [];
    await committerAt(repo, { onNotice: (message) => notices.push(message) });
    expect(listLocks(repo)).toEqual([]);
    expect(notices).toEqual([`removed a lock that a crash left behind: ${lock}`]);
    expect(existsSync(tokens)).toBe(false);
  });

  const LOCKED = [
    "commit:ref-locked",
    "commit:index-locked",
    "commit:swap-files",
    "commit:swap-index",
    "commit:swap-ref",
    "commit:swap-unlock",
  ];
  it.each(shardOf("steps of a commit that hold locks", LOCKED))(
    "and nobody has to start it again for the user to go on: %s",
    async (fault) => {
      const repo = tempRepo();
      await crash(repo, fault);
      const diedMs = performance.now();
      await waitFor(() => listLocks(repo).length === 0, { what: "our locks to go" });
      expect(performance.now() - diedMs).toBeLessThan(1_000);
      repo.write("README.md", "# Afterwards\n");
      repo.git("add", "README.md");
      repo.git("commit", "-q", "-m", "the user goes on", "--", "README.md");
      await waitFor(() => readdirSync(join(repo.dir, ".git/codex-inbox/locks")).length === 0, {
        what: "the tokens to go",
      });
    },
  );

  it("and what watches over the locks is small, and survives a signal to the group", async () => {
    const repo = tempRepo();
    const driver = startDriver(["loop", repo.dir, "t"]);
    const pid = driver.child.pid ?? 0;
    const watch = await waitFor(() => childrenOf(pid).find((child) => nameOf(child) === "sh"), { what: "the watch" });
    const memoryKb = Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${watch}/status`, "utf8"))?.[1]);
    expect(memoryKb).toBeLessThan(2_048);
    expect(readFileSync(`/proc/${watch}/stat`, "utf8").split(" ").slice(4, 6)).toEqual([String(watch), String(watch)]);
    driver.child.kill("SIGKILL");
    await waitFor(() => !existsSync(`/proc/${watch}`), { what: "the watch to end" });
    expect(listLocks(repo)).toEqual([]);
    await driver.ended;
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
