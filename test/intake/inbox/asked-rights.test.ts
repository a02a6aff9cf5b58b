import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { DEFAULT_RIGHTS, type Rights } from "../../../src/task/rights/rights.ts";
import { freshId } from "../../support/blob-and-id.ts";
import { brokenPathsOf, makeInboxWorkspace, pathsOf } from "../../support/inbox-workspace.ts";

const GREEDY = "---\nsandbox: danger-full-access\n---\nFix it.\n";

/** An inbox whose owner changes the policy by and by. */
function governed(): ReturnType<typeof makeInboxWorkspace> & { allow: (rights: Partial<Rights>) => void } {
  let rights: Rights = DEFAULT_RIGHTS;
  const inbox = makeInboxWorkspace({ rights: () => rights });
  return {
    ...inbox,
    allow: (more) => {
      rights = { ...DEFAULT_RIGHTS, ...more };
    },
  };
}

it("keeps a file that asks for too much until the policy allows it, and then takes it untouched", async () => {
  const { dir, drop, settledScan, intake, allow } = governed();
  drop("a.md", GREEDY);
  const scan = await settledScan();
  expect(scan.drops).toEqual([]);
  expect(scan.broken[0]?.problems).toMatchObject([{ line: 2, column: 10 }]);
  await intake.reportBroken(scan.broken);
  expect(existsSync(join(dir, "inbox/a.error.md"))).toBe(true);
  expect(brokenPathsOf(await intake.scan())).toEqual(["inbox/a.md"]);

  allow({ sandbox: "danger-full-access" });
  const after = await intake.scan();
  expect(pathsOf(after)).toEqual(["inbox/a.md"]);
  await intake.reportBroken(after.broken);
  expect(existsSync(join(dir, "inbox/a.error.md"))).toBe(false);
});

it("no longer takes what was allowed when it was seen", async () => {
  const { drop, settledScan, intake, allow, files } = governed();
  allow({ sandbox: "danger-full-access" });
  drop("a.md", GREEDY);
  const [seen] = (await settledScan()).drops;
  if (seen === undefined) throw new Error("nothing was found");
  allow({});
  expect(await intake.claim(seen, freshId())).toBe("changed");
  expect(files("inbox")).toEqual(["a.md"]);
  expect(brokenPathsOf(await settledScan())).toEqual(["inbox/a.md"]);
});

it("puts back what a crash left on its way in, if it asks for too much by now", async () => {
  const { drop, settledScan, intake, allow, another, files } = governed();
  allow({ sandbox: "danger-full-access" });
  drop("a.md", GREEDY);
  const [seen] = (await settledScan()).drops;
  if (seen === undefined) throw new Error("nothing was found");
  await intake.claim(seen, freshId());
  expect(files("inbox")).toEqual([]);
  allow({});
  expect(await another().leftClaims()).toEqual([]);
  expect(files("inbox")).toEqual(["a.md"]);
});
