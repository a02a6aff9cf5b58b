import { cpSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { readStamp } from "../../../src/base/files/file-stamp.ts";
import { knownCloneId, readCloneFile, settleCloneId } from "../../../src/store/clone/clone-id.ts";
import { tempDir } from "../../support/temp-dir.ts";

/** A state folder whose id was drawn; returns the folder that holds it, and the id. */
function drawn(): { base: string; state: string; id: string } {
  const base = tempDir();
  const state = join(base, "state");
  mkdirSync(state);
  return { base, state, id: settleCloneId(join(state, "clone")) };
}

/** Writes another place into the clone file, as the same folder would have on another device or with another inode. */
function recordPlace(state: string, id: string, path: string, inode: string): void {
  writeFileSync(join(state, "clone"), `${id}\n${JSON.stringify({ path, inode })}\n`);
}

it("is drawn once, and stays with its folder", () => {
  const { state, id } = drawn();
  expect(id).toMatch(/^[0-9a-z]{6}$/);
  expect(settleCloneId(join(state, "clone"))).toBe(id);
  expect(knownCloneId(join(state, "clone"))).toBe(id);
  expect(readCloneFile(join(tempDir(), "clone"))).toBeUndefined();
});

it("moves with its folder, also when a link leads to it, and the new place is written down", () => {
  const { base, state, id } = drawn();
  const [moved, link] = [join(base, "moved"), join(base, "link")];
  renameSync(state, moved);
  symlinkSync(moved, link);
  expect(knownCloneId(join(link, "clone"))).toBe(id);
  expect(settleCloneId(join(moved, "clone"))).toBe(id);
  expect(readCloneFile(join(moved, "clone"))?.place?.path).toBe(moved);
});

it("is another one in a copy, also in one that stands in the original's place", () => {
  const { base, state, id } = drawn();
  const copy = join(base, "copy");
  cpSync(state, copy, { recursive: true });
  expect(readCloneFile(join(copy, "clone"))).toMatchObject({ id, isCopy: true });
  expect(knownCloneId(join(copy, "clone"))).toBeUndefined();
  expect(settleCloneId(join(copy, "clone"))).not.toBe(id);
  expect(knownCloneId(join(copy, "clone"))).toBeDefined();
  expect(settleCloneId(join(state, "clone"))).toBe(id);
  const old = join(base, "old");
  renameSync(state, old);
  cpSync(old, state, { recursive: true });
  expect(readCloneFile(join(state, "clone"))?.isCopy).toBe(true);
  expect(readCloneFile(join(old, "clone"))?.isCopy).toBe(false);
});

it("stays where a restart has given the disk another number; a snapshot beside the original is a copy", () => {
  const { base, state, id } = drawn();
  const inode = readStamp(state)?.inode.split(":")[1];
  recordPlace(state, id, state, `99999:${inode}`);
  expect(readCloneFile(join(state, "clone"))?.isCopy).toBe(false);
  recordPlace(state, id, join(base, "gone"), `99999:${inode}`);
  expect(readCloneFile(join(state, "clone"))?.isCopy).toBe(false);
  const other = join(base, "other");
  mkdirSync(other);
  recordPlace(other, id, state, `99999:${readStamp(other)?.inode.split(":")[1]}`);
  expect(readCloneFile(join(other, "clone"))?.isCopy).toBe(false); // What lies at the recorded place is not what was recorded.
});

it("of an earlier version, which noted no place, is kept and given one", () => {
  const { state } = drawn();
  writeFileSync(join(state, "clone"), "abc123\n");
  expect(settleCloneId(join(state, "clone"))).toBe("abc123");
  expect(readFileSync(join(state, "clone"), "utf8")).toContain(JSON.stringify(state));
  rmSync(join(state, "clone"));
  writeFileSync(join(state, "clone"), "not an id");
  expect(settleCloneId(join(state, "clone"))).toMatch(/^[0-9a-z]{6}$/);
});
