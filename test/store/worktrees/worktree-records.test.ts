import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { openWorktreeRecords, type WorktreeRecord } from "../../../src/store/worktrees/worktree-records.ts";
import { tempDir } from "../../support/temp-dir.ts";

function record(slug: string, more: Partial<WorktreeRecord> = {}): WorktreeRecord {
  return {
    ...{
      slug,
      session: `s/${slug}`,
      branch: `codex-inbox/${slug}`,
      base: "b",
      head: "h",
      dir: `/trees/${slug}`,
      slot: 0,
    },
    ...{ state: "wanted", atMs: 1, usedAtMs: 2, pinned: [], changed: [], locks: [], setUp: [], openingMs: 0, ...more },
  };
}

it("are there again when they are opened anew, as they were saved last", async () => {
  const dir = join(tempDir(), "worktrees");
  const records = openWorktreeRecords(dir);
  const one = record("one", { state: "ready", pinned: ["big.bin"], setUp: ["node_modules/"] });
  await Promise.all([records.save(record("one")), records.save(record("two", { slot: 1 })), records.save(one)]);
  expect(openWorktreeRecords(dir).list()).toEqual([one, record("two", { slot: 1 })]);
  expect(records.find("s/two")?.slot).toBe(1);
  await records.remove("two");
  expect(openWorktreeRecords(dir).list()).toEqual([one]);
  expect(readdirSync(dir)).toEqual(["one.json"]);
});

it("one that cannot be read hides no other one", async () => {
  const dir = join(tempDir(), "worktrees");
  await openWorktreeRecords(dir).save(record("one"));
  writeFileSync(join(dir, "bad.json"), "{");
  writeFileSync(join(dir, "later.json"), JSON.stringify({ ...record("later"), v: 2 }));
  expect(openWorktreeRecords(dir).list()).toEqual([record("one")]);
});
