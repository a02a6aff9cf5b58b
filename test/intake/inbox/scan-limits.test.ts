import { chmodSync, truncateSync, utimesSync } from "node:fs";
import { expect, it } from "vitest";
import { DROP_BYTES_MAX } from "../../../src/intake/inbox/limits.ts";
import { freshId, hashBlob } from "../../support/blob-and-id.ts";
import { BROKEN_TEXT, brokenPathsOf, makeInboxWorkspace, pathsOf } from "../../support/inbox-workspace.ts";

const OLD = new Date("2026-01-01T00:00:00Z");

it("hands out at most so many at a time, the oldest first, and asks to be called again at once", async () => {
  const { drop, settledScan, intake, clock } = makeInboxWorkspace({ limits: { filesMax: 3 } });
  for (let index = 0; index < 8; index += 1) {
    const time = new Date(OLD.getTime() - index * 1_000);
    utimesSync(drop(`${index}.md`), time, time);
  }
  const taken: string[] = [];
  for (let scan = await settledScan(); scan.drops.length > 0; scan = await intake.scan()) {
    expect(scan.settledAtMs).toBe(taken.length < 5 ? clock.nowMs : undefined);
    for (const drop of scan.drops) {
      taken.push(drop.path);
      expect(await intake.claim(drop, freshId())).toEqual(drop);
    }
  }
  expect(taken).toEqual([7, 6, 5, 4, 3, 2, 1, 0].map((index) => `inbox/${index}.md`));
});

it("does not ask to be called again while what it handed out is not taken", async () => {
  const { drop, settledScan, intake } = makeInboxWorkspace({ limits: { filesMax: 2 } });
  for (let index = 0; index < 5; index += 1) drop(`${index}.md`);
  const first = await settledScan();
  const second = await intake.scan();
  expect(pathsOf(second)).toEqual(pathsOf(first));
  expect(second.settledAtMs).toBeUndefined();
});

it("hands out no more bytes at a time than it may, but always one file", async () => {
  const { drop, settledScan } = makeInboxWorkspace({ limits: { bytesMax: 100 } });
  utimesSync(drop("0.md", "x".repeat(500)), OLD, OLD);
  drop("1.md");
  expect(pathsOf(await settledScan())).toEqual(["inbox/0.md"]);
});

it("looks at a bounded number of entries, and says so", async () => {
  const { drop, settledScan, intake } = makeInboxWorkspace({ limits: { entriesMax: 4 } });
  for (let index = 0; index < 6; index += 1) drop(`${index}.md`);
  expect((await intake.scan()).notices).toEqual([expect.stringContaining("more than 4 entries")]);
  expect((await settledScan()).drops).toHaveLength(4);
});

it("tells of a bounded number of broken files, and of the others as these are fixed", async () => {
  const { drop, settledScan, intake } = makeInboxWorkspace({ limits: { brokenMax: 2 } });
  for (let index = 0; index < 4; index += 1) {
    const time = new Date(OLD.getTime() + index * 1_000);
    utimesSync(drop(`${index}.md`, BROKEN_TEXT), time, time);
  }
  expect(brokenPathsOf(await settledScan())).toEqual(["inbox/0.md", "inbox/1.md"]);
  drop("0.md");
  const scan = await settledScan();
  expect(brokenPathsOf(scan)).toEqual(["inbox/1.md", "inbox/2.md"]);
  expect(brokenPathsOf(await intake.scan())).toEqual(["inbox/1.md", "inbox/2.md"]);
});

it("does not read again what has not changed", async () => {
  let hashed = 0;
  const count = (bytes: Uint8Array): string => {
    hashed += 1;
    return hashBlob(bytes);
  };
  const { drop, settledScan, intake } = makeInboxWorkspace({ hashBlob: count });
  drop("fix.md");
  drop("broken.md", BROKEN_TEXT);
  await settledScan();
  expect(hashed).toBe(2);
  const scan = await intake.scan();
  expect(hashed).toBe(2);
  expect([scan.drops.length, scan.broken.length]).toEqual([1, 1]);
  chmodSync(drop("broken.md", BROKEN_TEXT), 0o600);
  await settledScan();
  expect(hashed).toBe(3);
});

it("a file that is too large is broken without being read", async () => {
  const { drop, settledScan } = makeInboxWorkspace();
  truncateSync(drop("large.md"), 100 * DROP_BYTES_MAX);
  const scan = await settledScan();
  expect(scan.broken).toMatchObject([{ path: "inbox/large.md", blob: undefined }]);
  expect(scan.broken[0]?.problems[0]?.message).toContain("400.0 MiB");
});
