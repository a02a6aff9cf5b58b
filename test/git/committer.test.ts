import { describe, expect, it } from "vitest";
import { ALWAYS, result } from "../support/commit-plans.ts";
import { committerAt } from "../support/committer-at.ts";
import { tempRepo } from "../support/temp-repo.ts";

describe("a commit", () => {
  it("moves branch, index and work tree together, one commit a plan", async () => {
    const repo = tempRepo();
    const committer = await committerAt(repo);
    const report = await committer.commit([result("t1"), result("t2")], ALWAYS);
    expect(report.commits).toHaveLength(2);
    expect(report.tip).toBe(repo.git("rev-parse", "main"));
    expect(report.tip).toBe(report.commits[1]);
    expect(report.leftAlone).toEqual([]);
    expect(repo.git("status", "--porcelain")).toBe("");
    expect(repo.git("diff", "HEAD")).toBe("");
    expect(repo.git("log", "--format=%s|%an|%ae")).toBe(
      "docs: t2|User|user@example.org\ndocs: t1|User|user@example.org\nfirst|User|user@example.org",
    );
    expect(repo.read("tasks.md")).toBe("| t1 | succeeded |\n| t2 | succeeded |\n");
    expect(repo.git("fsck", "--strict", "--no-dangling")).toBe("");
  });
});
