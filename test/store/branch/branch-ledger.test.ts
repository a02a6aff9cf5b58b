import { describe, expect, it } from "vitest";
import { createBranchLedger } from "../../../src/store/branch/branch-ledger.ts";
import { openFakeBranch } from "../../fakes/fake-branch.ts";
import { createFakeRepository } from "../../fakes/fake-repository.ts";
import { tempDir } from "../../support/temp-dir.ts";

const ID = "20261120-101010-abcdef";
const OTHER = "20261121-101010-abcdef";

function row(id: string, status: string, run = 1): string {
  return `| 2026-11-20T10:10:10.000Z | ${id} | docs | ${run} | ${status} |  |\n`;
}

/** A ledger over a branch in memory, and how often its files were read. */
function ledgerOver(files: Readonly<Record<string, string>>) {
  const repository = createFakeRepository(tempDir(), Date.now);
  repository.user.commit(files);
  const branch = openFakeBranch(repository);
  const reads: string[] = [];
  const ledger = createBranchLedger({
    ...branch,
    readText(path) {
      reads.push(path);
      return branch.readText(path);
    },
  });
  return { repository, branch, reads, ledger };
}

describe("the ledger of the branch", () => {
  it("gives the row that counts, from tasks.md and the files of the task's day together", async () => {
    const { branch, ledger } = ledgerOver({
      "tasks.md": row(ID, "queued") + row(OTHER, "running"),
      "tasks/2026-11-20/a-0001.md": row(ID, "succeeded"),
      "tasks/2026-11-20/b-0001.md": row(ID, "failed", 1),
      "tasks/2026-11-21/a-0001.md": row(ID, "cancelled", 9),
    });
    await branch.refresh();
    expect(await ledger.find(ID)).toMatchObject({ status: "succeeded", run: 1 });
    expect(await ledger.find(OTHER)).toMatchObject({ status: "running" });
    expect(await ledger.find("20261122-101010-abcdef")).toBeUndefined();
    expect([...(await ledger.current())].map(([id, { status }]) => [id, status])).toEqual([
      [ID, "queued"],
      [OTHER, "running"],
    ]);
  });

  it("is empty where the branch has none", async () => {
    const { branch, ledger } = ledgerOver({ "a.md": "a" });
    await branch.refresh();
    expect(await ledger.find(ID)).toBeUndefined();
    expect((await ledger.current()).size).toBe(0);
  });

  it("reads a file again only when it has changed", async () => {
    const day = "tasks/2026-11-20/a-0001.md";
    const { repository, branch, reads, ledger } = ledgerOver({ "tasks.md": row(ID, "queued"), [day]: "" });
    await branch.refresh();
    for (let n = 0; n < 3; n += 1) await ledger.find(ID);
    expect(reads).toEqual(["tasks.md", day]);
    repository.user.commit({ "src/a.c": "a" });
    await branch.refresh();
    await ledger.find(ID);
    expect(reads).toHaveLength(2);
    repository.user.commit({ "tasks.md": row(ID, "failed") });
    await branch.refresh();
    expect(await ledger.find(ID)).toMatchObject({ status: "failed" });
    repository.user.commit({ [day]: row(ID, "succeeded") });
    await branch.refresh();
    expect(await ledger.find(ID)).toMatchObject({ status: "succeeded" });
    expect(reads).toEqual(["tasks.md", day, "tasks.md", day]);
  });

  it("keeps the days asked for last, and no more than a few", async () => {
    const days = Array.from({ length: 6 }, (_, n) => `2026-11-1${n}`);
    const { branch, reads, ledger } = ledgerOver(
      Object.fromEntries(days.map((day) => [`tasks/${day}/a-0001.md`, "x"])),
    );
    await branch.refresh();
    const ask = (day: string) => ledger.find(`${day.replaceAll("-", "")}-101010-abcdef`);
    for (const day of days) await ask(day);
    const read = reads.length;
    for (const day of days.slice(-4)) await ask(day);
    expect(reads).toHaveLength(read);
    await ask(days[0] ?? "");
    expect(reads).toHaveLength(read + 1);
  });
});
