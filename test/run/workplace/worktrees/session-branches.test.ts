import { join } from "node:path";
import { expect, it } from "vitest";
import { createMerger } from "../../../../src/git/merge/merger.ts";
import { createSessionBranches } from "../../../../src/run/workplace/worktrees/session-branches.ts";
import type { WorktreeRecord } from "../../../../src/store/worktrees/worktree-records.ts";
import { tempDir } from "../../../support/temp-dir.ts";
import { tempRepo } from "../../../support/temp-repo.ts";

function record(session: string, change: Partial<WorktreeRecord> = {}): WorktreeRecord {
  return {
    ...{ slug: session, session, branch: `codex-inbox/${session}`, base: "", head: "", dir: "", slot: 0 },
    ...{ state: "ready", atMs: 0, usedAtMs: 0, pinned: [], changed: [], locks: [], setUp: [], openingMs: 0, ...change },
  };
}

it("sessions with work that is not landed are known, and what stands between them", async () => {
  const repo = tempRepo();
  repo.write("a.txt", "a\n");
  repo.git("add", "-A");
  repo.git("commit", "-q", "-m", "base");
  const branch = (session: string, path: string, text: string): void => {
    repo.git("checkout", "-q", "-b", `codex-inbox/${session}`, "main");
    repo.write(path, text);
    repo.git("add", "-A");
    repo.git("commit", "-q", "-m", session);
    repo.git("checkout", "-q", "main");
  };
  branch("one", "a.txt", "ONE\n");
  branch("two", "a.txt", "TWO\n");
  branch("three", "c.txt", "c\n");
  repo.git("branch", "-q", "codex-inbox/idle", "main"); // A session that has changed nothing.
  branch("foreign", "d.txt", "d\n"); // Nobody's session.
  const gitDir = join(repo.dir, ".git");
  const code = { topDir: repo.dir, gitDir, commonDir: gitDir };
  const records = [
    record("one", { locks: ["db/"], openingMs: 7 }),
    record("two", { changed: ["a.txt"], locks: ["api/"] }),
    ...["three", "idle"].map((session) => record(session)),
  ];
  const lines: string[] = [];
  let merges = 0;
  const merger = createMerger(code, join(tempDir(), "merging"));
  const branches = createSessionBranches({
    code,
    records: { list: () => records },
    environment: async () => ({}),
    merger: {
      mergeAll(...given) {
        merges += 1;
        return merger.mergeAll(...given);
      },
    },
    log: (event) => lines.push(event),
  });

  const found = await branches.refresh();
  const told = Object.fromEntries(
    found.map(({ session, ahead, behind, conflicts, overlaps }) => [session, { ahead, behind, conflicts, overlaps }]),
  );
  expect(told).toEqual({
    one: { ahead: 1, behind: 0, conflicts: [], overlaps: [{ session: "two", paths: ["a.txt"] }] },
    two: { ahead: 1, behind: 0, conflicts: [], overlaps: [{ session: "one", paths: ["a.txt"] }] },
    three: { ahead: 1, behind: 0, conflicts: [], overlaps: [] },
  });
  expect(["one", "idle", "foreign"].map(branches.hasBranch)).toEqual([true, false, false]);
  expect([...branches.locks()].sort((a, b) => (a.path < b.path ? -1 : 1))).toEqual([
    { session: "two", path: "api/" },
    { session: "one", path: "db/" },
  ]);
  expect([branches.changedBeside("one"), branches.changedBeside("two")]).toEqual([["a.txt"], []]);
  expect([branches.openingMs(), branches.isDirty(), branches.isEmpty]).toEqual([7, false, false]);

  const [before, locks] = [merges, branches.locks()];
  await branches.refresh();
  expect([merges, branches.locks()]).toEqual([before, locks]); // Nothing has changed: nothing is merged again.

  repo.git("merge", "-q", "--no-edit", "codex-inbox/two");
  await branches.refresh();
  expect(branches.hasBranch("two")).toBe(false);
  expect(branches.all().find(({ session }) => session === "one")).toMatchObject({
    ...{ ahead: 1, behind: 1, conflicts: ["a.txt"], overlaps: [] },
  });
  expect(branches.locks()).toEqual([{ session: "one", path: "db/" }]);

  repo.write("a.txt", "edited\n");
  await branches.refresh();
  expect(branches.isDirty()).toBe(true);

  repo.write(".git/HEAD", "nonsense\n");
  expect(await branches.refresh()).toBe(branches.all()); // What was seen last stands.
  expect(lines).toEqual(["session-branches-unknown"]);
});
