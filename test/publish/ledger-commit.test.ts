import { expect, it } from "vitest";
import { buildLedgerEdits } from "../../src/publish/ledger-commit.ts";
import { LEDGER_ROTATE_BYTES, type LedgerRow, parseLedger } from "../../src/task/ledger/ledger.ts";
import { asKept } from "../../src/task/text/kept-text.ts";
import { ledgerLine } from "../support/ledger-rows.ts";

/** Rows of finished tasks that take more than a ledger may hold. */
const CLOSED: readonly LedgerRow[] = Array.from({ length: 900 }, (_, index) => row(index));
const LEDGER = `${CLOSED.map(ledgerLine).join("\n")}\n`;

function row(index: number): LedgerRow {
  const task = `20261120-141530-${String(index).padStart(6, "0")}`;
  return { time: "2026-11-20T14:15:30.000Z", task, session: "docs", run: 1, status: "succeeded", detail: "" };
}

async function plan(text: string, rows: readonly LedgerRow[]): Promise<ReadonlyMap<string, unknown>> {
  const branch = { readText: async () => text, listFolder: async () => [] };
  const edits = await buildLedgerEdits(branch, asKept(rows), () => false, "c1");
  return new Map(edits.map(({ path, apply }) => [path, apply(path === "tasks.md" ? text : undefined)]));
}

it("moves closed rows into a file of their own once they have outgrown the ledger", async () => {
  expect(LEDGER.length).toBeGreaterThan(LEDGER_ROTATE_BYTES);
  const edits = await plan(LEDGER, [row(9_000)]);
  expect([...edits.keys()]).toEqual(["tasks.md", "tasks/2026-11-20/c1-0001.md"]);
  expect(parseLedger(String(edits.get("tasks.md")))).toEqual([row(9_000)]);
});

it("changes nothing where every row is there already: a batch made again after a crash commits nothing", async () => {
  const edits = await plan(LEDGER, [row(0), row(1)]);
  expect([...edits]).toEqual([["tasks.md", "unchanged"]]);
});
