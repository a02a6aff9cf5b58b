import { join } from "node:path";
import { expect, it } from "vitest";
import { createTaskHistory } from "../../../src/git/repository/task-history.ts";
import { tempRepo } from "../../support/temp-repo.ts";

it("is read from the git directory that is named, whatever repository lies in the work tree", async () => {
  const [repo, planted] = [tempRepo(), tempRepo()];
  for (const [one, task] of [
    [repo, "ours"],
    [planted, "planted"],
  ] as const)
    one.git(
      "commit",
      "--quiet",
      "--allow-empty",
      "-m",
      `docs: ${task}\n\nTask-Id: ${task}\nSession-Key: docs\nTask-Status: succeeded`,
    );
  const history = createTaskHistory({ topDir: planted.dir, gitDir: join(repo.dir, ".git") }, "refs/heads/main");
  expect((await history.newest(5)).map(({ task }) => task)).toEqual(["ours"]);
  for (const [part, found] of [
    ["oc", ["ours"]],
    [".cs", []],
    ["docs: ours", []],
  ] as const)
    expect((await history.inSession(part, 5)).map(({ task }) => task)).toEqual(found);
});
