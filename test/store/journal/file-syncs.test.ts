import { openSync, readdirSync, readFileSync, readlinkSync, renameSync, writeSync } from "node:fs";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { failAt } from "../../../src/base/fault-point.ts";
import { createFileSyncs, type FileSyncs } from "../../../src/store/journal/file-syncs.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { waitFor } from "../../support/wait-for.ts";

/** Returns syncs that say what they cannot do, and try it again at once. */
function begin(): { readonly syncs: FileSyncs; readonly told: string[]; readonly dir: string } {
  const told: string[] = [];
  const syncs = createFileSyncs({
    note: (operation, error) => {
      told.push(`${operation}: ${String(error)}`);
      return 1;
    },
    clear: (operation) => void told.push(`${operation}: again`),
  });
  return { syncs, told, dir: tempDir() };
}

function write(syncs: FileSyncs, path: string, text: string): void {
  const descriptor = syncs.pending(path) ?? openSync(path, "w+");
  writeSync(descriptor, text);
  syncs.add(path, descriptor);
}

/** Files of this folder that this process has open. */
function openIn(dir: string): number {
  return readdirSync("/proc/self/fd").filter((fd) => {
    try {
      return readlinkSync(join("/proc/self/fd", fd)).startsWith(dir);
    } catch {
      return false; // The one that lists them.
    }
  }).length;
}

it("is settled at once where nothing was written", async () => {
  await begin().syncs.settled();
});

it("keeps a file open until it is durable, and uses it for what is written meanwhile", async () => {
  const { syncs, dir } = begin();
  const path = join(dir, "a");
  write(syncs, path, "one\n");
  const first = syncs.pending(path);
  write(syncs, path, "two\n");
  expect(syncs.pending(path)).toBe(first);
  expect(openIn(dir)).toBe(1);
  await syncs.settled();
  expect(syncs.pending(path)).toBeUndefined();
  expect(openIn(dir)).toBe(0);
  expect(readFileSync(path, "utf8")).toBe("one\ntwo\n");
});

it("syncs by itself what nobody waits for", async () => {
  const { syncs, dir } = begin();
  write(syncs, join(dir, "a"), "one\n");
  syncs.addFolder(dir);
  await waitFor(() => openIn(dir) === 0, { what: "the sync" });
});

it("does not take a file for another one that has its name by now", async () => {
  const { syncs, dir } = begin();
  const path = join(dir, "a");
  write(syncs, path, "one\n");
  syncs.release(path);
  renameSync(path, join(dir, "b"));
  write(syncs, path, "two\n");
  expect(openIn(dir)).toBe(2);
  await syncs.settled();
  expect(openIn(dir)).toBe(0);
  expect([readFileSync(path, "utf8"), readFileSync(join(dir, "b"), "utf8")]).toEqual(["two\n", "one\n"]);
});

it("is not settled while the disk reports errors; it says so, writes what it had again, and goes on by itself", async () => {
  const { syncs, told, dir } = begin();
  const mend = failAt("journal-sync", "EIO");
  onTestFinished(() => void mend());
  write(syncs, join(dir, "a"), "one\n");
  let isSettled = false;
  const settled = syncs.settled().then(() => {
    isSettled = true;
  });
  await waitFor(() => told.length > 2, { what: "some attempts" });
  expect(isSettled).toBe(false);
  expect(new Set(told)).toEqual(
    new Set(["make the journal durable: Error: EIO: journal-sync, as a test has asked for"]),
  );
  mend();
  await settled;
  expect(told.at(-1)).toBe("make the journal durable: again");
  expect(openIn(dir)).toBe(0);
  expect(readFileSync(join(dir, "a"), "utf8")).toBe("one\n");
});

it("lets go at its end of what the disk does not take", async () => {
  const { syncs, dir } = begin();
  const mend = failAt("journal-sync", "EIO");
  onTestFinished(() => void mend());
  write(syncs, join(dir, "a"), "one\n");
  const settled = syncs.settled();
  await syncs.close();
  await expect(settled).rejects.toMatchObject({ code: "TRY_AGAIN" });
  expect(openIn(dir)).toBe(0);
});

it("is not held up by a folder that was removed", async () => {
  const { syncs, dir } = begin();
  syncs.addFolder(join(dir, "gone"));
  await syncs.settled();
});
