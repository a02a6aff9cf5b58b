import { describe, expect, it } from "vitest";
import type { DiffOptions, RunDiff, TaskDiff } from "../../../../src/app/views/diff-view.ts";
import { createDiffCommand } from "../../../../src/cli/commands/tasks/diff.ts";
import { createFakeCliDeps, runCommand } from "../../../fakes/fake-cli-deps.ts";

const [COMMIT, PARENT] = ["a".repeat(40), "b".repeat(40)];
const DIFF = `diff --git a/a.md b/a.md\n--- a/a.md\n+++ b/a.md\n@@ -1 +1 @@\n-one\n+two\n`;
const CHANGE: RunDiff = {
  ...{ run: 1, commit: COMMIT, parent: PARENT, branch: null, files: 1, insertions: 1, deletions: 1, outside: PARENT },
  ...{
    leftOut: [{ path: "big.bin", why: "larger than 10 MB" }],
    held: null,
    problem: null,
    merged: null,
    overlaps: [],
  },
  ...{ diff: DIFF, isCut: false, missing: null },
};
const HELD: RunDiff = { ...CHANGE, run: 2, commit: null, diff: null, missing: "it holds what looks like a secret" };

function diff(changes: readonly RunDiff[], columns?: number) {
  const asked: (DiffOptions | undefined)[] = [];
  const answer: TaskDiff = { task: "t", title: "Fix it", status: "succeeded", changes };
  const deps = createFakeCliDeps({
    async diff(_part, options) {
      asked.push(options);
      return answer;
    },
  });
  return { deps, asked, answer, command: createDiffCommand({ ...deps, columns }) };
}

describe("diff", () => {
  it("prints what git apply takes, and says in a comment what it cannot show", async () => {
    const { deps, asked, command } = diff([CHANGE, HELD]);
    expect(await runCommand(command, "--stat", "--run", "2", "t")).toBe(0);
    expect(asked).toEqual([{ run: 2, stat: true }]);
    expect(deps.printed.join("\n")).toBe(`# run 1\n${DIFF}# run 2: it holds what looks like a secret\n`);
  });

  it("says on a terminal what belongs to it", async () => {
    const { deps, command } = diff([{ ...CHANGE, isCut: true }, HELD], 80);
    await runCommand(command, "t");
    expect(deps.printed).toEqual([
      "run 1 aaaaaaaaaaaa: 1 file, 1 line added, 1 removed",
      ...DIFF.trimEnd().split("\n"),
      `… cut; git diff ${PARENT} ${COMMIT} shows all of it`,
      `edited before the run, and no part of it: git show ${PARENT}`,
      "not in the commit: big.bin (larger than 10 MB)",
      ...["run 2", "it holds what looks like a secret"],
      `edited before the run, and no part of it: git show ${PARENT}`,
      "not in the commit: big.bin (larger than 10 MB)",
    ]);
  });

  it("prints the same as JSON, and takes no other run than a number", async () => {
    const { deps, answer, command } = diff([CHANGE]);
    await runCommand(command, "--json", "t");
    expect(JSON.parse(deps.printed.join("\n"))).toMatchObject(answer);
    await expect(runCommand(command, "--run", "x", "t")).rejects.toThrow('not "x"');
  });
});
