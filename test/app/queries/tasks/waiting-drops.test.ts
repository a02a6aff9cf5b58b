import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, it } from "vitest";
import { lookIntoInbox } from "../../../../src/app/queries/tasks/waiting-drops.ts";
import { tempDir } from "../../../support/temp-dir.ts";

function workspaceWith(...paths: readonly string[]): string {
  const dir = tempDir();
  for (const path of paths) {
    mkdirSync(dirname(join(dir, path)), { recursive: true });
    writeFileSync(join(dir, path), "Do it.");
  }
  return dir;
}

it("what waits in inbox/ is named as the coordinator would take it: no drafts, and apart from it what was refused", async () => {
  const dir = workspaceWith(
    ...["inbox/b.md", "inbox/docs/a.md", "inbox/_draft.md", "inbox/README.md", "inbox/x.txt"],
    ...["inbox/bad.md", "inbox/bad.error.md"],
  );
  expect(await lookIntoInbox(dir)).toEqual({
    inbox: { count: 2, paths: ["inbox/b.md", "inbox/docs/a.md"] },
    broken: ["inbox/bad.md"],
  });
});

it("a hundred of many are named, and without inbox/ there are none", async () => {
  const dir = workspaceWith(...Array.from({ length: 120 }, (_, index) => `inbox/${1_000 + index}.md`));
  const { inbox: waiting } = await lookIntoInbox(dir);
  expect([waiting?.count, waiting?.paths.length, waiting?.paths[0]]).toEqual([120, 100, "inbox/1000.md"]);
  expect(await lookIntoInbox(tempDir())).toEqual({ inbox: null, broken: [] });
});
