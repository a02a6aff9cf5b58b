import { describe, expect, it } from "vitest";
import type { InboxScan } from "../../../src/task/file/drop.ts";
import { type InboxWorkspace, makeInboxWorkspace, temporaryFolder } from "../../support/inbox-workspace.ts";
import { type LineProcess, startLineProcess } from "../../support/line-process.ts";

interface Claimed {
  readonly taken: readonly { readonly id: string; readonly path: string }[];
  readonly lost: number;
}

function startIntake(
  { dir, stateDir }: InboxWorkspace,
  environment: Readonly<Record<string, string>> = {},
): LineProcess {
  return startLineProcess("inbox-process.ts", { args: [dir, stateDir], environment });
}

/** Has another process take everything; it ends by SIGKILL at `fault`. */
async function dieAt(workspace: InboxWorkspace, fault: string): Promise<void> {
  const child = startIntake(workspace, { CODEX_INBOX_FAULT: fault });
  await child.ask("scan");
  await expect(child.ask("claim")).rejects.toThrow("SIGKILL");
}

/** Lets the next coordinator finish what is left and take everything else; returns what it got. */
async function recover(workspace: InboxWorkspace): Promise<readonly string[]> {
  const next = workspace.another();
  const got: string[] = [];
  for (const { id, drop } of await next.leftClaims()) {
    got.push(`left: ${drop.path}: ${drop.text}`);
    await next.release(id);
  }
  for (const drop of (await workspace.settledScan(next)).drops) got.push(`dropped: ${drop.path}: ${drop.text}`);
  return got;
}

describe.each([
  { where: "the same file system", options: () => ({}) },
  { where: "another file system", options: () => ({ stateDir: temporaryFolder("/dev/shm") }) },
])("with the claims on $where", ({ options }) => {
  it("a crash before the file was moved leaves it in the inbox, and the claim goes", async () => {
    const workspace = makeInboxWorkspace(options());
    workspace.drop("docs/fix.md");
    await dieAt(workspace, "accept:claim-made");
    expect(workspace.files("inbox")).toEqual(["docs/fix.md"]);
    expect(await recover(workspace)).toEqual(["dropped: inbox/docs/fix.md: Fix the login.\n"]);
  });

  it("a crash after the file was moved gives it to the next coordinator, once", async () => {
    const workspace = makeInboxWorkspace(options());
    workspace.drop("docs/fix.md");
    await dieAt(workspace, "accept:renamed");
    expect(workspace.files("inbox")).not.toContain("docs/fix.md");
    expect(await recover(workspace)).toEqual(["left: inbox/docs/fix.md: Fix the login.\n"]);
    expect(workspace.files("inbox")).toEqual([]);
  });

  it("of two processes that take the same files at once, exactly one gets each", async () => {
    const workspace = makeInboxWorkspace(options());
    const paths = Array.from({ length: 200 }, (_, index) => `inbox/s${index % 7}/${index}.md`).sort();
    for (const path of paths) workspace.drop(path.slice("inbox/".length));
    const children = [startIntake(workspace), startIntake(workspace)];
    for (const child of children) {
      const scan: InboxScan = JSON.parse(await child.ask("scan"));
      expect(scan.drops).toHaveLength(200);
    }
    const claimed = await Promise.all(
      children.map(async (child): Promise<Claimed> => JSON.parse(await child.ask("claim"))),
    );
    const taken = claimed.flatMap((one) => one.taken);
    expect(taken.map((one) => one.path).sort()).toEqual(paths);
    expect(claimed.map((one) => one.lost).reduce((sum, lost) => sum + lost, 0)).toBe(200); // Each tried all of them.
    const left = await workspace.another().leftClaims();
    const expected = taken.map((one) => `${one.id} ${one.path}`).sort();
    expect(left.map((claim) => `${claim.id} ${claim.drop.path}`)).toEqual(expected);
    expect(workspace.files("inbox").filter((name) => name.endsWith(".md"))).toEqual([]);
  });
});
