import { join } from "node:path";
import { expect, it } from "vitest";
import { createAcceptance } from "../../src/intake/acceptance.ts";
import type { Intake } from "../../src/intake/inbox/intake.ts";
import { createBranchLedger } from "../../src/store/branch/branch-ledger.ts";
import { createTaskFolders } from "../../src/store/branch/task-folders.ts";
import { openDropReceipts } from "../../src/store/drop-receipts.ts";
import { openTaskJournal } from "../../src/store/journal/task-journal.ts";
import { loadRecentTasks } from "../../src/store/tasks/recent-tasks.ts";
import { createTaskTable } from "../../src/store/tasks/task-table.ts";
import type { Drop } from "../../src/task/file/drop.ts";
import { parseDropText } from "../../src/task/file/task-file.ts";
import { UNKNOWN_ORIGIN } from "../../src/task/rights/origin.ts";
import { TASK_LIMITS } from "../../src/task/state/task-state.ts";
import { openFakeBranch } from "../fakes/fake-branch.ts";
import { createFakeRepository } from "../fakes/fake-repository.ts";
import { PLAIN_KEEPER } from "../support/kept.ts";
import { tempDir } from "../support/temp-dir.ts";

const now = (): number => Date.UTC(2026, 10, 20);

function drop(path: string, folderKey: string | undefined): Drop {
  const text = `Do ${path}\n`;
  const parsed = parseDropText(text, folderKey);
  if (!parsed.ok) throw new Error(path);
  const { spec, warnings } = parsed;
  return { path, folderKey, text, spec, warnings, blob: path, modifiedAtMs: 0, changedAtMs: 0 };
}

const TAKE = { kind: "take", by: undefined } as const;

it("a drop that has to wait holds back what was dropped after it into the same session, and nothing else", async () => {
  const dir = tempDir();
  const journal = openTaskJournal(join(dir, "journal"), PLAIN_KEEPER);
  const table = createTaskTable(
    journal,
    { now, monotonicMs: now, random: () => 0, after: () => () => undefined },
    () => TASK_LIMITS,
  );
  const branch = openFakeBranch(createFakeRepository(dir, now));
  const later = new Set(["inbox/docs/b.md"]);
  const intake: Pick<Intake, "claim" | "release"> = {
    claim: async (wanted) => (later.has(wanted.path) ? "changed" : wanted),
    release: async () => undefined,
  };
  const acceptance = createAcceptance({
    ...{
      table,
      branch,
      keeper: PLAIN_KEEPER,
      now,
      clone: "aaaaaa",
      isShared: () => false,
      settings: () => ({ settleMs: 0 }),
      starting: new Set<string>(),
      log: () => undefined,
    },
    recent: loadRecentTasks(journal),
    ledger: createBranchLedger(branch),
    edits: { take: () => Promise.reject(new Error("nothing is edited")) },
    runDrops: { catchUp: async () => undefined, judge: () => TAKE, accepted: () => undefined },
    origins: { judge: () => TAKE, of: async () => ({ origin: UNKNOWN_ORIGIN }), ofAgent: () => UNKNOWN_ORIGIN },
    receipts: openDropReceipts(join(dir, "receipts")),
    bound: { isFull: () => false },
    folders: createTaskFolders(branch),
    intake: intake as Intake,
  });
  const docs = ["a", "b", "c"].map((name) => drop(`inbox/docs/${name}.md`, "docs"));
  const others = [drop("inbox/web/d.md", "web"), drop("inbox/e.md", undefined)];
  const accepted = (): readonly (string | undefined)[] => [...table.all()].map(({ source }) => source?.path);

  expect(await acceptance.take([...docs, ...others])).toMatchObject({ again: true });
  expect(accepted()).toEqual(["inbox/docs/a.md", "inbox/web/d.md", "inbox/e.md"]);
  later.clear();
  expect(await acceptance.take(docs.slice(1))).toMatchObject({ again: false });
  expect(accepted().slice(3)).toEqual(["inbox/docs/b.md", "inbox/docs/c.md"]);
});
