import { describe, expect, it } from "vitest";
import { taskDiff } from "../../../src/app/queries/tasks/task-diff.ts";
import { diffText } from "../../../src/app/views/diff-view.ts";
import { createApp } from "../../../src/server/app.ts";
import type { TaskChange } from "../../../src/task/records/task-file/change-section.ts";
import { fakeCoordinator, taskView } from "../../fakes/fake-cli-deps.ts";
import { snapshotScene } from "../../support/snapshot-scene.ts";
import { tempRepo } from "../../support/temp-repo.ts";

const NOTHING: TaskChange = {
  ...{ run: 1, commit: null, parent: null, branch: null, files: 0, insertions: 0, deletions: 0, outside: null },
  ...{ leftOut: [], held: null, problem: null, merged: null, overlaps: [] },
};

describe("the diff of a task", () => {
  it("is what git apply takes, of each run, and the same over HTTP", async () => {
    const scene = snapshotScene();
    const { repo } = scene;
    repo.git("config", "diff.external", "touch ran; cat");
    repo.write("new.bin", Buffer.from([0, 1, 2, 255]));
    repo.write("src/main.c", "int x;\n");
    const { commit } = await scene.taken();
    const changes = [{ ...NOTHING, commit, parent: scene.head }];
    const task = taskView({ changes });
    const diff = await taskDiff(repo.dir, task, {});
    repo.git("checkout", "-q", "--", ".");
    repo.git("clean", "-q", "-f");
    const clean = tempRepo();
    clean.write("p.diff", diffText(diff));
    clean.git("apply", "p.diff");
    expect(clean.read("src/main.c")).toBe("int x;\n");
    const stat = await taskDiff(repo.dir, task, { stat: true });
    expect(stat.changes[0]?.diff).toMatch(/ src\/main\.c +\| +2 \+-\n 2 files changed/);
    const app = createApp(fakeCoordinator({ diff: (_part, options) => taskDiff(repo.dir, task, options ?? {}) }));
    expect(await (await app.request("/tasks/x/diff")).json()).toEqual(diff);
    const asText = await app.request("/tasks/x/diff?run=1", { headers: { accept: "text/x-diff" } });
    expect(asText.headers.get("content-type")).toBe("text/x-diff; charset=utf-8");
    expect(await asText.text()).toBe(diffText(diff));
    expect((await app.request("/tasks/x/diff?run=2")).status).toBe(404);
    expect((await app.request("/tasks/x/diff?runs=2")).status).toBe(422);
  });

  it("is cut where it is long, and said not to be there where it is not", async () => {
    const scene = snapshotScene();
    scene.repo.write("long.txt", "0123456789\n".repeat(300_000));
    const { commit } = await scene.taken();
    const held = { ref: "refs/codex-inbox/held/x-3", commit, paths: ["a"] };
    const task = taskView({
      changes: [
        { ...NOTHING, commit, parent: scene.head },
        { ...NOTHING, run: 2, commit: "c".repeat(40), parent: scene.head },
        { ...NOTHING, run: 3, held },
        { ...NOTHING, run: 4, problem: "the disk is full" },
      ],
    });
    const { changes } = await taskDiff(scene.repo.dir, task, {});
    expect([changes[0]?.isCut, changes[0]?.diff?.length]).toEqual([true, 2 * 1024 * 1024]);
    expect(changes.slice(1).map(({ diff, missing }) => diff ?? missing)).toEqual([
      `the repository at ${scene.repo.dir} does not have commit ${"c".repeat(40)}`,
      "it holds what looks like a secret, and is shown by git alone: git show refs/codex-inbox/held/x-3",
      "not recorded: the disk is full",
    ]);
    await expect(taskDiff(scene.repo.dir, task, { run: 9 })).rejects.toThrow("runs with a change are 1, 2, 3, 4");
    await expect(taskDiff(scene.repo.dir, taskView({}), {})).rejects.toThrow("its runs have changed nothing");
  });
});
