import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, it } from "vitest";
import { createDiskRoom } from "../../src/intake/disk-room.ts";

it("answers what was found last, looks again after a while, and tells of each change once", async () => {
  const disk = { free: 50, nowMs: 0, looks: 0, changes: 0, least: 100 };
  const room = createDiskRoom({
    ...{ dir: "/", settings: () => ({ minFreeMb: disk.least }), monotonicMs: () => disk.nowMs },
    onChange() {
      disk.changes += 1;
    },
    free: async () => {
      disk.looks += 1;
      if (disk.free < 0) throw new Error("no such disk");
      return disk.free;
    },
  });
  const ask = async (free: number): Promise<boolean> => {
    disk.free = free;
    disk.nowMs += 5_000;
    room.why();
    await nextTurn();
    return room.why() !== undefined;
  };
  expect(room.why()).toBeUndefined(); // It waits for nothing.
  await nextTurn();
  expect(room.why()).toBe(
    "the disk is nearly full, with 50 MB free of the 100 that it takes (minFreeMb): make room on it",
  );
  disk.free = 500;
  expect([room.why() !== undefined, disk.looks]).toEqual([true, 1]);
  expect([await ask(500), await ask(99), await ask(-1), await ask(100)]).toEqual([false, true, false, false]);
  expect(disk.changes).toBe(4);
  disk.least = 0;
  const { looks } = disk;
  expect([await ask(0), disk.looks]).toEqual([false, looks]);
});

it("knows at once where it was looked at before the first question", async () => {
  let looks = 0;
  const settings = { minFreeMb: 100 };
  const room = createDiskRoom({
    ...{ dir: "/", settings: () => settings, monotonicMs: () => 0, onChange: () => undefined },
    free: async () => {
      looks += 1;
      return 50;
    },
  });
  await room.look();
  expect([room.why(), looks]).toEqual([expect.stringContaining("nearly full"), 1]);
  settings.minFreeMb = 0;
  await room.look();
  expect([room.why(), looks]).toEqual([undefined, 1]);
});
