import { mkdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { createFolderNames } from "../../../src/base/files/folder-names.ts";
import { tempDir } from "../../support/temp-dir.ts";

/** For this clock, what was changed just now was changed long ago. */
const LATER = (): number => Date.now() + 3_600_000;

it("tells of every change, however soon it comes after a look", () => {
  const dir = tempDir();
  const names = createFolderNames(dir);
  for (let round = 0; round < 50; round += 1) {
    writeFileSync(join(dir, `${round}`), "");
    expect(names()).toHaveLength(1);
    rmSync(join(dir, `${round}`));
    expect(names()).toEqual([]);
  }
});

it("reads a folder that has been at rest once, until it changes", () => {
  const base = tempDir();
  const dir = join(base, "dir");
  mkdirSync(dir);
  const names = createFolderNames(dir, LATER);
  const first = names();
  expect(names()).toBe(first);
  writeFileSync(join(base, "clock"), "");
  // The kernel stamps files in steps of some milliseconds.
  while (statSync(join(base, "clock")).ctimeMs === statSync(dir).ctimeMs) writeFileSync(join(base, "clock"), "x");
  writeFileSync(join(dir, "new"), "");
  expect(names()).toEqual(["new"]);
});

it("says where there is no folder, and sees another in its place", () => {
  const base = tempDir();
  const names = createFolderNames(join(base, "dir"), LATER);
  expect(names()).toBeUndefined();
  mkdirSync(join(base, "dir"));
  expect(names()).toEqual([]);
  mkdirSync(join(base, "other"));
  writeFileSync(join(base, "other", "x"), "");
  rmSync(join(base, "dir"), { recursive: true });
  renameSync(join(base, "other"), join(base, "dir"));
  expect(names()).toEqual(["x"]);
});
