import { expect, it } from "vitest";
import { createBranchView } from "../../../src/git/commit/branch-view.ts";

it("tells a move of somebody else's although git could not be asked about it at first", async () => {
  let tip = "a".repeat(40);
  let isShort = false;
  const view = createBranchView(
    { topDir: "/" } as never,
    { tip: () => tip } as never,
    {
      async treeOf() {
        if (isShort) throw Object.assign(new Error("too many open files"), { code: "EMFILE" });
        return "tree";
      },
    } as never,
    { last: () => undefined, unseen: () => [], noteMoved: () => undefined } as never,
  );
  await view.refresh();
  expect((await view.refresh()).foreign).toBe(false);
  tip = "b".repeat(40);
  isShort = true;
  await expect(view.refresh()).rejects.toThrow("too many open files");
  isShort = false;
  expect((await view.refresh()).foreign).toBe(true);
  expect((await view.refresh()).foreign).toBe(false);
});
