import fc from "fast-check";
import type { LedgerRow } from "../../src/task/ledger/ledger.ts";
import { appendRows } from "./kept.ts";

const TASKS = ["20261120-141530-k3f9x2", "20261120-141531-bbbbbb", "20261121-000000-cccccc", "20270101-120000-dddddd"];
const TIMES = ["2026-11-20T14:15:30.000Z", "2026-11-20T14:15:30.001Z", "2027-01-01T00:00:00Z"];

/** Random histories of a few tasks: small numbers and few times, so that ties in the fold are common. */
export function ledgerRows(
  detail: fc.Arbitrary<string> = fc.constantFrom("", "a|b", " x\n"),
): fc.Arbitrary<LedgerRow[]> {
  const path = fc.constantFrom(
    "sessions/docs/2026-11-20/141530-x-k3f9x2.md",
    "archive/2026-11-21/a/b/141530-k3f9x2.md",
  );
  const one: fc.Arbitrary<LedgerRow> = fc.record({
    time: fc.constantFrom(...TIMES),
    task: fc.constantFrom(...TASKS),
    session: fc.constantFrom("docs", "a/b"),
    run: fc.integer({ min: 1, max: 3 }),
    status: fc.constantFrom("queued", "running", "verifying", "stopping", "cancelled", "failed", "succeeded"),
    result: fc.option(fc.record({ title: detail, path }), { nil: undefined }),
    detail,
  });
  return fc.array(one, { maxLength: 30 });
}

/** Returns a row as the line of the ledger that records it, without a line end. */
export function ledgerLine(row: LedgerRow): string {
  return appendRows(undefined, [row]).trimEnd().split("\n").at(-1) ?? "";
}
