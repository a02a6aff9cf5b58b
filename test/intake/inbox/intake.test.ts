import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import type { Intake } from "../../../src/intake/inbox/intake.ts";
import { freshId } from "../../support/blob-and-id.ts";
import { BROKEN_TEXT, makeInboxWorkspace } from "../../support/inbox-workspace.ts";
import { waitFor } from "../../support/wait-for.ts";

/** Does what a coordinator does: looks at every hint and when something has come to rest, takes what is there, tells what is broken. */
function coordinate(settleMs: number) {
  const taken: string[] = [];
  let isDue = false;
  let isStopped = false;
  let timer: NodeJS.Timeout | undefined;
  const workspace = makeInboxWorkspace({
    settleMs,
    now: Date.now,
    onHint: () => {
      isDue = true;
    },
  });
  const { intake } = workspace;
  const loop = async (): Promise<void> => {
    while (!isStopped) {
      if (isDue) {
        isDue = false;
        const settledAtMs = await takeAll(intake, taken);
        clearTimeout(timer);
        if (settledAtMs !== undefined) {
          timer = setTimeout(
            () => {
              isDue = true;
            },
            Math.max(0, settledAtMs - Date.now()),
          );
        }
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  const looping = loop();
  onTestFinished(async () => {
    isStopped = true;
    clearTimeout(timer);
    await looping;
    await intake.stop();
  });
  return { ...workspace, taken };
}

async function takeAll(intake: Intake, taken: string[]): Promise<number | undefined> {
  const scan = await intake.scan();
  for (const drop of scan.drops) {
    const id = drop.spec.id ?? freshId();
    const held = await intake.claim(drop, id);
    if (typeof held !== "object") continue;
    taken.push(`${held.path}: ${held.text.trim()}`);
    await intake.release(id);
  }
  await intake.reportBroken(scan.broken);
  return scan.settledAtMs;
}

it("by hints alone every file is taken once, however it comes and however often the inbox goes", async () => {
  const { intake, drop, dir, inboxDir, taken, files, notices } = coordinate(50);
  await intake.start();
  const published = freshId();
  drop("fix.md");
  drop("docs/typo.md", "Correct it.\n");
  drop(".new", "Published.\n");
  renameSync(join(inboxDir, ".new"), join(inboxDir, `${published}.md`));
  drop("broken.md", BROKEN_TEXT);
  await waitFor(() => taken.length === 3 && files("inbox").includes("broken.error.md"), { what: "all to be taken" });
  expect(files("inbox")).toEqual(["broken.error.md", "broken.md"]);
  expect([...taken].sort()).toEqual(
    ["inbox/fix.md: Fix the login.", "inbox/docs/typo.md: Correct it.", `inbox/${published}.md: Published.`].sort(),
  );
  rmSync(inboxDir, { recursive: true });
  mkdirSync(inboxDir);
  drop("after.md", "After.\n");
  await waitFor(() => taken.includes("inbox/after.md: After."), { what: "a file in the new inbox" });
  renameSync(inboxDir, join(dir, "away"));
  mkdirSync(join(dir, "next"));
  writeFileSync(join(dir, "next", "later.md"), "Later.\n");
  renameSync(join(dir, "next"), inboxDir);
  await waitFor(() => taken.includes("inbox/later.md: Later."), { what: "a file in an inbox renamed into place" });
  expect(taken).toHaveLength(5);
  expect(files("inbox")).toEqual([]);
  expect(notices).toEqual([]);
});

it("looks asked for at once are made one after the other", async () => {
  const { intake, drop } = makeInboxWorkspace({ settleMs: 0 });
  for (let index = 0; index < 20; index += 1) drop(`${index}.md`);
  const scans = await Promise.all([intake.scan(), intake.scan(), intake.scan()]);
  expect(scans.map((scan) => scan.drops.length)).toEqual([20, 20, 20]);
  expect(scans[2]?.drops[0]).toBe(scans[0]?.drops[0]); // Read once.
});
